"""What somebody would write for the same work without the engine: the same activities, timeouts, retries, ids and summaries."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy

NOTHING = "bench.nothing"
PASS_ON = "bench.pass_on"
LOOP = "again"
EACH = "each"

TIMEOUT = timedelta(seconds=300)
LOCAL_TIMEOUT = timedelta(seconds=10)
RETRIES = RetryPolicy(
    initial_interval=timedelta(seconds=1),
    backoff_coefficient=2.0,
    maximum_interval=timedelta(seconds=60),
    maximum_attempts=3,
)


def step_id(number: int) -> str:
    """Every id has the same length, so that bytes per step can be compared between sizes."""
    return f"s{number:04}"


def call(id: str, *arguments: Any, summary: str = "") -> Awaitable[Any]:
    return workflow.execute_activity(
        PASS_ON if arguments else NOTHING,
        args=arguments,
        activity_id=id,
        summary=summary or id,
        start_to_close_timeout=TIMEOUT,
        retry_policy=RETRIES,
    )


def call_local(id: str) -> Awaitable[Any]:
    return workflow.execute_local_activity(
        NOTHING, activity_id=id, summary=id, start_to_close_timeout=LOCAL_TIMEOUT, retry_policy=RETRIES
    )


async def limited(calls: Iterable[Callable[[], Awaitable[Any]]], at_once: int) -> None:
    """Make the calls, so many at a time."""
    slots = asyncio.Semaphore(at_once)

    async def make(one: Callable[[], Awaitable[Any]]) -> None:
        async with slots:
            await one()

    await asyncio.gather(*(make(one) for one in calls))


@workflow.defn
class HandwrittenChain:
    """One activity after the other."""

    @workflow.run
    async def run(self, steps: int) -> None:
        for number in range(steps):
            await call(step_id(number))


@workflow.defn
class HandwrittenLocalChain:
    """One local activity after the other."""

    @workflow.run
    async def run(self, steps: int) -> None:
        for number in range(steps):
            await call_local(step_id(number))


@workflow.defn
class HandwrittenDataChain:
    """Each activity takes what the one before it gave."""

    @workflow.run
    async def run(self, steps: int, value: dict[str, Any]) -> None:
        for number in range(steps):
            value = await call(step_id(number), value)


@workflow.defn
class HandwrittenLoop:
    """An activity again and again; the history is changed when Temporal suggests it."""

    @workflow.run
    async def run(self, rounds: int, finished: int = 0) -> None:
        while finished < rounds:
            await call(f"{LOOP}#{finished}", summary=LOOP)
            finished += 1
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(args=[rounds, finished])


@workflow.defn
class HandwrittenFan:
    """All activities at once, or `at_once` of them at a time."""

    @workflow.run
    async def run(self, steps: int, at_once: int) -> None:
        await limited((partial(call, step_id(number)) for number in range(steps)), at_once)


@workflow.defn
class HandwrittenItems:
    """An activity for each item, `at_once` of them at a time."""

    @workflow.run
    async def run(self, items: list[int], at_once: int) -> None:
        one = step_id(0)
        calls = (
            partial(call, f"{EACH}[{index}].{one}", {"item": item}, summary=one) for index, item in enumerate(items)
        )
        await limited(calls, at_once)


@workflow.defn
class HandwrittenParent:
    """Child workflows, all at once."""

    @workflow.run
    async def run(self, children: int, steps: int) -> None:
        await asyncio.gather(*(self._child(step_id(number), steps) for number in range(children)))

    async def _child(self, name: str, steps: int) -> None:
        await workflow.execute_child_workflow(
            HandwrittenChain.run,
            steps,
            id=f"{workflow.info().workflow_id}/{name}",
            static_summary=name,
            parent_close_policy=workflow.ParentClosePolicy.REQUEST_CANCEL,
        )


HANDWRITTEN: Sequence[type] = [
    HandwrittenChain,
    HandwrittenLocalChain,
    HandwrittenDataChain,
    HandwrittenLoop,
    HandwrittenFan,
    HandwrittenItems,
    HandwrittenParent,
]
