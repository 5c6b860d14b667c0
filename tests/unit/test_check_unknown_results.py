"""`rollback_mapping` where it is not known what the action did, so that there is no result."""

import json

import pytest

from tests.unit.checking import checked

UNDOABLE = "- {{step_id: a, action: x, rollback_actions: [undo], rollback_mapping: {{id: {value}}}}}"


@pytest.mark.parametrize("value", ["result.id", "result.a.b", "size(result)", "'x' + result.id", "result['a b']"])
def test_an_undo_that_needs_a_result_is_told_that_there_may_be_none(value: str) -> None:
    found = checked(UNDOABLE.format(value=json.dumps(value)))

    assert [(one.code, one.path, one.severity) for one in found] == [
        ("unknown_result", "steps[0].rollback_mapping.id", "warning")
    ]


@pytest.mark.parametrize(
    "value",
    [
        "result",
        "result.?id.orValue(null)",
        "has(result.id) ? result.id : ''",
        "result == null ? '' : result.id",
        "input.id",
    ],
)
def test_an_undo_that_says_what_it_needs_without_a_result_is_told_nothing(value: str) -> None:
    assert checked(UNDOABLE.format(value=json.dumps(value))) == []
