"""A pytest plugin: no process outlives the test that started it, nor the run of the tests, however that ends (Linux).

The process that runs the tests adopts what its descendants leave behind, so in the end all that a test started is among its
children. If it is killed itself, a watcher kills all that carry its mark in their environment.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import time
from collections.abc import Generator
from uuid import uuid4

import pytest

from tests import processes
from tests.processes import MARK, command_of, end_all, living_children

PR_SET_CHILD_SUBREAPER = 36
END_SECONDS = 60
"""A process that was told to end may still be about it when its test has ended."""
WATCHER = pytest.StashKey[subprocess.Popen[bytes]]()


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Adopt, mark and watch."""
    hands_tests_out = session.config.getoption("dist", "no") != "no" and not hasattr(session.config, "workerinput")
    if sys.platform != "linux" or hands_tests_out:
        return
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    unmarked = {name: value for name, value in os.environ.items() if name != MARK}
    os.environ[MARK] = mark = uuid4().hex
    command = [sys.executable, "-I", "-S", processes.__file__, mark]
    session.config.stash[WATCHER] = subprocess.Popen(
        command, stdin=subprocess.PIPE, env=unmarked, start_new_session=True
    )


@pytest.hookimpl(tryfirst=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """End what the fixtures of the whole session left; the watcher ends with this process."""
    if watcher := config.stash.get(WATCHER, None):
        end_all(living_children() - {watcher.pid})


@pytest.fixture(autouse=True)
def _no_process_left() -> Generator[None]:
    """Fail a test that leaves a process behind, and end that. Fixtures of a wider scope have started theirs before."""
    before = living_children()
    yield
    last = time.monotonic() + END_SECONDS
    while (left := _started_since(before)) and time.monotonic() < last:
        time.sleep(0.02)
    if left:
        commands = sorted(map(command_of, left))
        end_all(left)
        pytest.fail(f"the test left processes behind: {commands}")


def _started_since(before: set[int]) -> set[int]:
    # The standard library keeps one process of its own beside those of a pool.
    return {pid for pid in living_children() - before if "multiprocessing.resource_tracker" not in command_of(pid)}
