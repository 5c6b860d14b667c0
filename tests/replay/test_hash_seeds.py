"""Histories of agents and of users' graphs replay whatever the order of sets and the hashes of texts are in the process that replays."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sys
from pathlib import Path

import pytest
from temporalio.api.history.v1 import History
from temporalio.client import Client

from advanced_workflow.client.runs import Run
from tests.engine.graphs import shapes
from tests.engine.graphs.graph_runs import act, fails, flow
from tests.engine.run.test_random_agents import check_cases
from tests.harness import ROOT, Harness, outcome_of
from tests.replay.fresh import REPLAYED, histories_in

STORED = Path(__file__).with_name("histories")


async def replayed(folder: Path, seed: int) -> str:
    """What a process with this hash seed says of a folder."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-m",
        "tests.replay.fresh",
        str(folder),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        cwd=folder,
        env={**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONPATH": str(ROOT)},
    )
    output, _ = await process.communicate()
    return output.decode().strip()


async def check_seeds(folder: Path, seeds: int) -> None:
    count = len(histories_in(folder))
    assert count
    for seed in range(1, seeds + 1):
        assert await replayed(folder, seed) == f"{REPLAYED} {count}", seed


async def test_stored_histories_of_agents_and_graphs_replay_under_two_hash_seeds(tmp_path: Path) -> None:
    for path in (*STORED.glob("react*.json"), STORED / "graph.json", STORED / "orchestrator.json"):
        shutil.copy(path, tmp_path)
    await check_seeds(tmp_path, 2)


@pytest.mark.long
@pytest.mark.timeout(3600)
async def test_histories_of_random_agents_replay_under_sixteen_hash_seeds(client: Client, tmp_path: Path) -> None:
    harness = Harness(client)
    await check_cases(harness, 7_000, 100, continue_after=300, cache=2_000)
    await keep(harness, tmp_path)
    await check_seeds(tmp_path, 16)


@pytest.mark.long
@pytest.mark.timeout(3600)
async def test_histories_of_graphs_replay_under_sixteen_hash_seeds(client: Client, tmp_path: Path) -> None:
    """Each shape that runs, and each that goes wrong in its step, several at a time."""
    harness = Harness(client)
    names = sorted(name for name, one in vars(shapes).items() if any(one is shape for shape in shapes.SHAPES))
    async with harness.worker({"act": act, "fails": fails}):
        runs = [await harness.start(flow(name)) for name in names for _ in range(3)]
        await asyncio.gather(*(settled(run) for run in runs))
    await keep(harness, tmp_path)
    await check_seeds(tmp_path, 16)


async def settled(run: Run) -> None:
    """Answer what people are asked until the run has ended."""
    result = asyncio.create_task(outcome_of(run))
    while not result.done():
        with contextlib.suppress(Exception):
            for one in await run.pending_approvals():
                await run.approve(one.path, digest=one.digest, comment="yes", approver="ann")
        await asyncio.wait([result], timeout=0.2)
    await result


async def keep(harness: Harness, folder: Path) -> None:
    """Write the histories of the harness's runs."""
    for number, one in enumerate(await harness.histories()):
        path = folder / f"{one.workflow_id}@{number}.binpb"
        path.write_bytes(History(events=one.events).SerializeToString())
