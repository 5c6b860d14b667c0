"""Runs workloads on a real server, engine and hand-written in turn, on one and the same worker."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from statistics import fmean
from typing import Any, TypeVar
from uuid import uuid4

from temporalio.client import Client, WorkflowHistory
from temporalio.worker import Replayer, Worker

from advanced_workflow.activities.builtin.runs import ACTIVITIES as ABOUT_RUNS
from advanced_workflow.activities.worker.interceptors import ActionInterceptor
from advanced_workflow.activities.worker.prepare import Preparation
from advanced_workflow.client.serve.recorded import ReadsEnds
from advanced_workflow.client.settings import Settings
from advanced_workflow.workflows.contract import CONTINUE_AFTER_EVENTS
from advanced_workflow.workflows.definition.text.load import LoadedDefinition
from advanced_workflow.workflows.engine.graph.plan import build_plan
from advanced_workflow.workflows.engine.run.workflow_types import WORKFLOWS
from advanced_workflow.workflows.engine.temporal.interceptor import EngineInterceptor
from advanced_workflow.workflows.engine.temporal.runner import EngineRunner
from advanced_workflow.workflows.errors import WorkflowError
from tests.benchmarks.actions import ACTIONS
from tests.benchmarks.handwritten import HANDWRITTEN
from tests.benchmarks.histories import Handle, Size, histories_of, size_of
from tests.benchmarks.workloads import Side, Workload

Result = TypeVar("Result")

QUEUE = "bench"
REPLAYED_STEPS = 1000
"""Steps replayed at a time, so that the start of the replaying worker counts little."""


@dataclass(frozen=True)
class Cost:
    """Seconds on the clock, and seconds of processor time of this process: worker and caller together."""

    seconds: float
    cpu_seconds: float


@dataclass(frozen=True)
class Sample:
    """One side of a workload, once."""

    cost: Cost
    replay_cpu_seconds: float
    """Of one step: the workflow's own share, without server and activities."""
    size: Size
    """Of a run's histories, the mean of its runs."""


@dataclass(frozen=True)
class Pair:
    """Both sides, measured one right after the other."""

    engine: Sample
    handwritten: Sample


@asynccontextmanager
async def bench_worker(
    client: Client,
    definitions: Mapping[str, LoadedDefinition],
    *,
    actions: Sequence[Callable[..., Any]] = ACTIONS,
    continue_after: int = CONTINUE_AFTER_EVENTS,
) -> AsyncGenerator[Worker, None]:
    """One worker for both sides, with the settings and interceptors of `worker.py`."""
    settings = Settings()
    preparation = Preparation(
        [one.workflow for one in definitions.values()],
        None,
        search_attributes=True,
        tells_version=True,
        continue_after=continue_after,
        on_accepted=build_plan,
    )
    runner = EngineRunner(recorded=ReadsEnds(client))
    worker = Worker(
        client,
        task_queue=QUEUE,
        workflows=[*WORKFLOWS, *HANDWRITTEN],
        unsandboxed_workflow_runner=runner,
        activities=[*actions, preparation.prepare, *ABOUT_RUNS],
        workflow_failure_exception_types=[WorkflowError],
        interceptors=[ActionInterceptor(), EngineInterceptor()],
        max_concurrent_activities=settings.max_concurrent_activities,
        max_concurrent_workflow_tasks=settings.max_concurrent_workflow_tasks,
        max_cached_workflows=settings.max_cached_workflows,
    )
    try:
        async with worker:
            yield worker
    finally:
        await runner.close()


async def measure(client: Client, workload: Workload) -> list[Pair]:
    """Warm up, then measure the pairs; who goes first alternates. A single pair is long and needs no warming."""
    if workload.pairs > 1:
        await run_once(client, workload, "engine")
        await run_once(client, workload, "handwritten")
    return [await _pair(client, workload, engine_first=number % 2 == 0) for number in range(workload.pairs)]


async def run_once(client: Client, workload: Workload, side: Side) -> list[Handle]:
    """Run the workload to its end; gives its runs."""

    async def one() -> Handle:
        handle: Handle = await client.start_workflow(
            workload.workflow_type(side),
            args=workload.arguments(side),
            id=f"{side}-{uuid4().hex}",
            task_queue=QUEUE,
        )
        await handle.result()
        return handle

    return await asyncio.gather(*(one() for _ in range(workload.runs)))


async def _pair(client: Client, workload: Workload, *, engine_first: bool) -> Pair:
    order: tuple[Side, Side] = ("engine", "handwritten") if engine_first else ("handwritten", "engine")
    ran = {side: await _timed(lambda side=side: run_once(client, workload, side)) for side in order}
    samples = {side: await _sample(client, *ran[side], workload.steps) for side in order}
    return Pair(samples["engine"], samples["handwritten"])


async def _sample(client: Client, cost: Cost, handles: Sequence[Handle], steps: int) -> Sample:
    times = max(1, REPLAYED_STEPS // steps)
    histories = [history async for history, _ in histories_of(client, handles[0])]
    replay, _ = await _timed(lambda: _replay(histories, times))
    sizes = [await size_of(client, handle) for handle in handles]
    return Sample(cost, replay.cpu_seconds / (times * steps), _mean(sizes))


def _mean(sizes: Sequence[Size]) -> Size:
    return Size(
        fmean(one.events for one in sizes),
        fmean(one.bytes for one in sizes),
        fmean(one.histories for one in sizes),
        max(one.longest for one in sizes),
    )


async def _replay(histories: Sequence[WorkflowHistory], times: int) -> None:
    async def again() -> AsyncIterator[WorkflowHistory]:
        for _ in range(times):
            for history in histories:
                yield history

    replayer = Replayer(
        workflows=[*WORKFLOWS, *HANDWRITTEN],
        unsandboxed_workflow_runner=EngineRunner(),
        interceptors=[EngineInterceptor()],
    )
    await replayer.replay_workflows(again())


async def _timed(work: Callable[[], Awaitable[Result]]) -> tuple[Cost, Result]:
    started, cpu_started = time.perf_counter(), time.process_time()
    result = await work()
    return Cost(time.perf_counter() - started, time.process_time() - cpu_started), result
