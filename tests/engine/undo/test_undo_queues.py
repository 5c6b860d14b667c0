"""Undo actions run on the queue that they say, or where their step ran."""

from __future__ import annotations

from typing import Any

from temporalio import activity

from advanced_workflow.activities.action.errors import ActionError
from advanced_workflow.workflows.contract import UndoInput
from tests.harness import Harness, definition, outcome_of


async def test_each_undo_runs_on_its_own_queue(harness: Harness) -> None:
    elsewhere, third = f"{harness.task_queue}-partners", f"{harness.task_queue}-third"
    undone: dict[str, tuple[str, bool, bool]] = {}

    def undo(undo: UndoInput) -> None:
        info = activity.info()
        queue = info.task_queue.removeprefix(harness.task_queue)
        assert undo.outcome == "completed"
        undone[info.activity_id] = (queue, info.is_local, info.heartbeat_timeout is not None)

    def fail() -> None:
        raise ActionError("no", type="Refused", retryable=False)

    actions: dict[str, Any] = {"pay": lambda: None, "refund": undo, "fail": fail}
    step = {"step_id": "a", "action": "pay", "agent_capability": elsewhere, "heartbeat_timeout": 3600}
    there = {"action": "refund", "agent_capability": third}
    beside = {"step_id": "b", "action": "pay", "execution": "local", "dependencies": ["a"]}
    async with (
        harness.worker(actions),
        harness.worker(actions, task_queue=elsewhere),
        harness.worker(actions, task_queue=third),
    ):
        run = await harness.start(
            definition(
                {**step, "rollback_actions": ["refund", {"action": "refund"}, there]},
                {**beside, "rollback_actions": ["refund", {"action": "refund"}, there]},
                {"step_id": "c", "action": "fail", "dependencies": ["b"]},
            )
        )
        outcome = await outcome_of(run)

    assert outcome.report.rollback is not None
    assert outcome.report.rollback.complete
    # What the step says of signs of life is about the workers of its own queue.
    assert undone == {
        "a.rollback[0]": ("-partners", False, True),
        "a.rollback[1]": ("", False, False),
        "a.rollback[2]": ("-third", False, False),
        "b.rollback[0]": ("", True, False),
        "b.rollback[1]": ("", True, False),
        "b.rollback[2]": ("-third", False, False),
    }
