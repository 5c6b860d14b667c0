"""An action's end that comes in one workflow task with what cancels its step: its undo is told what the history tells."""

from __future__ import annotations

from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType

from advanced_workflow.client.runs import Run
from tests.engine.stage import Stage, box, deed, says, waits
from tests.harness import Definition, Harness, Outcome, definition, eventually, outcome_of

CANCEL = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED
ENDS = (
    EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED,
    EventType.EVENT_TYPE_ACTIVITY_TASK_FAILED,
    EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TERMINATED,
)


async def in_one_task(harness: Harness, workflow: Definition, stage: Stage, *order: str) -> Outcome:
    """Let held actions end and the run be cancelled in this order, while nobody takes the run's own tasks."""
    async with harness.worker(stage.actions, task_queue=f"{harness.task_queue}-actions"):
        async with harness.worker(stage.actions, max_cached_workflows=0):
            run = await harness.start(workflow)
            await stage.sees(*stage.held)
        for number, one in enumerate(order):
            if one == "cancel":
                await run.cancel()
            stage.held.discard(one)
            await eventually(lambda came=number + 1: _have_come(run, came))
        async with harness.worker(stage.actions, max_cached_workflows=0):
            stage.held.clear()
            return await outcome_of(run)


async def _have_come(run: Run, count: int) -> bool:
    events = (await run.handle.fetch_history()).events
    return sum(one.event_type in (*ENDS, CANCEL) for one in events) >= count


def on_the_other_queue(harness: Harness, step: dict[str, Any]) -> dict[str, Any]:
    return {**step, "agent_capability": f"{harness.task_queue}-actions"}


@pytest.mark.parametrize("order", [("cancel", "a"), ("a", "b")])
async def test_an_action_that_completed_is_undone_as_one_that_did(harness: Harness, order: tuple[str, ...]) -> None:
    stage = Stage({"b": 1}, "a", "b")
    steps = [on_the_other_queue(harness, deed(one, **says("'paid'"))) for one in "ab"]
    await in_one_task(harness, definition(*steps), stage, *order)

    told = stage.undo_inputs["a"]
    assert (told["outcome"], told["output"]) == ("completed", "paid")


async def test_an_action_that_failed_is_not_undone(harness: Harness) -> None:
    stage = Stage({"a": 1}, "a", "b")
    steps = [on_the_other_queue(harness, deed(one)) for one in "ab"]
    await in_one_task(harness, definition(*steps), stage, "cancel", "a")

    assert stage.undone == ["b"]


async def test_a_child_that_ended_is_undone_however_deep_its_step_is(harness: Harness) -> None:
    """The deeper the step, the later its cancellation reaches it: the child's end is then heard already, and not yet told of."""
    stage = Stage()
    child = definition(deed("make"), waits("go", "make"), workflow_id="child")

    def sub(name: str) -> dict[str, Any]:
        return {"step_id": name, "step_type": "sub_workflow", "workflow": "child"}

    workflow = definition(
        sub("a"), box("b", sub("c")), box("d", box("e", sub("f"))), box("g", box("h", box("i", sub("j"))))
    )
    async with harness.worker(stage.actions, [child]):
        run = await harness.start(workflow)
        children = [f"{run.id}/{path}" for path in ("a", "b.c", "d.e.f", "g.h.i.j")]
        await eventually(lambda: len(stage.done) == len(children))
    for child_id in children:
        await harness.client.get_workflow_handle(child_id).terminate("by hand")
    await eventually(lambda: _have_come(run, len(children)))
    await run.cancel()
    async with harness.worker(stage.actions, [child]):
        outcome = await outcome_of(run)

    assert outcome.failure == "Cancelled"
    assert stage.undone == ["make"] * len(children)
