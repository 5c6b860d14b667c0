from __future__ import annotations

from typing import Any

from advanced_workflow.activities.action import context
from advanced_workflow.activities.action.errors import ActionError
from tests.engine.stage import Stage, act, deed, fan, loop, output_of, says
from tests.harness import Harness, Outcome, definition, outcome_of
from tests.patience import never_ends

LOCAL = {"execution": "local"}


async def scheduled(outcome: Outcome) -> list[str]:
    """Ids of the regular activities in the history."""
    events = (await outcome.handle.fetch_history()).events
    ids = (event.activity_task_scheduled_event_attributes.activity_id for event in events)
    return [one for one in ids if one]


async def test_a_local_action_runs_like_any_other_and_leaves_only_a_marker(harness: Harness) -> None:
    seen: list[str] = []

    def note(n: int) -> dict[str, Any]:
        seen.append(context.idempotency_key())
        return {"n": n + 1, "at": context.step_path()}

    stage = Stage({"bad": 1})
    outcome = await harness.run(
        definition(
            {
                "step_id": "a",
                "action": "note",
                "input_mapping": {"n": "input.n"},
                "rollback_actions": ["undo"],
                **LOCAL,
            },
            act("b", "a", **says("steps.a.output")),
            act("bad", "b"),
        ),
        {"n": 1},
        actions={**stage.actions, "note": note},
        state=True,
    )

    key = f"{outcome.report.execution_id}:a"
    assert outcome.failure == "WorkflowFailed"
    assert output_of(outcome, "b") == {"n": 2, "at": "a"}
    assert seen == [key]
    assert await scheduled(outcome) == ["b", "bad"]
    markers = [
        event
        for event in (await outcome.handle.fetch_history()).events
        if event.HasField("marker_recorded_event_attributes")
    ]
    assert len(markers) == 3
    given = stage.undo_inputs["a"]
    assert (given["input"], given["output"], given["idempotency_key"]) == ({"n": 1}, {"n": 2, "at": "a"}, key)
    assert stage.undone == ["a"]


async def test_a_local_action_is_retried_with_the_same_key_and_may_fail_for_good(harness: Harness) -> None:
    calls: list[tuple[int, str]] = []

    def flaky() -> str:
        calls.append((context.attempt(), context.idempotency_key()))
        if len(calls) < 3:
            raise ActionError("not yet", type="Busy")
        return "done"

    def hopeless() -> None:
        raise ActionError("never", type="Hopeless", retryable=False)

    retries = {"retry_policy": {"delay": 0.05, "backoff_strategy": "fixed"}}
    outcome = await harness.run(
        definition(
            {"step_id": "flaky", **LOCAL, **retries},
            {"step_id": "hopeless", "error_handlers": ["mend"], **LOCAL, **retries},
            act("mend", **says("steps.hopeless.error.type")),
            act("end", "flaky", "hopeless", **says("steps.flaky.output")),
        ),
        actions={**Stage().actions, "flaky": flaky, "hopeless": hopeless},
        state=True,
    )

    assert outcome.failure is None, outcome.message
    assert [attempt for attempt, _ in calls] == [1, 2, 3]
    assert len({key for _, key in calls}) == 1
    assert (output_of(outcome, "end"), output_of(outcome, "mend")) == ("done", "Hopeless")


async def test_a_local_action_that_takes_too_long_may_have_had_its_effect(harness: Harness) -> None:
    stage = Stage()

    async def slow() -> None:
        await never_ends()

    once = {"retry_policy": {"max_attempts": 1}}
    outcome = await harness.run(
        definition({"step_id": "slow", "timeout": 0.3, "rollback_actions": ["undo"], **LOCAL, **once}),
        actions={**stage.actions, "slow": slow},
    )

    assert outcome.failure == "WorkflowFailed"
    assert outcome.report.error is not None
    assert outcome.report.error.type == "Timeout"
    assert stage.undo_inputs["slow"]["outcome"] == "unknown"


async def test_a_local_undo_that_fails_is_retried_beside_the_run(harness: Harness) -> None:
    stage = Stage({"bad": 1})
    attempts: list[int] = []

    def undo(given: dict[str, Any]) -> None:
        attempts.append(context.attempt())
        if len(attempts) < 3:
            raise ActionError("not yet")

    outcome = await harness.run(
        definition(deed("a", **LOCAL), act("bad", "a")), actions={**stage.actions, "undo": undo}
    )

    assert outcome.failure == "WorkflowFailed"
    assert attempts == [1, 1, 2]
    assert await scheduled(outcome) == ["bad", "a.rollback[0]"]
    assert outcome.undone() == ["a"]


async def test_local_actions_run_in_rounds_and_copies_and_end_with_the_run(harness: Harness) -> None:
    stage = Stage({"bad": 1}, "rows[1].again#2.a", "bad")
    rounds = loop("again", deed("a", **LOCAL), rounds=3)
    async with harness.worker(stage.actions):
        run = await harness.start(
            definition(fan("rows", "[0, 1]", rounds, loop("poll", **LOCAL, **says("iteration"))), act("bad", **LOCAL))
        )
        await stage.sees("rows[1].again#2.a", "rows[0].again#2.a", "rows[1].poll#1")
        stage.held.discard("bad")
        outcome = await outcome_of(run)

    assert outcome.failure == "WorkflowFailed"
    assert await scheduled(outcome) == []
    assert stage.stopped == ["rows[1].again#2.a"]
    mine = [path for path in stage.undone if path.startswith("rows[1]")]
    assert mine == [f"rows[1].again#{number}.a" for number in (2, 1, 0)]
    assert stage.undo_inputs["rows[1].again#2.a"]["outcome"] == "unknown"
    assert len(stage.undone) == 6
