"""Numbers of a definition that may be expressions: what `check` sees of them, and what runs keep."""

from __future__ import annotations

import json
from typing import Any

import pytest

from advanced_workflow.workflows.contract.paths import StepPath
from advanced_workflow.workflows.definition.model.marked import marks_of, models_within
from advanced_workflow.workflows.definition.model.markers import Pinned
from advanced_workflow.workflows.definition.model.results import read_count, read_span, read_wait
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow
from advanced_workflow.workflows.engine.undo.armed import Armed
from tests.unit.checking import checked, codes_of

ACT, ASK, ALL = "action: x", "step_type: human_approval", "step_type: parallel, for_each: input.all"


def found(step: str) -> list[tuple[str, str]]:
    return [
        (one.code, one.path.removeprefix("steps[0]."))
        for one in checked(f"- {{step_id: a, {step}}}")
        if "parallel_steps" not in one.path
    ]


@pytest.mark.parametrize(
    "step",
    [
        f"{ACT}, timeout: input.hours * 3600",
        f"{ACT}, timeout: \"duration('5m')\", total_timeout: \"'5h'\", queue_timeout: workflow.?wait.orValue(5)",
        f"{ACT}, timeout: \"input.fast ? '5s' : '5m'\", heartbeat_timeout: \"step.path == 'a' ? 5 : 6\"",
        f"{ASK}, approval: {{approvers: [ann], required: size(input.people), deadline: input.due}}",
        f"{ASK}, approval: {{approvers: [ann, bob], required: 1, deadline: input.due, on_timeout: approve}}",
        "step_type: wait, wait: {event: e, timeout: input.patience}",
        "step_type: webhook, webhook: {url: input.url, callback: {event: e, timeout: input.patience}}",
        f"{ALL}, max_concurrency: input.most, parallel_steps: [{{step_id: b, action: x, timeout: item.seconds}}]",
    ],
)
def test_an_expression_may_stand_for_a_number(step: str) -> None:
    assert [one for one in found(step) if one[0] != "unknown_variable"] == []


@pytest.mark.parametrize(
    ("step", "place"),
    [
        (f"{ACT}, timeout: '5 +'", "timeout"),
        (f"{ACT}, timeout: \"'abc'\"", "timeout"),
        (f"{ACT}, timeout: '[5]'", "timeout"),
        (f"{ACT}, timeout: '-5'", "timeout"),
        (f"{ACT}, total_timeout: 'true'", "total_timeout"),
        (f"{ACT}, queue_timeout: nothing.here", "queue_timeout"),
        (f"{ACT}, heartbeat_timeout: result.x", "heartbeat_timeout"),
        (f"{ASK}, approval: {{required: '0', deadline: 60}}", "approval.required"),
        (f"{ASK}, approval: {{required: '1.5', deadline: 60}}", "approval.required"),
        (f"{ASK}, approval: {{required: \"'two'\", deadline: 60}}", "approval.required"),
        (f"{ASK}, approval: {{deadline: \"'P1Y'\"}}", "approval.deadline"),
        ("step_type: wait, wait: {event: e, timeout: event.x}", "wait.timeout"),
        (f"{ALL}, max_concurrency: '0', parallel_steps: [{{step_id: b, action: x}}]", "max_concurrency"),
        (f"{ALL}, max_concurrency: item, parallel_steps: [{{step_id: b, action: x}}]", "max_concurrency"),
    ],
)
def test_one_that_can_give_no_such_number_is_refused(step: str, place: str) -> None:
    assert found(step) == [("bad_expression", place)]


@pytest.mark.parametrize(("field", "wrong"), [("timeout", "90 s"), ("queue_timeout", "1:30"), ("total_timeout", "P1M")])
def test_what_is_like_a_duration_is_no_expression(field: str, wrong: str) -> None:
    (told,) = checked(f"- {{step_id: a, action: x, {field}: '{wrong}'}}")

    assert (told.code, told.path) == ("wrong_value", f"steps[0].{field}")
    assert told.fix.startswith("Write ")


def test_numbers_that_are_written_are_still_compared() -> None:
    assert found(f"{ASK}, approval: {{approvers: [ann], required: 2, deadline: 60}}") == [
        ("quorum_unreachable", "approval.required")
    ]
    assert ("timeout_relation", "total_timeout") in found(f"{ACT}, total_timeout: 2h")
    assert found(f"{ACT}, timeout: 10m, total_timeout: input.x") == []
    assert found(f"{ACT}, timeout: input.x, total_timeout: 5m") == []


@pytest.mark.parametrize("value", [0.001, 5, "5s", "PT1H", 315_360_000])
def test_a_time_is_read_from_a_number_or_text(value: object) -> None:
    assert read_span(value) > 0


def _said(value: object) -> str:
    return json.dumps(value) if value is None or isinstance(value, bool) else repr(value)


@pytest.mark.parametrize("value", [0, 0.0001, -1, 315_360_001, 10**400, True, None, [5], {}, "5", "soon", "0s", "1Y"])
def test_what_is_no_time_is_told_with_the_value(value: object) -> None:
    with pytest.raises(ValueError, match=r"write|not a number of seconds") as told:
        read_span(value)
    assert _said(value)[:20] in str(told.value)


def test_a_wait_may_be_for_no_time_at_all() -> None:
    assert read_wait(0) == read_wait("0s") == 0


@pytest.mark.parametrize("value", [0, -1, 1.5, 2**31, True, None, "1", [1], 10**400])
def test_what_is_no_count_is_told_with_the_value(value: object) -> None:
    with pytest.raises(ValueError, match="is not a whole number from 1 to"):
        read_count(value)
    assert (read_count(2), read_count(3.0)) == (2, 3)


def test_the_fields_that_may_be_expressions_are_these() -> None:
    times = ("timeout", "total_timeout", "heartbeat_timeout", "queue_timeout")
    assert {
        one.__name__: tuple(marks) for one in models_within(AdvancedWorkflow) if (marks := marks_of(one, Pinned))
    } == {
        "WorkflowStep": (*times, "max_concurrency"),
        "Approval": ("required", "deadline"),
        "WaitFor": ("timeout",),
        "Callback": ("timeout",),
        "Tool": times,
        "Worker": times,
    }


def test_an_armed_step_keeps_the_times_that_its_undo_has() -> None:
    known: list[Any] = ["a", StepPath("a"), "run:a", None]
    armed = Armed(*known, numbers={"timeout": 5})

    assert Armed.load(json.loads(json.dumps(armed.dump()))) == armed
    assert len(Armed(*known).dump()) == 6, "a step without is kept as ever"
    assert Armed.load(Armed(*known, undone=1).dump()) == Armed(*known, undone=1)


def test_a_workflows_own_time_sees_the_input_alone() -> None:
    good, bad = (
        {"workflow_id": "w", "steps": [{"step_id": "a", "step_type": "assign"}], "timeout": one}
        for one in ("input.x", "steps.a.output")
    )

    assert codes_of(good) == []
    assert codes_of(bad) == ["bad_expression"]
