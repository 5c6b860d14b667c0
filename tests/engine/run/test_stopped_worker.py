"""What a worker held of its runs when it stopped touches no other run."""

from __future__ import annotations

import gc

import pytest

from advanced_workflow.workflows.contract import SEARCH_ATTRIBUTE_WAITING_FOR
from advanced_workflow.workflows.engine.state.task_budget import TaskBudget
from tests.engine.stage import reaches
from tests.harness import Harness, definition, outcome_of


async def test_the_garbage_collector_ends_nothing_in_the_middle_of_another_run(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    settled = TaskBudget.settled

    def collecting(budget: TaskBudget, steps: int = 1) -> None:
        gc.collect()
        settled(budget, steps)

    gc.disable()
    try:
        async with harness.worker():
            waiting = await harness.start(
                definition({"step_id": "ask", "step_type": "human_approval", "approval": {"approvers": ["ann"]}})
            )
            await reaches(waiting, "ask", "waiting")
        monkeypatch.setattr(TaskBudget, "settled", collecting)
        outcome = await harness.run(definition({"step_id": "work", "action": "act"}), actions={"act": lambda: None})
        monkeypatch.undo()
    finally:
        gc.enable()
    async with harness.worker():
        await waiting.approve("ask", approver="ann")
        assert (await outcome_of(waiting)).failure is None

    assert outcome.failure is None, outcome.message
    events = (await outcome.handle.fetch_history()).events
    told = [
        name
        for one in events
        for name in one.upsert_workflow_search_attributes_event_attributes.search_attributes.indexed_fields
    ]
    assert SEARCH_ATTRIBUTE_WAITING_FOR not in told, "it waits for nobody"
