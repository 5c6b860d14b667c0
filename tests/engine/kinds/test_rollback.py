from __future__ import annotations

import asyncio

from advanced_workflow.activities.action.errors import ActionError
from advanced_workflow.workflows.contract import UndoInput
from tests.engine.stage import Stage, act, deed, output_of, reaches
from tests.harness import Harness, at_rest, definition, outcome_of, recording
from tests.patience import PATIENCE_SECONDS

ONCE = {"max_attempts": 1}


def nothing() -> None:
    return None


def fails() -> None:
    raise ActionError("no", type="Broken")


async def test_a_rollback_step_undoes_and_the_run_goes_on(harness: Harness) -> None:
    undone: list[str] = []
    outcome = await harness.run(
        definition(
            {"step_id": "a", "rollback_actions": ["undo"]},
            {"step_id": "b", "rollback_actions": ["undo"], "dependencies": ["a"]},
            {"step_id": "back", "step_type": "rollback", "dependencies": ["b"]},
            {"step_id": "after", "dependencies": ["back"]},
        ),
        actions={"a": nothing, "b": nothing, "after": nothing, "undo": recording(undone)},
    )

    assert outcome.failure is None, outcome.message
    assert undone == ["b completed", "a completed"]
    assert outcome.status_of("after") == "completed"
    assert outcome.undone() == ["b", "a"]


async def test_a_rollback_step_may_keep_what_came_before_a_step(harness: Harness) -> None:
    undone: list[str] = []
    nested = [{"step_id": "c", "action": "b", "rollback_actions": ["undo"]}]
    outcome = await harness.run(
        definition(
            {"step_id": "a", "rollback_actions": ["undo"]},
            {"step_id": "b", "rollback_actions": ["undo"], "dependencies": ["a"]},
            {"step_id": "p", "step_type": "parallel", "dependencies": ["b"], "parallel_steps": nested},
            {"step_id": "back", "step_type": "rollback", "rollback_to": "a", "dependencies": ["p"]},
            {"step_id": "bad", "dependencies": ["back"]},
            retry_policy=ONCE,
        ),
        actions={"a": nothing, "b": nothing, "bad": fails, "undo": recording(undone)},
    )

    assert outcome.failure == "WorkflowFailed"
    assert undone == ["c completed", "b completed", "a completed"]
    assert outcome.report.rollback is not None
    assert [one.path for one in outcome.report.rollback.entries] == ["p.c", "b", "a"]


async def test_a_rollback_step_with_a_failing_undo_fails(harness: Harness) -> None:
    def stuck(undo: UndoInput) -> None:
        raise ActionError("no", retryable=False)

    outcome = await harness.run(
        definition(
            {"step_id": "a", "rollback_actions": ["stuck"]},
            {"step_id": "back", "step_type": "rollback", "dependencies": ["a"]},
        ),
        actions={"a": nothing, "stuck": stuck},
    )

    assert outcome.failure == "RollbackIncomplete"
    assert outcome.report.error is not None
    assert outcome.report.error.step_id == "back"


async def test_a_cancelled_rollback_step_is_finished_first(harness: Harness) -> None:
    began, release = asyncio.Event(), asyncio.Event()
    undone: list[str] = []

    async def undo(undo: UndoInput) -> None:
        began.set()
        await release.wait()
        undone.append(undo.step_id)

    async with harness.worker({"a": nothing, "undo": undo}):
        run = await harness.start(
            definition(
                {"step_id": "a", "rollback_actions": ["undo"]},
                {"step_id": "back", "step_type": "rollback", "dependencies": ["a"]},
            )
        )
        await asyncio.wait_for(began.wait(), PATIENCE_SECONDS)
        await run.cancel()
        called = await at_rest(run)
        release.set()
        outcome = await outcome_of(run)

    assert outcome.failure == "Cancelled"
    assert (called, undone) == (["a.rollback[0]"], ["a"])


async def test_a_rollback_step_that_is_run_again_undoes_what_is_still_open(harness: Harness) -> None:
    stage = Stage({"a.rollback[0]": 1})
    async with harness.worker(stage.actions):
        run = await harness.start(
            definition(
                deed("a"),
                deed("b", "a"),
                {"step_id": "back", "step_type": "rollback", "dependencies": ["b"]},
                act("after", "back"),
                on_failure="pause",
                retry_policy=ONCE,
            )
        )
        await reaches(run, "back", "failed")
        await run.retry_step("back", "corrected", by="op")
        outcome = await outcome_of(run, state=True)

    assert outcome.failure is None, outcome.message
    assert stage.undone == ["b", "a"]
    assert output_of(outcome, "back") == {"undone": [{"step_id": "a", "path": "a", "action": "undo"}]}
    report = outcome.report.rollback
    assert report is not None
    assert report.complete
    assert sorted((one.path, one.outcome) for one in report.entries) == [("a", "undone"), ("b", "undone")]
