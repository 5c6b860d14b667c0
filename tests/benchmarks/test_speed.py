"""What must hold on any machine, however busy. `make bench` also prints the table."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from statistics import median

import pytest
from temporalio.client import Client

from advanced_workflow.workflows.contract import CONTINUE_AFTER_EVENTS
from tests.benchmarks.__main__ import measure_all
from tests.benchmarks.histories import Size, size_of
from tests.benchmarks.measuring import Pair, bench_worker, run_once
from tests.benchmarks.table import ratios
from tests.benchmarks.workloads import Side, Workload, chain, loaded, loop, workloads

SMALL, MIDDLE, LARGE = (chain(steps) for steps in (10, 60, 110))
LOOP = loop(20, pairs=1)
OWN_EVENTS = 3
"""A run adds the marker that pins its definition, the search attribute of its version, and the timer of its deadline."""
HOP_EVENTS = 11
"""Going on in a new history: a timer and its workflow task, the end of the old one, start and first workflow task of the new one, and
the timer of the run's deadline."""


async def test_a_step_costs_the_events_of_a_hand_written_one_and_its_bytes_stay_flat(client: Client) -> None:
    async with bench_worker(client, loaded([SMALL, MIDDLE, LARGE, LOOP])):
        engine, handwritten = await asyncio.gather(
            _sizes(client, "engine", [SMALL, LOOP, MIDDLE, LARGE]), _sizes(client, "handwritten", [SMALL, LOOP])
        )

    assert [one.events for one in engine[:2]] == [one.events + OWN_EVENTS for one in handwritten]
    small, _, middle, large = (one.bytes for one in engine)
    assert (large - middle) / (LARGE.steps - MIDDLE.steps) == pytest.approx(
        (middle - small) / (MIDDLE.steps - SMALL.steps), rel=0.03
    )


async def test_a_chain_over_several_histories_adds_eleven_events_for_each_more(client: Client) -> None:
    async with bench_worker(client, loaded([MIDDLE]), continue_after=100):
        [engine], [handwritten] = await asyncio.gather(
            _sizes(client, "engine", [MIDDLE]), _sizes(client, "handwritten", [MIDDLE])
        )

    assert engine.histories > 2
    assert engine.longest < 150
    assert engine.events == _events_expected(engine, handwritten)


@pytest.mark.bench
async def test_the_server_looks_for_new_work_more_than_twenty_times_a_second(client: Client) -> None:
    async with bench_worker(client, loaded([MIDDLE])):
        [run] = await run_once(client, MIDDLE, "engine")

    # With the server's defaults ten steps take half a second, whatever the machine.
    times = [
        event.event_time.ToNanoseconds() / 1e9
        async for event in run.fetch_history_events()
        if event.HasField("activity_task_scheduled_event_attributes")
    ]
    assert min(later - earlier for earlier, later in zip(times, times[10:], strict=False)) < 0.4


@pytest.mark.bench
async def test_the_engine_keeps_up_with_hand_written_workflows(capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print()
        measured = {workload.name: (workload, pairs) async for workload, pairs in measure_all(workloads())}

    for name, (_, pairs) in measured.items():
        assert median(ratios(pairs, lambda one: one.cost.seconds)) < 1.5, name
        assert max(pair.engine.size.longest for pair in pairs) < 2 * CONTINUE_AFTER_EVENTS, name
    for name, (_, pairs) in measured.items():
        if name.startswith(("chain of 1", "chain of 5")) and "local" not in name:
            for pair in pairs:
                assert pair.engine.size.events == _events_expected(pair.engine.size, pair.handwritten.size), name
    plain = [one for name, one in measured.items() if name in ("chain of 100", "chain of 1,000", "chain of 5,000")]
    assert all(
        longer < shorter * 1.05 for shorter, longer in itertools.pairwise(_bytes_per_step(*one) for one in plain)
    )


async def _sizes(client: Client, side: Side, chosen: Sequence[Workload]) -> list[Size]:
    runs = await asyncio.gather(*(run_once(client, workload, side) for workload in chosen))
    return [await size_of(client, handle) for [handle] in runs]


def _events_expected(engine: Size, handwritten: Size) -> float:
    return handwritten.events + OWN_EVENTS + (engine.histories - 1) * HOP_EVENTS


def _bytes_per_step(workload: Workload, pairs: Sequence[Pair]) -> float:
    return median(pair.engine.size.bytes for pair in pairs) / workload.steps
