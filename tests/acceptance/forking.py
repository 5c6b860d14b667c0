"""A Python that has loaded the command `adw`: each command is a process of its own, forked from it in no time.

Run as a program, with the number of an inherited socket, it is that Python; it ends when the other end of the socket closes.
"""

from __future__ import annotations

import array
import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import NoReturn, TypedDict

ROOT = Path(__file__).parents[2]
LOADED = [
    f"advanced_workflow.client.cli.{one}" for one in ("app", "definition_commands", "message_commands", "run_commands")
]
_MOST = 1 << 17
"""Bytes that say what a command is to do."""


class Wanted(TypedDict):
    """A command to run."""

    arguments: list[str]
    variables: dict[str, str]
    folder: str


class ForkedCommand:
    """A command that runs, as far as tests need it: like `asyncio.subprocess.Process`."""

    def __init__(self, stdout: asyncio.StreamReader, stderr: asyncio.StreamReader, told: asyncio.StreamReader) -> None:
        """`told`: a line with the process id, and one with the exit code."""
        self.stdout = stdout
        self.stderr = stderr
        self.returncode: int | None = None
        self._told = told
        self._pid = 0

    async def begun(self) -> ForkedCommand:
        """Wait until there is a process."""
        self._pid = int(await self._told.readline())
        return self

    def send_signal(self, number: int) -> None:
        """Send a signal to the process."""
        os.kill(self._pid, number)

    async def communicate(self) -> tuple[bytes, bytes]:
        """Read all output and wait for the end."""
        output, errors, code = await asyncio.gather(self.stdout.read(), self.stderr.read(), self._told.readline())
        self.returncode = int(code)
        return output, errors


class Forking:
    """The Python that forks commands."""

    def __init__(self) -> None:
        """Start it; it loads meanwhile."""
        self._ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            command = [sys.executable, "-m", "tests.acceptance.forking", str(theirs.fileno())]
            self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()], cwd=ROOT)

    async def spawn(self, arguments: Sequence[str], variables: Mapping[str, str], folder: Path) -> ForkedCommand:
        """Begin a command with exactly these environment variables in a folder."""
        readers, ends = zip(*[os.pipe() for _ in range(3)], strict=True)
        wanted = Wanted(arguments=list(arguments), variables=dict(variables), folder=str(folder))
        passed = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", ends))]
        self._ours.sendmsg([json.dumps(wanted).encode()], passed)
        for end in ends:
            os.close(end)
        return await ForkedCommand(*[await _reader(one) for one in readers]).begun()

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
    """Load what the commands load, then fork one for each that is asked for."""
    for module in LOADED:
        import_module(module)
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
    """Be the parent of one command, and tell how it ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    command = os.fork()
    if command == 0:
        os.close(told)
        _run(wanted, output, errors)
    os.close(output)
    os.close(errors)
    os.write(told, f"{command}\n".encode())
    _, status = os.waitpid(command, 0)
    os.write(told, f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def _run(wanted: Wanted, output: int, errors: int) -> NoReturn:
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(output, 1)
    os.dup2(errors, 2)
    os.chdir(wanted["folder"])
    os.environ.clear()
    os.environ.update(wanted["variables"])
    sys.path[:0] = [wanted["folder"], *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    sys.argv = ["adw", *wanted["arguments"]]

    from advanced_workflow.client.cli.app import main

    main()
    os._exit(0)


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
