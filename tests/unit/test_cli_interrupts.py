"""Ctrl-C, typed at a terminal, and a request to terminate: at any moment the command just ends."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import socket
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.forking import ROOT

BEGUN = "begun"
PROGRAM = f"""
from advanced_workflow.client.cli import interrupts, main
interrupts.leave_when_interrupted()
print({BEGUN!r}, flush=True)
main()
"""
"""`adw`, which says when its first lines have been run: before, no program of Python can do anything about it."""


@pytest.fixture
def silent_server() -> Iterator[str]:
    """An address that takes connections and never answers."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


class Typed:
    """A command at a terminal of its own."""

    def __init__(self, *arguments: str) -> None:
        self.screen, terminal = pty.openpty()
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("ADW_", "TEMPORAL_"))}
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *arguments],
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
            env={**kept, "PYTHONPATH": str(ROOT), "ADW_CONNECT_TIMEOUT": "300"},
        )
        os.close(terminal)
        self.shown = ""

    def read_until(self, text: str) -> None:
        """Read what it shows up to a text, or to its end."""
        while text not in self.shown:
            try:
                self.shown += os.read(self.screen, 4096).decode()
            except OSError:  # It has ended.
                return

    def ended(self) -> int:
        """Wait for its end; gives the exit code."""
        self.read_until("\0")
        os.close(self.screen)
        return self.process.wait()


@pytest.mark.parametrize("way", ["typed", "terminated"])
def test_a_command_ends_quietly_at_any_moment(silent_server: str, way: str) -> None:
    # The moments are spread over the loading, the connecting and the waiting; wherever one falls, the verdict is the same.
    moments = [0, 0.02, 0.08, 0.2, 0.5, 1.5] if way == "typed" else [0.05, 1]
    commands = [Typed("--address", silent_server, "list") for _ in moments]
    for command, moment in zip(commands, moments, strict=True):
        command.read_until(BEGUN)
        time.sleep(moment)
        if way == "typed":
            os.write(command.screen, b"\x03")
        else:
            command.process.send_signal(signal.SIGTERM)

    assert [command.ended() for command in commands] == [130] * len(commands)
    for command in commands:
        assert command.shown.replace("^C", "").split() == [BEGUN]


def test_what_is_ignored_from_the_start_stays_ignored() -> None:
    program = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); " + PROGRAM.replace("main()", "", 1)
    kept = f"{program.strip()}\nprint(signal.getsignal(signal.SIGINT) is signal.SIG_IGN)"
    done = subprocess.run(
        [sys.executable, "-c", kept.replace("main\n", "main\n")], capture_output=True, text=True, check=True
    )

    assert done.stdout.split() == [BEGUN, "True"]
