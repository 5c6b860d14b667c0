"""Lets runs continue as new while a test watches."""

from __future__ import annotations

from temporalio.client import WorkflowHistory

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

    await eventually(is_another, 30)


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
