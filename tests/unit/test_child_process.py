from __future__ import annotations

import asyncio
import os
import signal
import sys

import pytest

from advanced_workflow.client.dev.child_process import end_process, start_process
from advanced_workflow.client.dev.processes import WorkerProcess
from tests.processes import living_children

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


async def test_a_process_runs_in_a_session_of_its_own_until_it_is_ended() -> None:
    process = await start_process(SLEEP, log=None)

    assert os.getsid(process.pid) == process.pid
    await end_process(process)
    assert process.returncode == -signal.SIGTERM


@pytest.mark.parametrize("turns", range(6))
async def test_who_is_cancelled_while_it_starts_a_process_leaves_none(turns: int) -> None:
    before = living_children()
    worker = WorkerProcess(dict(os.environ))
    starting = asyncio.ensure_future(worker.start())
    for _ in range(turns):
        await asyncio.sleep(0)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting

    await worker.stop()
    assert living_children() == before


async def test_a_process_that_ignores_the_request_to_end_is_killed() -> None:
    program = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('on', flush=True); time.sleep(60)"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE)
    assert process.stdout
    await process.stdout.readline()

    await end_process(process, seconds=0.2)

    assert process.returncode == -signal.SIGKILL
