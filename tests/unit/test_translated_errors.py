"""What becomes of a call of a run that gets no answer in time, and of one whose caller is cancelled."""

from __future__ import annotations

import asyncio

import pytest
from temporalio.client import WorkflowUpdateRPCTimeoutOrCancelledError

from advanced_workflow.client.errors import NoAnswer
from advanced_workflow.client.service.errors import translated_errors


async def update(seconds: float) -> None:
    """As a run's update is called, with the SDK's way to wait for it."""
    async with translated_errors("r1", "skip_step"), asyncio.timeout(seconds):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError as error:
            raise WorkflowUpdateRPCTimeoutOrCancelledError from error


async def test_a_call_that_is_not_answered_in_time_says_so() -> None:
    with pytest.raises(NoAnswer, match="no worker answered skip_step in time"):
        await update(0.01)


async def test_a_cancelled_caller_stays_cancelled() -> None:
    calling = asyncio.create_task(update(60))
    await asyncio.sleep(0)
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await update(60)


async def test_a_call_of_a_caller_that_was_cancelled_before_says_that_no_answer_came() -> None:
    async def ends_in_order() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await update(0.01)

    ending = asyncio.create_task(ends_in_order())
    await asyncio.sleep(0)
    ending.cancel()
    with pytest.raises(NoAnswer):
        await ending
