"""How long a step stands still whose worker was killed: plain Python actions, without a `heartbeat_timeout` of the step."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client

from advanced_workflow.client.dev.processes import WorkerProcess, local_environment
from advanced_workflow.client.dev.server import DevServer
from advanced_workflow.client.runs import Run
from tests.faults.steady import DATABASE, attempts_begun
from tests.harness import ROOT, Definition, Harness, definition, eventually

STEP_SECONDS = 300
"""What an attempt may take, as nobody says otherwise."""
RECOVERY_SECONDS = 15
"""On a quiet machine."""
HOLDS = definition(
    {
        "step_id": "again",
        "step_type": "loop",
        "loop_condition": "true",
        "loop_max_iterations": 10_000,
        "body": [{"step_id": "hold", "action": "steady.hold", "retry_policy": {"max_attempts": 50, "max_delay": 1}}],
    }
)
"""Steps that take some seconds, one after the other."""


@dataclass(frozen=True)
class Lost:
    """An attempt that a worker had when it was killed."""

    key: str
    attempt: int
    killed_at: float


@dataclass
class Crew:
    """Workers on one queue, each a process."""

    harness: Harness
    server: DevServer
    folder: Path
    workers: list[WorkerProcess] = field(default_factory=list)
    lost: list[Lost] = field(default_factory=list)

    async def add(self) -> None:
        environment = local_environment(
            self.server.address,
            PYTHONPATH=str(ROOT),
            ADW_ACTIONS="tests.faults.steady",
            ADW_TASK_QUEUE=self.harness.task_queue,
            ADW_SHUTDOWN_TIMEOUT="0",
            **{DATABASE: str(self.folder / "effects.db")},
        )
        worker = WorkerProcess(environment, log_path=self.folder / f"worker-{time.monotonic_ns()}.log")
        await worker.start()
        self.workers.append(worker)

    async def holding(self, run: Run) -> WorkerProcess:
        """The worker that has a run's step in hand."""
        [attempt] = (await run.attempts()).values()
        [worker] = [one for one in self.workers if attempt.worker.startswith(f"{one.pid}@")]
        return worker

    async def kill(self, worker: WorkerProcess, runs: list[Run]) -> int:
        """Kill a worker; gives how many steps it had in hand, by the server's word."""
        self.workers.remove(worker)
        pid = worker.pid
        killed_at = time.time()
        await worker.kill()
        lost = 0
        for run in runs:
            for path, attempt in (await run.attempts()).items():
                if attempt.worker.partition("@")[0] == str(pid) and attempt.is_running:
                    self.lost.append(Lost(f"{run.id} {path}", attempt.attempt, killed_at))
                    lost += 1
        return lost

    def recoveries(self) -> list[float]:
        """Seconds from each kill until another worker had the next attempt; empty until all have one."""
        begun = attempts_begun(self.folder / "effects.db")
        found = [
            min((at for (key, number), at in begun.items() if key == one.key and number > one.attempt), default=None)
            for one in self.lost
        ]
        return [] if None in found else [at - one.killed_at for at, one in zip(found, self.lost, strict=True) if at]


@asynccontextmanager
async def crew(folder: Path, size: int) -> AsyncGenerator[Crew]:
    async with DevServer() as server:
        made = Crew(Harness(await Client.connect(server.address)), server, folder)
        try:
            await asyncio.gather(*(made.add() for _ in range(size)))
            yield made
        finally:
            await asyncio.gather(*(one.kill() for one in made.workers))


async def begun(crew: Crew, count: int, workflow: Definition) -> list[Run]:
    """So many runs whose steps are with workers."""
    runs = [await crew.harness.start(workflow) for _ in range(count)]

    async def all_have_begun() -> bool:
        found: list[dict[str, Any]] = [await run.attempts() for run in runs]
        return all(any(one.is_running for one in attempts.values()) for attempts in found)

    await eventually(all_have_begun)
    return runs


async def test_a_step_of_a_killed_worker_is_with_another_long_before_its_timeout(tmp_path: Path) -> None:
    async with crew(tmp_path, 2) as workers:
        runs = await begun(workers, 4, HOLDS)
        assert await workers.kill(await workers.holding(runs[0]), runs)

        recoveries = await eventually(workers.recoveries)
        assert max(recoveries) < STEP_SECONDS
        await asyncio.gather(*(run.handle.terminate() for run in runs))


@pytest.mark.long
@pytest.mark.timeout(1800)
async def test_of_a_hundred_killed_workers_all_but_one_are_replaced_within_15_seconds(tmp_path: Path) -> None:
    kills, chance = 0, random.Random(8)
    async with crew(tmp_path, 4) as workers:
        runs = await begun(workers, 24, HOLDS)
        while kills < 100:
            # One in four is killed while its replacement starts, at any moment of what the others do.
            replacement = asyncio.create_task(workers.add())
            await asyncio.sleep(chance.uniform(0, 4))
            kills += bool(await workers.kill(chance.choice(workers.workers), runs))
            await replacement

        recoveries = sorted(await eventually(workers.recoveries))
        await asyncio.gather(*(run.handle.terminate() for run in runs))
    half, most = (recoveries[int(len(recoveries) * share)] for share in (0.5, 0.99))
    figures = {"kills": kills, "steps": len(recoveries), "p50": half, "p99": most, "worst": recoveries[-1]}
    print(json.dumps(figures))
    assert most <= RECOVERY_SECONDS, figures
