"""A Python that has loaded `adw` and `adw-worker`: each command is a process of its own, forked from it in no time.

Run as a program, with the number of an inherited socket, it is that Python; it ends when the other end of the socket closes.
That a new Python can be one of them too is what tests/acceptance/test_worker_startup.py, the demo and the manual show.
"""

from __future__ import annotations

import array
import asyncio
import contextlib
import gc
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import IO, Literal, NoReturn, TypedDict

from tests.patient import be_patient

ROOT = Path(__file__).parents[1]
Program = Literal["adw", "adw-worker"]
MAIN: Mapping[Program, str] = {
    "adw": "advanced_workflow.client.cli.app",
    "adw-worker": "advanced_workflow.client.serve.command",
}
"""The module of each program with its function `main`."""
LOADED = [
    *MAIN.values(),
    *(f"advanced_workflow.client.cli.{one}" for one in ("definition_commands", "message_commands", "run_commands")),
]
_MOST = 1 << 17
"""Bytes that say what a command is to do."""


class Wanted(TypedDict):
    """A command to run."""

    program: Program
    arguments: list[str]
    variables: dict[str, str]
    folder: str


class Forked:
    """A process that runs, as far as tests need it: like `asyncio.subprocess.Process`."""

    def __init__(self, told: asyncio.StreamReader) -> None:
        """`told`: a line with the ids of the process and of its parent, and one with the exit code."""
        self.pid = 0
        self.returncode: int | None = None
        self._told = told

    async def begun(self) -> None:
        """Wait until there is a process; its end is heard of from then on."""
        self.pid, self._attendant = map(int, (await self._told.readline()).split())
        self._ending = asyncio.ensure_future(self._end())

    def send_signal(self, number: int) -> None:
        """Send a signal to the process."""
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """As a crash would."""
        self.send_signal(signal.SIGKILL)

    async def wait(self) -> int:
        """Wait for its end; gives the exit code."""
        return await asyncio.shield(self._ending)

    async def _end(self) -> int:
        self.returncode = int(await self._told.readline())
        with contextlib.suppress(ChildProcessError):  # Where the tests adopt nothing it is not a child of ours.
            os.waitpid(self._attendant, 0)  # noqa: ASYNC222 (it has nothing more to do)
        return self.returncode


class ForkedCommand(Forked):
    """One whose output is read."""

    def __init__(self, stdout: asyncio.StreamReader, stderr: asyncio.StreamReader, told: asyncio.StreamReader) -> None:
        """With the ends of its pipes."""
        super().__init__(told)
        self.stdout = stdout
        self.stderr = stderr

    async def communicate(self) -> tuple[bytes, bytes]:
        """Read all output and wait for the end."""
        output, errors, _ = await asyncio.gather(self.stdout.read(), self.stderr.read(), self.wait())
        return output, errors


class Forking:
    """The Python that forks."""

    def __init__(self) -> None:
        """Start it; it loads meanwhile."""
        self._ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            command = [sys.executable, "-m", "tests.forking", str(theirs.fileno())]
            self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()], cwd=ROOT)

    async def spawn(
        self, arguments: Sequence[str], variables: Mapping[str, str], folder: Path, program: Program = "adw"
    ) -> ForkedCommand:
        """Begin a program with exactly these environment variables in a folder."""
        readers, ends = zip(*[os.pipe() for _ in range(3)], strict=True)
        self._ask(
            Wanted(program=program, arguments=list(arguments), variables=dict(variables), folder=str(folder)), ends
        )
        command = ForkedCommand(*[await _reader(one) for one in readers])
        await command.begun()
        return command

    async def worker(self, variables: Mapping[str, str], log: IO[bytes]) -> Forked:
        """Begin an `adw-worker` with exactly these environment variables, in this folder and a session of its own."""
        reader, told = os.pipe()
        wanted = Wanted(program="adw-worker", arguments=[], variables=dict(variables), folder=str(Path.cwd()))
        self._ask(wanted, (os.dup(log.fileno()), os.dup(log.fileno()), told))
        worker = Forked(await _reader(reader))
        await worker.begun()
        return worker

    def _ask(self, wanted: Wanted, ends: Sequence[int]) -> None:
        passed = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", ends))]
        self._ours.sendmsg([json.dumps(wanted).encode()], passed)
        for end in ends:
            os.close(end)

    def close(self) -> None:
        """End it."""
        self._ours.close()
        self._process.wait()


async def _reader(end: int) -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(end, "rb", buffering=0)
    )
    return reader


def _serve(number: int) -> None:
    """Load what the programs load, then fork one for each that is asked for."""
    for module in LOADED:
        import_module(module)
    be_patient(setattr)
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(fileno=number) as asked:
        while True:
            wanted, passed, _, _ = asked.recvmsg(_MOST, socket.CMSG_SPACE(3 * array.array("i").itemsize))
            if not wanted:
                return
            ends = array.array("i", passed[0][2])
            if os.fork() == 0:
                asked.close()
                _attend(json.loads(wanted), *ends)
            for end in ends:
                os.close(end)


def _attend(wanted: Wanted, output: int, errors: int, told: int) -> NoReturn:
    """Be the parent of one process, and tell how it ends.

    This one becomes a child of the tests' process at once, which finds it if a test leaves it behind (Linux).
    """
    if os.fork():
        os._exit(0)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    started = os.fork()
    if started == 0:
        os.close(told)
        _run(wanted, output, errors)
    os.close(output)
    os.close(errors)
    os.write(told, f"{started} {os.getpid()}\n".encode())
    _, status = os.waitpid(started, 0)
    os.write(told, f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def _run(wanted: Wanted, output: int, errors: int) -> NoReturn:
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(output, 1)
    os.dup2(errors, 2)
    os.chdir(wanted["folder"])
    os.environ.clear()
    os.environ.update(wanted["variables"])
    places = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if wanted["program"] == "adw-worker":
        os.setsid()
    else:
        places.insert(0, wanted["folder"])
    sys.path[:0] = places
    sys.argv = [wanted["program"], *wanted["arguments"]]
    import_module(MAIN[wanted["program"]]).main()
    os._exit(0)


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
