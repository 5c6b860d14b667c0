from __future__ import annotations

from typing import Any

import pytest
from pydantic import JsonValue

from advanced_workflow.workflows.definition.model.conditions import Condition, Operator
from advanced_workflow.workflows.definition.model.roots import ORDINARY
from advanced_workflow.workflows.errors import ExpressionError, ExpressionInvalid
from advanced_workflow.workflows.expressions import compile_condition, compile_test

SCOPE: dict[str, Any] = {
    "input": {
        "total": 100,
        "rate": 1.5,
        "name": "order-17",
        "tags": ["new", "vip"],
        "map": {"a": 1},
        "none": None,
        "yes": True,
    }
}


def holds(field: str, operator: str, value: Any = None) -> bool:
    condition = Condition.model_validate({"field": field, "operator": operator, "value": value})
    return compile_condition(condition, ORDINARY).holds(SCOPE)


def test_an_expression_holds_when_it_gives_true() -> None:
    assert compile_condition(Condition.model_validate("input.total > 99"), ORDINARY).holds(SCOPE) is True
    assert compile_condition(Condition.model_validate({"expression": "input.yes"}), ORDINARY).holds(SCOPE) is True
    assert compile_test("input.total > 100", ORDINARY).holds(SCOPE) is False


@pytest.mark.parametrize(
    ("field", "operator", "value", "expected"),
    [
        ("input.total", "==", 100, True),
        ("input.total", "==", 100.0, True),
        ("input.total", "==", "100", False),
        ("input.yes", "==", 1, False),
        ("input.total", "!=", 100, False),
        ("input.total", ">", 99.5, True),
        ("input.total", ">", 100, False),
        ("input.total", ">=", 100, True),
        ("input.total", "<", 100, False),
        ("input.total", "<", 101, True),
        ("input.total", "<=", 100, True),
        ("input.name", "<", "z", True),
        ("input.total * 2", "==", 200, True),
        ("input.name", "in", ["order-17", "x"], True),
        ("input.name", "in", [], False),
        ("input.name", "not_in", ["x"], True),
        ("input.tags", "contains", "vip", True),
        ("input.tags", "contains", "old", False),
        ("input.name", "contains", "der", True),
        ("input.map", "contains", "a", True),
        ("input.name", "matches", "[0-9]+", True),
        ("input.name", "matches", "^[0-9]+", False),
        ("input.total", "exists", None, True),
        ("input.total", "exists", True, True),
        ("input.total", "exists", False, False),
        ("input.none", "exists", None, False),
        ("input.never.deeper", "exists", None, False),
        ("input.never", "exists", False, True),
    ],
)
def test_a_field_is_compared_with_a_value(field: str, operator: str, value: Any, expected: bool) -> None:
    assert holds(field, operator, value) is expected


@pytest.mark.parametrize(
    ("field", "operator", "value", "reason"),
    [
        ("input.name", ">", 5, "operator '>': cannot tell which is less, an int or a string"),
        ("input.none", "<", 5, "operator '<': cannot tell which is less, null or an int"),
        ("input.total", "contains", 1, "operator 'contains': needs a string, a list or a map, not an int"),
        ("input.name", "contains", 1, "operator 'contains': a string cannot contain an int"),
        ("input.total", "matches", "1", "operator 'matches': needs a string, not an int"),
        ("input.never", "==", 1, "no field 'never' in input"),
        ("input.total.x", "exists", None, "input.total is an int, so it has no field 'x'"),
    ],
)
def test_values_that_cannot_be_compared_are_an_error(field: str, operator: str, value: Any, reason: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        holds(field, operator, value)

    assert reason in caught.value.reason
    assert caught.value.source == field


@pytest.mark.parametrize(
    ("operator", "value", "reason"),
    [
        ("in", "abc", "operator 'in': the value must be a list, not a string"),
        ("not_in", None, "operator 'not_in': the value must be a list, not null"),
        ("matches", "(", "operator 'matches': invalid regular expression"),
        ("matches", 5, "operator 'matches': the value must be a pattern, not an int"),
        ("exists", 5, "operator 'exists': 'exists' needs a bool, not an int"),
        ("<", [1], "operator '<': cannot tell which is less"),
    ],
)
def test_a_value_that_never_fits_is_refused_when_compiled(operator: str, value: Any, reason: str) -> None:
    with pytest.raises(ExpressionInvalid) as caught:
        holds("input.total", operator, value)

    assert reason in caught.value.reason


def test_a_condition_must_give_a_bool() -> None:
    with pytest.raises(ExpressionInvalid, match="gives number, but a condition must give a bool"):
        compile_condition(Condition.model_validate("input.total * 2"), ORDINARY)
    condition = compile_condition(Condition.model_validate("input.total"), ORDINARY)
    with pytest.raises(ExpressionError, match="gave an int, but a condition must give a bool"):
        condition.holds(SCOPE)


def test_a_default_condition_has_nothing_to_compile() -> None:
    with pytest.raises(ExpressionInvalid, match="nothing to test"):
        compile_condition(Condition.model_validate({"default": True}), ORDINARY)


def test_the_references_are_those_of_the_field() -> None:
    condition = Condition.model_validate({"field": "steps.a.output.total", "operator": ">", "value": 1})

    references = compile_condition(condition, ORDINARY).references

    assert [(reference.root, reference.path) for reference in references] == [("steps", ("a", "output", "total"))]


VALUES: dict[Operator, JsonValue] = {
    Operator.IN: [1],
    Operator.NOT_IN: [1],
    Operator.MATCHES: "1",
    Operator.EXISTS: True,
}


@pytest.mark.parametrize("operator", Operator)
def test_each_operator_of_definitions_can_be_compiled(operator: Operator) -> None:
    condition = Condition(field="input.total", operator=operator, value=VALUES.get(operator, 1))

    references = compile_condition(condition, ORDINARY).references

    assert {(one.root, *one.path) for one in references} == {("input", "total")}
