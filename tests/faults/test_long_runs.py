"""Very long runs on a real worker process: whole, flat in time and memory, and each effect made and undone once."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import sqlite3
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client, WorkflowExecution

from advanced_workflow.client.dev.processes import WorkerProcess, local_environment
from advanced_workflow.client.dev.server import DevServer
from advanced_workflow.client.runs import Run, start
from advanced_workflow.client.settings import Settings
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow
from tests.faults import steady
from tests.harness import ROOT, definition, outcome_of, replayer

ROUNDS = int(os.environ.get("ADW_LONG_ROUNDS", "100000"))
ITEMS = int(os.environ.get("ADW_LONG_ITEMS", "20000"))
MOST_EVENTS = 10_000
EVERY_SECONDS = 0.25
MEBIBYTE = 1024
ONCE = {"max_attempts": 1}


def rounds(count: int, **more: Any) -> dict[str, Any]:
    """A loop of so many rounds, each with an undo, and a failure at the end."""
    step = {
        "step_id": "make",
        "action": "steady.make",
        "input_mapping": {"value": "iteration"},
        "rollback_actions": ["steady.unmake"],
        "heartbeat_timeout": 3,
        **more,
    }
    loop = {
        "step_id": "rounds",
        "step_type": "loop",
        "loop_condition": f"iteration < {count}",
        "loop_max_iterations": count,
        "body": [step],
    }
    return failing(loop)


def items(**more: Any) -> dict[str, Any]:
    """A fan-out over the items of the input, each with an undo, and a failure at the end."""
    step = {
        "step_id": "make",
        "action": "steady.make",
        "input_mapping": {"value": "item"},
        "rollback_actions": ["steady.unmake"],
        "heartbeat_timeout": 3,
        **more,
    }
    fan = {
        "step_id": "items",
        "step_type": "parallel",
        "for_each": "input",
        "max_concurrency": 20,
        "parallel_steps": [step],
    }
    return failing(fan)


def failing(step: dict[str, Any]) -> dict[str, Any]:
    end = {"step_id": "fail", "action": "steady.fail", "dependencies": [step["step_id"]], "retry_policy": ONCE}
    return definition(step, end, timeout=864_000.0)


@dataclass
class Measured:
    """What a long run took: samples of (effects made or undone, seconds, KiB of the worker)."""

    expected: int
    samples: list[tuple[int, float, int]] = field(default_factory=list)

    def memory_at(self, share: float) -> float:
        """MiB of the worker when that share was done."""
        return next(kib for done, _, kib in self.samples if done >= share * self.expected) / MEBIBYTE

    def pace(self, first: float, last: float) -> float:
        """Seconds for 1,000 effects between two shares."""
        (one, began, _), (other, ended, _) = (
            next(sample for sample in self.samples if sample[0] >= share * self.expected) for share in (first, last)
        )
        return (ended - began) / (other - one) * 1000


@dataclass
class Long:
    """A server on a file, a worker process that may be killed, and the effects of its actions."""

    server: DevServer
    client: Client
    folder: Path
    environment: dict[str, str]
    workers: list[WorkerProcess] = field(default_factory=list)

    @property
    def worker(self) -> WorkerProcess:
        return self.workers[-1]

    async def serve(self) -> None:
        worker = WorkerProcess(self.environment, log_path=self.folder / f"worker-{len(self.workers)}.log")
        self.workers.append(worker)
        await worker.start()

    async def start(self, workflow: dict[str, Any], count: int) -> Run:
        return await start(
            self.client,
            AdvancedWorkflow.model_validate(workflow),
            list(range(count)),
            task_queue=self.environment["ADW_TASK_QUEUE"],
            settings=Settings(user="tester"),
        )

    def effects(self) -> list[tuple[int, int, int]]:
        """Of each effect: its value, how often it was undone, and how often its action was called."""
        with contextlib.closing(sqlite3.connect(self.folder / "effects.db")) as db:
            return db.execute("SELECT value, undone, calls FROM effects ORDER BY value").fetchall()

    def done(self) -> int:
        """How many effects were made or undone."""
        try:
            with contextlib.closing(sqlite3.connect(f"file:{self.folder / 'effects.db'}?mode=ro", uri=True)) as db:
                return db.execute("SELECT COUNT(*) + COALESCE(SUM(undone > 0), 0) FROM effects").fetchone()[0]
        except sqlite3.OperationalError:  # There is no effect yet.
            return 0

    async def follow(self, run: Run, expected: int, kills: list[int] | None = None) -> Measured:
        """Measure until the run ends; the worker is killed when so many effects were made or undone."""
        measured, began = Measured(expected), time.monotonic()
        ending = asyncio.ensure_future(run.client.get_workflow_handle(run.id).result())
        pending = list(kills or [])
        while not ending.done():
            done = self.done()
            measured.samples.append((done, time.monotonic() - began, memory_of(self.worker)))
            if pending and done >= pending[0]:
                pending.pop(0)
                await self.worker.kill()
                await self.serve()
            await asyncio.wait([ending], timeout=EVERY_SECONDS)
        assert ending.exception() is not None  # The run failed, as it is meant to.
        measured.samples.append((self.done(), time.monotonic() - began, memory_of(self.worker)))
        assert pending == []
        return measured

    async def chain(self, run: Run) -> list[WorkflowExecution]:
        """The run's executions, first to last, once the server's index has all of them."""
        while True:
            found = [one async for one in self.client.list_workflows(f"WorkflowId = '{run.id}'")]
            found.sort(key=lambda one: (one.start_time, one.close_time))
            if found and all(one.close_time for one in found) and found[0].run_id == run.handle.first_execution_run_id:
                return found
            await asyncio.sleep(0.2)


def memory_of(worker: WorkerProcess) -> int:
    """KiB of resident memory."""
    answer = subprocess.run(["ps", "-o", "rss=", "-p", str(worker.pid)], capture_output=True, text=True, check=False)
    return int(answer.stdout or 0)


@pytest.fixture
async def long(lasting_server: DevServer, tmp_path: Path) -> Any:
    environment = local_environment(
        lasting_server.address,
        PYTHONPATH=str(ROOT),
        ADW_ACTIONS="tests.faults.steady",
        ADW_TASK_QUEUE=f"long-{tmp_path.name}-{random.randrange(10**9)}",
        **{steady.DATABASE: str(tmp_path / "effects.db")},
    )
    client = await Client.connect(lasting_server.address)
    long = Long(lasting_server, client, tmp_path, environment)
    yield long
    for worker in long.workers:
        await worker.stop()


@pytest.mark.parametrize(
    ("workflow", "count"),
    [
        (rounds(100), 100),
        pytest.param(rounds(300, execution="local", heartbeat_timeout=None), 300, marks=pytest.mark.long),
        pytest.param(items(), 200, marks=pytest.mark.long),
    ],
    ids=["rounds", "rounds of local actions", "items"],
)
async def test_a_run_of_many_histories_does_and_undoes_everything_once_though_its_worker_is_killed(
    long: Long, workflow: dict[str, Any], count: int
) -> None:
    long.environment["ADW_CONTINUE_AFTER"] = "100"
    await long.serve()
    run = await long.start(workflow, count)
    await long.follow(run, 2 * count, [random.randrange(20, count), random.randrange(count, 2 * count - 20)])

    await check(long, run, count, most_events=250, at_least=5)


@pytest.mark.long
@pytest.mark.timeout(6 * 3600)
@pytest.mark.parametrize(
    ("workflow", "count"),
    [(rounds(ROUNDS, execution="local", heartbeat_timeout=None), ROUNDS), (items(), ITEMS)],
    ids=[f"{ROUNDS} rounds", f"{ITEMS} items"],
)
async def test_a_very_long_run_is_as_fast_and_as_small_at_its_end_as_at_its_beginning(
    long: Long, workflow: dict[str, Any], count: int
) -> None:
    await long.serve()
    run = await long.start(workflow, count)
    forward = await long.follow(run, 2 * count)
    histories = await check(long, run, count, most_events=MOST_EVENTS, at_least=count // 5_000)

    events = sum(one.history_length for one in histories)
    size = sum(one.raw_info.history_size_bytes for one in histories)
    memory = [forward.memory_at(share) for share in (0.1, 0.5, 0.9)]
    doing = forward.pace(0.02, 0.1), forward.pace(0.4, 0.48)
    undoing = forward.pace(0.52, 0.6), forward.pace(0.9, 0.98)
    print(
        f"\n{count:,}: {len(histories)} histories of at most {max(one.history_length for one in histories):,} events, "
        f"{events / count / 2:.1f} events and {size / count / 2:,.0f} bytes for each action; "
        f"{forward.samples[-1][1]:,.0f} s; seconds for 1,000: {doing[0]:.1f} and {doing[1]:.1f} doing, "
        f"{undoing[0]:.1f} and {undoing[1]:.1f} undoing; MiB: {', '.join(f'{one:.0f}' for one in memory)}"
    )
    assert doing[1] < 2 * doing[0]
    assert undoing[1] < 2 * undoing[0]
    assert memory[2] < memory[0] + 100


@pytest.mark.long
@pytest.mark.timeout(3600)
async def test_a_long_run_survives_kills_around_its_hops(long: Long) -> None:
    long.environment["ADW_CONTINUE_AFTER"] = "100"
    await long.serve()
    run = await long.start(items(), 4000)
    seed = random.randrange(2**32)
    kills = sorted(random.Random(seed).sample(range(50, 7_900), 25))
    print(f"seed {seed}: {kills}")
    await long.follow(run, 8000, kills)

    await check(long, run, 4000, most_events=250, at_least=100)


async def check(long: Long, run: Run, count: int, *, most_events: int, at_least: int) -> list[WorkflowExecution]:
    """It failed as it is meant to; every effect was made and undone once; histories are short, and some are replayed."""
    outcome = await outcome_of(run)
    assert outcome.failure == "WorkflowFailed", outcome.message
    assert outcome.report.error is not None
    assert outcome.report.error.type == "TheEnd"
    report = outcome.report.rollback
    assert report is not None
    assert (report.undone, report.failed, report.complete) == (count, 0, True)
    assert len(report.entries) + report.entries_left_out == count
    # A call whose answer was lost with its worker is repeated with the same key; nothing else is.
    assert [(value, undone > 0) for value, undone, _ in long.effects()] == [(number, True) for number in range(count)]
    histories = await long.chain(run)
    assert len(histories) >= at_least
    assert max(one.history_length for one in histories) <= most_events
    sample = {0, len(histories) // 4, len(histories) // 2, len(histories) - 1}
    for number in sorted(sample):
        history = await long.client.get_workflow_handle(run.id, run_id=histories[number].run_id).fetch_history()
        await replayer().replay_workflow(history)
    return histories
