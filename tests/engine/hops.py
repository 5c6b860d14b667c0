"""Lets runs continue as new while a test watches."""

from __future__ import annotations

from typing import Any

from temporalio import workflow
from temporalio.client import WorkflowHistory
from temporalio.worker import Worker

from advanced_workflow.client.runs import Run
from tests.harness import Harness, eventually

CONTINUE_AFTER = 30
"""Events of history in these tests; a run that only waits continues as new after half of them."""
NOISE = "noise"
"""An event that nobody waits for; sent under one id, so that only the first is kept."""


def cut_short(harness: Harness) -> Harness:
    """Runs of this harness continue as new after few events."""
    harness.continue_after = CONTINUE_AFTER
    return harness


async def hop(run: Run) -> None:
    """Fill the history of a run that waits until it goes on in a new one."""
    before = await execution(run)
    await fill(run)
    await went_on(run, before)


async def went_on(run: Run, before: str) -> None:
    """Wait until the run goes on in another execution."""

    async def is_another() -> bool:
        return await execution(run) != before

    await eventually(is_another)


async def fill(run: Run) -> None:
    """Send what fills a history where runs continue as new after `CONTINUE_AFTER` events."""
    for _ in range(CONTINUE_AFTER // 2):
        await run.send_event(NOISE, event_id=NOISE)


async def execution(run: Run) -> str:
    """Temporal's id of the run's latest execution."""
    return (await run.client.get_workflow_handle(run.id).describe()).run_id


async def chain(harness: Harness, run: Run) -> list[WorkflowHistory]:
    """The histories of a run, first to last."""
    return [one for one in await harness.histories() if one.workflow_id == run.id]


async def step_is(run: Run, path: str, status: str) -> bool:
    """Whether a step is there."""
    return any(one.path == path and one.status == status for one in (await run.state()).steps)


@workflow.defn(name="hands-over", sandboxed=False)
class _HandsOver:
    @workflow.run
    async def run(self, argument: dict[str, Any], task_queue: str) -> None:
        argument["carried"]["from"] = workflow.info().run_id
        workflow.continue_as_new(args=[argument], workflow="AdvancedWorkflow", task_queue=task_queue)


async def begun_again(harness: Harness, argument: dict[str, Any]) -> Run:
    """A run that continues in this argument; only another history may carry it on, so a workflow of the test's own does."""
    id, client = f"again-{harness.task_queue}", harness.client
    async with Worker(client, task_queue=id, workflows=[_HandsOver]):
        first = await client.start_workflow("hands-over", args=[argument, harness.task_queue], id=id, task_queue=id)

        async def handed_over() -> str | None:
            now = (await client.get_workflow_handle(id).describe()).run_id
            return now if now != first.first_execution_run_id else None

        run_id = await eventually(handed_over)
    harness.handles.append(client.get_workflow_handle(id, first_execution_run_id=run_id))
    return Run(client, client.get_workflow_handle(id), "tester")
