"""Agents on worker processes that are killed: the tool, the script of the model, and the processes."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from temporalio import activity

from advanced_workflow.activities.action.decorator import action
from advanced_workflow.client.dev.processes import WorkerProcess, local_environment
from advanced_workflow.client.dev.server import DevServer
from tests.harness import ROOT, Definition, Harness, definition, eventually

FOLDER = "KILLED_AGENTS_FOLDER"
"""Environment variable: where is written what was done."""
DONE = "done.jsonl"
WORKERS = 1
"""While none lives nothing goes on, so that all kills come before the end."""
ATTEMPTS = 60
PATIENCE = 300


@dataclass(frozen=True)
class Deed:
    """An attempt of a call began."""

    run: str
    path: str
    attempt: int
    pid: int
    at: float


@action(name="ledger.put")
async def put(n: int) -> dict[str, int]:
    """Note that it began, and take a while."""
    info = activity.info()
    deed = Deed(info.workflow_id or "", info.activity_id, info.attempt, os.getpid(), time.time())
    file = os.open(Path(os.environ[FOLDER], DONE), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, f"{json.dumps(asdict(deed))}\n".encode())  # In one piece, whenever this process is killed.
    os.close(file)
    await asyncio.sleep(0.1)
    return {"put": n}


def unexplained(deeds: Sequence[Deed], killed: dict[int, float]) -> list[str]:
    """Attempts of one number that began twice, and those after the first that no kill of the one before explains."""
    numbers = Counter((one.run, one.path, one.attempt) for one in deeds)
    found = [f"{key} began {count} times" for key, count in numbers.items() if count > 1]
    by_call = {(one.run, one.path, one.attempt): one for one in deeds}
    for (run, path, attempt), one in by_call.items():
        # The server may have given an attempt to a process that was killed before it began.
        earlier = [by_call[key] for number in range(1, attempt) if (key := (run, path, number)) in by_call]
        if attempt > 1 and not killed:
            found.append(f"{run} {path}: attempt {attempt} without a kill")
        found += [
            f"{run} {path}: attempt {attempt} though {before.pid} lived"
            for before in earlier
            if killed.get(before.pid, one.at + 1) > one.at
        ]
    return found


@dataclass
class Crew:
    """Worker processes that share nothing, each with its own log."""

    server: DevServer
    harness: Harness
    folder: Path
    workers: list[WorkerProcess] = field(default_factory=list[WorkerProcess])
    killed: dict[int, float] = field(default_factory=dict[int, float])
    """When a process was killed."""
    started: int = 0

    def workflow(self, turns: int) -> Definition:
        """A run with an agent of so many turns."""
        patient = {"max_attempts": ATTEMPTS, "delay": 0.1, "max_delay": 1}
        tool = {"action": "ledger.put", "name": "put", "retry_policy": patient}
        agent: dict[str, Any] = {"model": f"scripted:turns{turns}", "max_turns": turns + 1, "tools": [tool]}
        lines = [
            {"when": f"turn > {turns}", "say": "done"},
            {"calls": [{"name": "put", "arguments": {"n": "turn"}}], "seconds": 0.1},
        ]
        (self.folder / f"turns{turns}.json").write_text(json.dumps(lines), encoding="utf-8")
        step = {"step_id": "look", "step_type": "react", "agent": agent, "retry_policy": patient}
        return definition(step)

    @classmethod
    @asynccontextmanager
    async def at_work(cls, server: DevServer, harness: Harness, folder: Path, turns: int) -> AsyncGenerator[Crew, None]:
        """With their first processes; workers read the script when they start."""
        made = cls(server, harness, folder)
        made.workflow(turns)
        try:
            for _ in range(WORKERS):
                await made.add()
            yield made
        finally:
            await asyncio.gather(*(one.stop() for one in made.workers))

    async def add(self) -> None:
        """Start one more."""
        self.started += 1
        environment = local_environment(
            self.server.address,
            PYTHONPATH=str(ROOT),
            ADW_ACTIONS="tests.faults.killed_agents",
            ADW_MODEL_SCRIPTS=str(self.folder),
            ADW_TASK_QUEUE=self.harness.task_queue,
            **{FOLDER: str(self.folder)},
        )
        worker = WorkerProcess(environment, log_path=self.folder / f"worker-{self.started}.log")
        self.workers.append(worker)
        await worker.start()

    async def kill_now_and_then(self, kills: int, chance: Random, ending: asyncio.Future[Any]) -> None:
        """Kill one each time that some more was done, and start another."""
        for _ in range(kills):
            done, more = self.count(), chance.randint(5, 20)
            await eventually(lambda enough=done + more: self.count() >= enough or ending.done(), PATIENCE)
            assert not ending.done(), "the runs ended before all kills"
            await self.kill_one(chance)
            await self.add()

    async def kill_one(self, chance: Random) -> None:
        """For good."""
        worker = self.workers.pop(chance.randrange(len(self.workers)))
        self.killed[worker.pid or 0] = time.time()
        await worker.kill()

    def count(self) -> int:
        """How many attempts began."""
        path = self.folder / DONE
        return path.read_bytes().count(b"\n") if path.exists() else 0

    def deeds(self) -> list[Deed]:
        """All of them."""
        return [Deed(**json.loads(line)) for line in (self.folder / DONE).read_text(encoding="utf-8").splitlines()]
