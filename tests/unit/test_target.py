from __future__ import annotations

from typing import Any

import pytest

from advanced_workflow.workflows.definition.model.roots import ORDINARY, RESULT
from advanced_workflow.workflows.errors import ExpressionError, ExpressionInvalid
from advanced_workflow.workflows.expressions import compile_targets, parse_target

ROOTS = ORDINARY | RESULT


def assigned(target: str, variables: dict[str, Any], value: Any) -> dict[str, Any]:
    parse_target(target).assign(variables, value)
    return variables


def test_a_value_is_written_and_objects_on_the_way_are_made() -> None:
    assert assigned("workflow.a", {}, 1) == {"a": 1}
    assert assigned("workflow.a.b.c", {"a": {"x": 1}}, 2) == {"a": {"x": 1, "b": {"c": 2}}}
    assert assigned("workflow.a.b", {"a": None}, 2) == {"a": {"b": 2}}
    assert assigned("workflow.a", {"a": 1}, None) == {"a": None}


def test_brackets_append() -> None:
    assert assigned("workflow.list[]", {}, 1) == {"list": [1]}
    assert assigned("workflow.list[]", {"list": [1]}, [2]) == {"list": [1, [2]]}
    assert assigned("workflow.a.list[]", {"a": {"list": None}}, 1) == {"a": {"list": [1]}}


def test_values_shared_with_others_are_not_changed() -> None:
    shared: dict[str, Any] = {"inner": {"list": [1]}}
    variables = {"a": shared}

    parse_target("workflow.a.inner.list[]").assign(variables, 2)

    assert variables == {"a": {"inner": {"list": [1, 2]}}}
    assert shared == {"inner": {"list": [1]}}


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("workflow.name.b", "cannot write to 'workflow.name.b': 'workflow.name' is a string, not an object"),
        ("workflow.name[]", "cannot append to 'workflow.name[]': 'workflow.name' is a string, not a list"),
        ("workflow.list.b", "cannot write to 'workflow.list.b': 'workflow.list' is a list, not an object"),
        ("workflow.a.b.c", "cannot write to 'workflow.a.b.c': 'workflow.a.b' is an int, not an object"),
    ],
)
def test_what_is_in_the_way_is_named(target: str, reason: str) -> None:
    variables: dict[str, Any] = {"name": "x", "list": [], "a": {"b": 1}}
    with pytest.raises(ExpressionError) as caught:
        parse_target(target).assign(variables, 1)

    assert str(caught.value) == reason


@pytest.mark.parametrize(
    "target",
    ["", "workflow", "workflow.", "steps.a", "workflow.a[0]", "workflow[]", "workflow.a b", "workflow.a[].b", "a"],
)
def test_anything_else_is_no_target(target: str) -> None:
    with pytest.raises(ExpressionInvalid, match=r"is not a target; write workflow\.NAME"):
        parse_target(target)


def test_an_output_mapping_writes_all_its_results() -> None:
    mapping = compile_targets({"result.id": "workflow.order.id", "workflow.count + 1": "workflow.count"}, ROOTS)
    variables: dict[str, Any] = {"count": 1}

    mapping.apply({"result": {"id": "o-1"}, "workflow": variables}, variables)

    assert variables == {"count": 2, "order": {"id": "o-1"}}
    assert {reference.root for reference in mapping.references} == {"result", "workflow"}


def test_an_output_mapping_writes_nothing_when_part_of_it_fails() -> None:
    variables: dict[str, Any] = {"name": "x"}

    with pytest.raises(ExpressionError, match=r"workflow\.b: no field 'nope' in result"):
        compile_targets({"result.id": "workflow.a", "result.nope": "workflow.b"}, ROOTS).apply(
            {"result": {"id": 1}}, variables
        )
    with pytest.raises(ExpressionError, match="cannot write to"):
        compile_targets({"1": "workflow.a", "2": "workflow.name.x"}, ROOTS).apply({}, variables)

    assert variables == {"name": "x"}


def test_a_refused_expression_names_its_target() -> None:
    with pytest.raises(ExpressionInvalid, match=r"workflow\.a: unknown name 'item'"):
        compile_targets({"item": "workflow.a"}, ROOTS)


def test_two_results_for_one_place_are_refused() -> None:
    with pytest.raises(ExpressionInvalid, match=r"two results are written to 'workflow\.a'"):
        compile_targets({"1": "workflow.a", "2": "workflow.a"}, ROOTS)
    assert len(compile_targets({"1": "workflow.a[]", "2": "workflow.a[]"}, ROOTS).entries) == 2
