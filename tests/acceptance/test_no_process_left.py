"""Our own plugin against tests that leave processes behind."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from pathlib import Path

import pytest

from tests.acceptance.command import ROOT, processes_that_mention
from tests.harness import eventually

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only this kernel lets a process adopt and be found")

LEAVES = """
import subprocess, sys, time
from pathlib import Path
from tests.processes import living_children

def leave():
    subprocess.Popen(["sh", "-c", "setsid sleep 600 & touch left; exec sleep 600"], start_new_session=True)
    while not Path("left").exists():
        time.sleep(0.01)

def test_leaves():
    global before
    before = living_children()
    leave()

def test_comes_next():
    assert living_children() == before

def test_hangs(request):
    leave()
    Path("started").touch()
    time.sleep(600)
"""


async def start(folder: Path, *arguments: str) -> Process:
    """Pytest on these tests, with the plugin alone."""
    (folder / "test_leaving.py").write_text(LEAVES, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "WHERE": str(folder), "PYTEST_ADDOPTS": ""}
    others = ("anyio", "asyncio", "cacheprovider", "hypothesispytest", "langsmith_plugin", "pytest_cov")
    plugins = ["tests.no_process_left", *(f"no:{name}" for name in others)]
    command = [sys.executable, "-m", "pytest", *(word for name in plugins for word in ("-p", name)), *arguments]
    return await asyncio.create_subprocess_exec(
        *command, stdin=DEVNULL, stdout=PIPE, stderr=PIPE, cwd=folder, env=environment
    )


async def test_a_test_that_leaves_processes_fails_and_they_are_gone_before_the_next(tmp_path: Path) -> None:
    process = await start(tmp_path, "-k", "not hangs")
    output, _ = await process.communicate()

    assert b"the test left processes behind: [" in output
    assert b"2 passed, 1 deselected, 1 error" in output, output.decode()
    assert processes_that_mention(str(tmp_path)) == []


@pytest.mark.parametrize(("number", "processes"), [(signal.SIGINT, "0"), (signal.SIGKILL, "0"), (signal.SIGKILL, "1")])
async def test_a_run_of_tests_that_is_ended_leaves_no_process(
    tmp_path: Path, number: signal.Signals, processes: str
) -> None:
    process = await start(tmp_path, "-k", "hangs", "-n", processes)
    await eventually((tmp_path / "started").exists)

    process.send_signal(number)
    await process.communicate()

    await eventually(lambda: processes_that_mention(str(tmp_path)) == [])
