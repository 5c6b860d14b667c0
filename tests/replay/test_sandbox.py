from __future__ import annotations

import time
from importlib.util import find_spec

import pytest
from temporalio import workflow
from temporalio.client import Client
from temporalio.worker import Replayer, Worker

from tests.harness import replayer
from tests.sandbox import PURE


@workflow.defn(sandboxed=False)
class ReadsTheClock:
    @workflow.run
    async def run(self) -> float:
        return time.time()


async def test_what_workers_run_unsandboxed_is_replayed_under_the_strict_sandbox(client: Client) -> None:
    async with Worker(client, task_queue="clock", workflows=[ReadsTheClock]):
        run = await client.start_workflow(ReadsTheClock.run, id="clock", task_queue="clock")
        await run.result()

    config = replayer().config()
    config["workflows"] = [ReadsTheClock]
    history = await run.fetch_history()
    for _ in range(2):  # The second run uses what was loaded for the first.
        with pytest.raises(RuntimeError, match=r"Cannot access time\.time"):
            await Replayer(**config).replay_workflow(history)


def test_every_module_that_is_passed_through_exists() -> None:
    assert [name for name in PURE if find_spec(name) is None] == []
