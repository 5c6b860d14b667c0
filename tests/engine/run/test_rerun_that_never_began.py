"""A rerun that ends between the record that the effects are its own and its beginning: somebody can undo them, and nobody twice."""

from __future__ import annotations

import asyncio

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowExecutionStatus

from advanced_workflow.client.reruns.plan import Rerun, plan_rerun, start_rerun
from advanced_workflow.client.reruns.rollback import retry_rollback
from advanced_workflow.client.runs import Run
from advanced_workflow.client.settings import Settings
from advanced_workflow.workflows.engine.actions.children import Child, start_child
from advanced_workflow.workflows.engine.run import execution, own_activities
from advanced_workflow.workflows.errors import OperationRefused
from tests.engine.stage import Stage, act, deed, reaches, waits
from tests.harness import Harness, definition, eventually, outcome_of

WORKFLOW = definition(deed("pay"), waits("go", "pay"), act("last", "go"))


STARTED = EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED
TASK = EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED


async def never_returning(child: Child) -> None:
    await start_child(child)
    await asyncio.get_running_loop().create_future()


def broken(*_: object, **__: object) -> None:
    raise RuntimeError("the engine is broken here")


async def ended_by_force(harness: Harness) -> Run:
    run = await harness.start(WORKFLOW)
    await reaches(run, "go", "waiting")
    await run.handle.terminate("by force")
    return run


async def rerun_of(harness: Harness, run: Run) -> Run:
    return await started(harness, await plan_rerun(harness.client, run.id))


async def started(harness: Harness, planned: Rerun) -> Run:
    assert planned.kept == ("pay",)
    again = await start_rerun(harness.client, planned, task_queue=harness.task_queue, settings=Settings(user="tester"))
    harness.handles.append(again.handle)
    return again


async def has_taken(again: Run) -> None:
    """Wait until its history has the record that the effects are its own, and a later workflow task."""

    async def taken() -> bool:
        kinds = [one.event_type for one in (await again.handle.fetch_history()).events]
        return STARTED in kinds and TASK in kinds[kinds.index(STARTED) :]

    await eventually(taken)


async def test_what_it_was_to_keep_is_still_that_of_the_run_it_repeats(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage()
    async with harness.worker(stage.actions):
        first, other = [await ended_by_force(harness) for _ in range(2)]
        with monkeypatch.context() as patch:
            patch.setattr(own_activities, "start_child", never_returning)
            stuck = [await rerun_of(harness, one) for one in (first, other)]
            for one in stuck:
                await has_taken(one)
            with pytest.raises(OperationRefused, match=f"belongs to '{stuck[0].id}' now"):
                await retry_rollback(harness.client, first.id)
            for one in stuck:
                await one.handle.terminate("by force")
        with pytest.raises(OperationRefused, match=r"before it began.*is still with the run it repeats"):
            await retry_rollback(harness.client, stuck[0].id)
        report = await retry_rollback(harness.client, first.id)
        again = await rerun_of(harness, other)
        await again.send_event("go")
        outcome = await outcome_of(again)
        with pytest.raises(OperationRefused, match=f"belongs to '{again.id}' now"):
            await retry_rollback(harness.client, other.id)

    assert [(one.path, one.outcome) for one in report.entries] == [("pay", "undone")]
    assert stage.undone == ["pay"]
    assert outcome.failure is None, outcome.message
    assert stage.done == ["pay", "pay", "last"]


async def test_a_rerun_that_is_cancelled_while_it_takes_effects_over_undoes_them(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage, harness.faults = Stage(), True
    async with harness.worker(stage.actions):
        first = await ended_by_force(harness)
        with monkeypatch.context() as patch:
            patch.setattr(execution, "Run", broken)
            again = await rerun_of(harness, first)
            await has_taken(again)
            await again.cancel()
        outcome = await outcome_of(again)
        with pytest.raises(OperationRefused, match=f"belongs to '{again.id}' now"):
            await retry_rollback(harness.client, first.id)

    assert outcome.failure == "Cancelled"
    assert (await again.handle.describe()).status is WorkflowExecutionStatus.CANCELED
    assert stage.undone == ["pay"]
    assert stage.done == ["pay"]


async def test_a_rerun_that_is_cancelled_before_it_takes_effects_over_leaves_them(harness: Harness) -> None:
    stage = Stage()
    async with harness.worker(stage.actions):
        first = await ended_by_force(harness)
        planned = await plan_rerun(harness.client, first.id)
    again = await started(harness, planned)
    await again.cancel()
    async with harness.worker(stage.actions):
        outcome = await outcome_of(again)
        report = await retry_rollback(harness.client, first.id)

    assert outcome.failure == "Cancelled"
    assert report.complete
    assert stage.undone == ["pay"]
