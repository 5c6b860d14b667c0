"""The processes that tests start (Linux): found, and ended with all that they started.

`python processes.py MARK` is the watcher: once whoever holds its standard input has gone, it kills all that carry the mark.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

PROC = Path("/proc")
MARK = "TESTS_OF"
"""The variable whose value says which run of the tests a process belongs to."""
OWN_THREADS = "/proc/self/task"


def living_children() -> set[int]:
    """Ids of this process's children, adopted ones included, whichever of its threads has them."""
    if os.path.exists(f"{OWN_THREADS}/{os.getpid()}/children"):
        told = (_read(f"{OWN_THREADS}/{thread}/children").split() for thread in os.listdir(OWN_THREADS))
        found = {pid for of_a_thread in told for pid in of_a_thread}
    else:  # Not every kernel tells.
        me = str(os.getpid())
        found = {name for name in os.listdir(PROC) if name.isdecimal() and _stat(name)[1:2] == [me]}
    return {int(pid) for pid in found if is_alive(pid)}


def is_alive(pid: int | str) -> bool:
    """Whether it runs; one that has ended but was not waited for does not."""
    return _stat(str(pid))[:1] not in ([], ["Z"], ["X"])


def command_of(pid: int) -> str:
    """Its command line."""
    return " ".join(_read(PROC / str(pid) / "cmdline").split("\0")).strip()


def end_all(started: set[int]) -> None:
    """Kill these children, and what they started, which becomes a child of ours when its parent has gone."""
    kept = living_children() - started
    while left := living_children() - kept:
        _kill(left)


def watch(mark: str) -> None:
    """Kill all that carry the mark, once the other end of standard input is gone."""
    sys.stdin.read()
    while marked := set(_marked(mark)):
        _kill(marked)


def _marked(mark: str) -> Iterator[int]:
    for folder in PROC.glob("[0-9]*"):
        if f"{MARK}={mark}\0" in _read(folder / "environ") and is_alive(folder.name):
            yield int(folder.name)


def _kill(processes: set[int]) -> None:
    for pid in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    time.sleep(0.01)


def _stat(pid: str) -> list[str]:
    # The name of the command, in parentheses, may hold anything.
    return _read(f"{PROC}/{pid}/stat").rpartition(")")[2].split(maxsplit=2)


def _read(file: str | Path) -> str:
    # Each test reads hundreds of these twice, so in the cheapest way.
    try:
        with open(file, "rb", buffering=0) as opened:
            return opened.read().decode("utf-8", errors="replace")
    except OSError:
        return ""


if __name__ == "__main__":
    watch(sys.argv[1])
