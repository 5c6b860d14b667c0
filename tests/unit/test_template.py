from __future__ import annotations

from typing import Any

import pytest

from advanced_workflow.workflows.definition.model.roots import ORDINARY
from advanced_workflow.workflows.errors import ExpressionError, ExpressionInvalid
from advanced_workflow.workflows.expressions import Reference, compile_mapping

SCOPE: dict[str, Any] = {"input": {"id": "o-1", "price": 3}, "workflow": {}}


def test_strings_are_expressions_and_other_values_are_literals() -> None:
    mapping = {
        "id": "input.id",
        "text": "'input.id'",
        "limit": 5,
        "deep": {"list": ["input.price * 2", True, None, 1.5]},
    }

    template = compile_mapping(mapping, ORDINARY)

    assert template.evaluate(SCOPE) == {
        "id": "o-1",
        "text": "input.id",
        "limit": 5,
        "deep": {"list": [6, True, None, 1.5]},
    }
    assert template.references == {Reference("input", ("id",), 1), Reference("input", ("price",), 1)}


def test_a_mapping_keeps_its_own_order() -> None:
    assert list(compile_mapping({"z": "1", "a": "2"}, ORDINARY).evaluate({})) == ["z", "a"]


def test_text_that_comes_from_data_is_never_evaluated() -> None:
    assert compile_mapping({"a": "input"}, ORDINARY).evaluate({"input": "1 + 1"}) == {"a": "1 + 1"}


def test_a_refused_expression_names_its_place() -> None:
    with pytest.raises(ExpressionInvalid) as caught:
        compile_mapping({"items": [{"price": "1 +"}]}, ORDINARY)

    assert str(caught.value) == ".items[0].price: it ends too early in expression '1 +', column 4"


def test_a_failed_expression_names_its_place() -> None:
    template = compile_mapping({"items": [1, {"price": "input.cost"}]}, ORDINARY)

    with pytest.raises(ExpressionError) as caught:
        template.evaluate(SCOPE)

    assert caught.value.reason == ".items[1].price: no field 'cost' in input (it has: id, price)"
    assert (caught.value.source, caught.value.column) == ("input.cost", 7)


def test_each_evaluation_gives_new_containers() -> None:
    template = compile_mapping({"list": []}, ORDINARY)

    template.evaluate({})["list"].append(1)

    assert template.evaluate({}) == {"list": []}


def test_a_mapping_nested_too_deeply_is_refused() -> None:
    mapping: Any = "1"
    for _ in range(200):
        mapping = [mapping]

    with pytest.raises(ExpressionInvalid, match="nested deeper than 100 levels"):
        compile_mapping(mapping, ORDINARY)
