"""Random definitions while the worker processes are killed: what happens must be what the reference model allows without any kill."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from temporalio.client import Client

from advanced_workflow.client.dev import processes
from advanced_workflow.client.dev.processes import WorkerProcess, local_environment
from advanced_workflow.client.dev.server import DevServer
from tests.engine.allowed import check_run
from tests.engine.arena import Actions, Recorded
from tests.engine.cases import Case, batches, children_of, walk
from tests.engine.reference import Step
from tests.examples import profile
from tests.faults.scripted import FOLDER, Deed, deeds_in, write_scripts
from tests.harness import ROOT, Harness, Outcome, eventually

RUNS_AT_ONCE = 20
WORKERS = 2
KILLS = 5
ATTEMPTS = KILLS + 3
"""Each kill may take one of each step."""
LONGEST_RUN_SECONDS = 600


@pytest.mark.long
@profile(2, shrink=False)
@given(batch=batches(RUNS_AT_ONCE, unattended=True), seed=st.integers(0, 10**6))
@pytest.mark.timeout(0)  # Each run has its own bound.
async def test_runs_whose_workers_are_killed_do_what_the_reference_allows(
    server: DevServer, client: Client, tmp_path_factory: pytest.TempPathFactory, batch: list[Case], seed: int
) -> None:
    patient = [with_patience(case) for case in batch]
    folder = tmp_path_factory.mktemp("kills")
    async with killed_now_and_then(server, Harness(client), folder, patient, seed) as actions:
        checks = (check_run(actions, case, name_of(number)) for number, case in enumerate(patient))
        await asyncio.gather(*checks)

    assert actions.killed
    assert unexplained(list(deeds_in(folder)), actions.killed) == []


def name_of(number: int) -> str:
    return f"kills-{number}"


@dataclass
class Elsewhere(Actions):
    """Actions that other processes have, of which all is known from what they wrote down."""

    folder: Path = Path()
    killed: list[float] = field(default_factory=list[float])
    """When a worker was killed."""

    async def proves(self, name: str) -> bool:
        """They time out where their worker was killed, as they are to."""
        return True

    async def run(self, case: Case, name: str, **more: Any) -> tuple[Recorded, Outcome]:
        recorded, outcome = await super().run(case, name, **more)
        for one in deeds_in(self.folder):
            if one.run != outcome.handle.id:
                continue
            if one.what == "done":
                recorded.note_done(one.path)
            elif one.what == "undo_ended":
                recorded.note_undone(one.path, again=one.again)
            elif one.what == "undo_began":
                recorded.note(recorded.undo_began, one.path, again=one.again)
            else:
                recorded.lost |= {one.path} & set(recorded.began)
                recorded.note(recorded.began, one.path, again=one.again)
        return recorded, outcome


@asynccontextmanager
async def killed_now_and_then(
    server: DevServer, harness: Harness, folder: Path, batch: list[Case], seed: int
) -> AsyncGenerator[Elsewhere, None]:
    """Worker processes for these cases, of which one is killed each time that some more was done, and another started."""
    for one in children_of(batch):
        (folder / f"{one['workflow_id']}.json").write_text(json.dumps(one), encoding="utf-8")
    runs = {f"{name_of(number)}-{harness.task_queue}": case.script for number, case in enumerate(batch)}
    write_scripts(folder, runs)
    environment = local_environment(
        server.address,
        PYTHONPATH=str(ROOT),
        ADW_ACTIONS="tests.faults.scripted",
        ADW_DEFINITIONS=str(folder),
        ADW_TASK_QUEUE=harness.task_queue,
        ADW_CONTINUE_AFTER="100",  # The longer ones do.
        **{FOLDER: str(folder)},
    )
    workers = [WorkerProcess(environment, log_path=folder / f"worker-{number}.log") for number in range(WORKERS)]
    actions = Elsewhere(harness, longest_run_seconds=LONGEST_RUN_SECONDS, folder=folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(processes, "START_SECONDS", LONGEST_RUN_SECONDS)  # They start while everything else runs.
        await asyncio.gather(*(worker.start() for worker in workers))
        killing = asyncio.create_task(kill_some(workers, actions, random.Random(seed)))
        try:
            yield actions
        finally:
            killing.cancel()
            await asyncio.gather(killing, return_exceptions=True)
            for worker in workers:
                await worker.stop()
    await harness.replay()


async def kill_some(workers: list[WorkerProcess], actions: Elsewhere, chance: random.Random) -> None:
    for _ in range(KILLS):
        then = count_of(actions) + chance.randint(1, 25)
        await eventually(lambda then=then: count_of(actions) >= then, LONGEST_RUN_SECONDS)
        worker = chance.choice(workers)
        actions.killed.append(time.time())
        await worker.kill()
        assert worker.log_path
        worker.log_path.unlink()  # It waits until the new one says there that it serves.
        await worker.start()


def count_of(actions: Elsewhere) -> int:
    return sum(1 for _ in deeds_in(actions.folder))


def with_patience(case: Case) -> Case:
    """The same with an attempt for each kill.

    What fails after an attempt that was lost is undone, too; that this fails, and what follows, nobody can predict.
    """
    outcomes = case.script.outcomes
    sure = {
        one for one in case.script.undo_fails if "fails" not in (*outcomes.get(one, ()), *outcomes.get(f"{one}#", ()))
    }
    children = {name: with_attempts(one) for name, one in case.children.items()}
    script = replace(case.script, undo_fails=frozenset(sure))
    return replace(case, definition=with_attempts(case.definition), script=script, children=children)


def with_attempts(definition: Step) -> Step:
    """The same with an attempt for each kill."""
    more = deepcopy(definition)
    more["retry_policy"] = {"max_attempts": ATTEMPTS, "delay": 0.05, "max_delay": 1}
    for step in walk(more["steps"]):
        if step["step_type"] != "sub_workflow" and "max_attempts" in step.get("retry_policy", {}):
            step["retry_policy"]["max_attempts"] = ATTEMPTS
    return more


def unexplained(deeds: list[Deed], killed: list[float]) -> list[str]:
    """What took effect twice in one run, although no worker was killed between."""
    found: list[str] = []
    done: dict[tuple[str, str, str], float] = {}
    for one in deeds:
        before = done.get((one.what, one.by, one.path))
        if one.what in ("done", "undo_ended"):
            if before is not None and not any(before < moment < one.at for moment in killed):
                found.append(f"{one.by}: {one.path} is {one.what} once more")
            done[one.what, one.by, one.path] = one.at
    return found
