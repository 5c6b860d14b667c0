"""What must hold on any machine, however busy. `make bench` also prints the table."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from statistics import median

import pytest
from temporalio.client import Client

from tests.benchmarks.__main__ import measure_all
from tests.benchmarks.measuring import Pair, bench_worker, history_size, run_once
from tests.benchmarks.table import ratios
from tests.benchmarks.workloads import Side, Workload, workloads

SMALL, MIDDLE, LARGE = (Workload(f"chain of {steps}", steps) for steps in (20, 110, 200))
OWN_EVENTS = 2
"""A run adds the marker that pins its definition, and the timer of its deadline."""


async def test_a_step_costs_the_events_of_a_hand_written_one_and_its_bytes_stay_flat(client: Client) -> None:
    async with bench_worker(client, [SMALL, MIDDLE, LARGE]):
        engine, handwritten = await asyncio.gather(
            _sizes(client, "engine", [SMALL, MIDDLE, LARGE]), _sizes(client, "handwritten", [SMALL, MIDDLE])
        )

    assert [events for events, _ in engine[:2]] == [events + OWN_EVENTS for events, _ in handwritten]
    (_, small), (_, middle), (_, large) = engine
    assert (large - middle) / (LARGE.steps - MIDDLE.steps) == pytest.approx(
        (middle - small) / (MIDDLE.steps - SMALL.steps), rel=0.03
    )


@pytest.mark.bench
async def test_the_engine_keeps_up_with_hand_written_workflows(capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print()
        measured = {workload: pairs async for workload, pairs in measure_all(workloads())}

    for workload, pairs in measured.items():
        assert median(ratios(pairs, lambda one: one.cost.seconds)) < 1.5, workload.name
    chains = {
        workload: pairs for workload, pairs in measured.items() if workload.shape == "chain" and workload.runs == 1
    }
    for workload, pairs in chains.items():
        assert {_events_added(pair) for pair in pairs} == {OWN_EVENTS}, workload.name
    sizes = [_bytes_per_step(workload, pairs) for workload, pairs in chains.items()]
    assert all(longer < shorter * 1.05 for shorter, longer in itertools.pairwise(sizes))


async def _sizes(client: Client, side: Side, chosen: Sequence[Workload]) -> list[tuple[float, float]]:
    runs = await asyncio.gather(*(run_once(client, workload, side) for workload in chosen))
    return [await history_size(run) for run in runs]


def _events_added(pair: Pair) -> float:
    return pair.engine.events - pair.handwritten.events


def _bytes_per_step(workload: Workload, pairs: Sequence[Pair]) -> float:
    return median(pair.engine.bytes for pair in pairs) / workload.steps
