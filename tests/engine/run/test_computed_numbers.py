"""Times and counts that expressions give: asked once when the step starts, the same for every attempt and for the undo."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from temporalio import activity

from advanced_workflow.activities.action.errors import ActionError
from advanced_workflow.workflows.contract import UndoInput
from tests.harness import Harness, definition, eventually, outcome_of

HOURS = {"timeout": "input.hours", "total_timeout": "'10h'", "heartbeat_timeout": "duration('50m')"}

INSIDE = {"step_id": "b", "step_type": "assign"}


async def test_a_steps_times_are_those_that_their_expressions_gave_when_it_started(harness: Harness) -> None:
    seen: list[tuple[str, timedelta | None, timedelta | None, timedelta | None]] = []

    def note() -> None:
        info = activity.info()
        seen.append(
            (info.activity_id, info.start_to_close_timeout, info.heartbeat_timeout, info.schedule_to_close_timeout)
        )

    def work() -> None:
        note()
        if len(seen) < 2:
            raise ActionError("again", type="Again")

    def undo(undo: UndoInput) -> None:
        assert undo.outcome == "completed"
        note()

    def fail() -> None:
        raise ActionError("no", type="Refused", retryable=False)

    copy = {"step_id": "a", "action": "work", "retry_policy": {"delay": 0.1}, "rollback_actions": ["undo"], **HOURS}
    fan = {"step_id": "each", "step_type": "parallel", "for_each": "['2h']", "parallel_steps": [copy]}
    copy["timeout"] = "item"  # What a copy sees is gone when it is undone.
    outcome = await harness.run(
        definition(fan, {"step_id": "end", "action": "fail", "dependencies": ["each"]}, timeout="2d"),
        actions={"work": work, "undo": undo, "fail": fail},
    )

    assert outcome.failure == "WorkflowFailed", outcome.message
    two, minutes = timedelta(hours=2), timedelta(minutes=50)
    first, again, undone = seen
    assert first == again == ("each[0].a", two, minutes, timedelta(hours=10))
    assert undone == ("each[0].a.rollback[0]", timedelta(hours=1), minutes, timedelta(hours=1))


@pytest.mark.parametrize(
    ("step", "sentence"),
    [
        ({"action": "work", "timeout": "input.x"}, "step 'a', timeout: -1 is not a number of seconds between 0.001"),
        (
            {"action": "work", "total_timeout": "input.text"},
            "step 'a', total_timeout: 'soon': it is no duration; write",
        ),
        ({"action": "work", "queue_timeout": "input.list"}, "step 'a', queue_timeout: [1] is not a number of seconds"),
        (
            {"action": "work", "execution": "local", "timeout": "input.x + 21"},
            "step 'a', timeout: 20 s are too long for a local step, which has at most 10 s.",
        ),
        (
            {"step_type": "parallel", "for_each": "[1]", "max_concurrency": "input.x", "parallel_steps": [INSIDE]},
            "step 'a', max_concurrency: -1 is not a whole number from 1",
        ),
        (
            {"step_type": "human_approval", "approval": {"required": "input.x"}},
            "step 'a', approval.required: -1 is not a whole number from 1",
        ),
        (
            {
                "step_type": "human_approval",
                "approval": {"approvers": ["ann", "bob"], "required": "3 + input.x - input.x"},
            },
            "step 'a', approval.required: 3 approvals are required, but only 2 distinct people may decide.",
        ),
        (
            {"step_type": "wait", "wait": {"event": "e", "timeout": "input.missing"}},
            "step 'a', wait.timeout: ",
        ),
    ],
)
async def test_what_an_expression_gives_and_is_no_such_number_is_the_steps_failure(
    harness: Harness, step: dict[str, Any], sentence: str
) -> None:
    outcome = await harness.run(
        definition({"step_id": "a", **step}), {"x": -1, "text": "soon", "list": [1]}, actions={"work": lambda: None}
    )

    assert outcome.failure == "WorkflowFailed"
    assert sentence in outcome.message


async def test_waits_and_approvals_end_when_their_expressions_say(skipping: Harness) -> None:
    asked = {"deadline": "input.days * 86400", "on_timeout": "approve", "required": "size(input.people)"}
    outcome = await skipping.run(
        definition(
            {
                "step_id": "a",
                "step_type": "wait",
                "wait": {"event": "e", "timeout": "input.soon", "on_timeout": "continue"},
            },
            {"step_id": "b", "step_type": "human_approval", "dependencies": ["a"], "approval": asked},
            timeout="4w",
        ),
        {"days": 3, "soon": "PT2H", "people": ["ann", "bob"]},
    )

    assert outcome.failure is None, outcome.message
    assert 266_400 <= outcome.report.duration_seconds < 266_500


async def test_a_quorum_and_a_group_may_be_computed(harness: Harness) -> None:
    approval = {"required": "size(input.people)", "approvers": [{"expression": "'group:' + input.team"}]}
    async with harness.worker():
        run = await harness.start(
            definition({"step_id": "ask", "step_type": "human_approval", "approval": approval}),
            {"people": [1, 2], "team": "finance"},
        )
        (pending,) = await eventually(run.pending_approvals)
        assert (pending.required, pending.approvers) == (2, ["group:finance"])
        first = await run.approve("ask", approver="ann", groups=["finance"])
        second = await run.approve("ask", approver="bob", groups=["finance"])
        outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message
    assert [(one.state, one.approvals, one.required) for one in (first, second)] == [
        ("counted", 1, 2),
        ("decided", 2, 2),
    ]


async def test_at_most_so_many_copies_run_as_the_expression_gives(harness: Harness) -> None:
    fan = {"step_id": "each", "step_type": "parallel", "for_each": "[1, 2, 3, 4]", "max_concurrency": "input.most"}
    wait = {"step_id": "w", "step_type": "wait", "wait": {"event": "go"}}
    async with harness.worker():
        run = await harness.start(definition({**fan, "parallel_steps": [wait]}), {"most": 2})
        await eventually(lambda: _waiting(run, 2))
        for _ in range(4):
            await run.send_event("go", None)
        outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message


async def _waiting(run: Any, count: int) -> bool:
    state = await run.state()
    return sum(one.status == "waiting" for one in state.steps) == count


async def test_a_runs_own_time_may_come_from_its_input(skipping: Harness) -> None:
    waits = {"step_id": "hold", "step_type": "wait", "wait": {"event": "never"}}
    timed = definition(waits, timeout="input.days * 24 * 3600")
    late = await skipping.run(timed, {"days": 3})
    refused = await skipping.run(timed, {"days": "three"})
    missing = await skipping.run(timed, {})

    assert (late.failure, "within its timeout of 259200 seconds" in late.message) == ("WorkflowTimeout", True)
    for one in (refused, missing):
        assert one.failure == "InputInvalid"
        assert "'timeout' of 'test' cannot be had from this input" in one.message
