"""Runs the same agent on every side, in turn, and keeps what each took."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from temporalio.client import Client

from advanced_workflow.client.dev.server import DevServer
from tests.benchmarks.agents.environments import Contender
from tests.benchmarks.agents.running import Running, running
from tests.benchmarks.agents.talk import Task
from tests.benchmarks.histories import histories_of

REPLAYED_TURNS = 100
"""Turns replayed at a time, so that the start of a replayer counts little."""


@dataclass
class Taken:
    """What one task took one side; a time for each round."""

    events: float = 0
    bytes: float = 0
    seconds: list[float] = field(default_factory=list[float])
    cpu_seconds: list[float] = field(default_factory=list[float])
    """Of the worker's process, which starts the run and waits for it too."""
    replay_cpu_seconds: list[float] = field(default_factory=list[float])


@dataclass(frozen=True)
class Measured:
    """Of all sides, by the side's module and the task."""

    versions: Mapping[str, str]
    taken: Mapping[str, Mapping[Task, Taken]]

    def of(self, contender: Contender, task: Task) -> Taken:
        return self.taken[contender.side][task]

    def as_json(self) -> str:
        plain = {
            side: [{**asdict(task), **asdict(taken)} for task, taken in tasks.items()]
            for side, tasks in self.taken.items()
        }
        return json.dumps({"versions": dict(self.versions), "taken": plain}, indent=2)


@dataclass(frozen=True)
class Plan:
    contenders: Sequence[Contender]
    tasks: Sequence[Task]
    rounds: int
    environments: Path
    """Where the peers' environments are."""


async def measure(plan: Plan) -> Measured:
    """First all runs, then all replays: round after round, in each round one side after the other, and each time another one first."""
    pythons = {one.side: one.python(plan.environments) for one in plan.contenders}
    measured = Measured(
        {one.name: one.versions(pythons[one.side]) for one in plan.contenders},
        {one.side: {task: Taken() for task in plan.tasks} for one in plan.contenders},
    )
    with tempfile.TemporaryDirectory(prefix="adw-bench-") as name:
        folder = Path(name)
        async with DevServer(database=folder / "bench.db") as server, AsyncExitStack() as stack:
            processes = await _started(plan, pythons, folder, stack)
            await _run_all(plan, processes, server.address, folder, measured)
        async with AsyncExitStack() as stack:
            await _replay_all(plan, await _started(plan, pythons, folder, stack), folder, measured)
    return measured


async def _started(plan: Plan, pythons: Mapping[str, Path], folder: Path, stack: AsyncExitStack) -> dict[str, Running]:
    return {
        one.side: await stack.enter_async_context(running(one, pythons[one.side], folder)) for one in plan.contenders
    }


async def _run_all(
    plan: Plan, processes: Mapping[str, Running], address: str, folder: Path, measured: Measured
) -> None:
    client = await Client.connect(address)
    for one in plan.contenders:  # The first run of a process pays for what it loads.
        await processes[one.side].do(do="run", address=address, turns=1, size=1)
    for number in range(plan.rounds):
        for task in plan.tasks:
            for one in _turned(plan.contenders, number):
                ran = await processes[one.side].do(do="run", address=address, **asdict(task))
                taken = measured.of(one, task)
                taken.seconds.append(ran["seconds"])
                taken.cpu_seconds.append(ran["cpu_seconds"])
                handle: Any = client.get_workflow_handle(ran["id"])
                [(history, size)] = [found async for found in histories_of(client, handle)]
                # Numbers with more digits make a difference of some bytes between the rounds.
                taken.events, taken.bytes = len(history.events), max(size, taken.bytes)
                _file(folder, one, task).write_text(history.to_json())


async def _replay_all(plan: Plan, processes: Mapping[str, Running], folder: Path, measured: Measured) -> None:
    for number in range(plan.rounds + 1):
        for task in plan.tasks:
            for one in _turned(plan.contenders, number):
                times = max(1, REPLAYED_TURNS // task.turns) if number else 1
                file = str(_file(folder, one, task))
                replayed = await processes[one.side].do(do="replay", file=file, id="replayed", times=times)
                if number:  # The first one pays for what it loads.
                    measured.of(one, task).replay_cpu_seconds.append(replayed["cpu_seconds"])


def _file(folder: Path, contender: Contender, task: Task) -> Path:
    return folder / f"{contender.side}-{task.turns}-{task.size}.json"


def _turned(contenders: Sequence[Contender], number: int) -> list[Contender]:
    first = number % len(contenders)
    return [*contenders[first:], *contenders[:first]]
