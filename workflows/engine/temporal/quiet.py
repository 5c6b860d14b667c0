"""Quiet moments of a run, in which each of its tasks waits for something; and whether a task is to end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from temporalio import workflow


async def quiet(condition: Callable[[], bool] = lambda: True) -> None:
    """Wait for a quiet moment in which a condition holds. That the run is cancelled meanwhile ends this only with its task."""
    while True:
        try:
            await workflow.wait_condition(condition)
        except asyncio.CancelledError:
            # The SDK may raise it in whatever task waits once the run was cancelled; it does so by default in later releases.
            if is_being_cancelled():
                raise
        else:
            return


def is_gone() -> bool:
    """Whether the run's memory is only being cleared: what an instance that was let go of still ends asks nothing of Temporal."""
    return not workflow.in_workflow()


def is_run_cancelled() -> bool:
    """Whether somebody asked the run to end; those of its tasks that are to end may not have heard of it yet."""
    return workflow.cancellation_reason() is not None


def why_cancelled() -> str:
    """What was said when somebody asked the run to end, as it was sent; empty where nobody did, or nothing was said."""
    return workflow.cancellation_reason() or ""


def is_being_cancelled() -> bool:
    """Whether somebody asked the current task to end."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
