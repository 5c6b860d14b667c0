"""What somebody would write for the same work without the engine: the same activity, timeouts, retries, ids and summaries."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

ACTION = "bench.nothing"
TIMEOUT = timedelta(seconds=300)
RETRIES = RetryPolicy(
    initial_interval=timedelta(seconds=1),
    backoff_coefficient=2.0,
    maximum_interval=timedelta(seconds=60),
    maximum_attempts=3,
)


def step_id(number: int) -> str:
    """Every id has the same length, so that bytes per step can be compared between sizes."""
    return f"s{number:04}"


async def call(number: int) -> None:
    await workflow.execute_activity(
        ACTION,
        activity_id=step_id(number),
        summary=step_id(number),
        start_to_close_timeout=TIMEOUT,
        retry_policy=RETRIES,
    )


@workflow.defn
class HandwrittenChain:
    """One activity after the other."""

    @workflow.run
    async def run(self, steps: int) -> None:
        for number in range(steps):
            await call(number)


@workflow.defn
class HandwrittenFan:
    """All activities at once, or `at_once` of them at a time."""

    @workflow.run
    async def run(self, steps: int, at_once: int) -> None:
        slots = asyncio.Semaphore(at_once)

        async def limited(number: int) -> None:
            async with slots:
                await call(number)

        await asyncio.gather(*(limited(number) for number in range(steps)))


HANDWRITTEN: list[type] = [HandwrittenChain, HandwrittenFan]
