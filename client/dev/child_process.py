"""Child processes of this machine: started so that none is left behind, and ended."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import signal
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Mapping, Sequence
from typing import IO

STOP_SECONDS = 10


async def start_process(
    command: Sequence[str], *, log: IO[bytes] | None, environment: Mapping[str, str] | None = None, keep: bool = False
) -> Process:
    """Start a command that writes to `log`, or where this process does, in its own session: Ctrl-C reaches only this process.

    Unless it is to be kept it ends with this process even if that is killed (Linux). A caller that is cancelled while it
    starts leaves no process behind.
    """
    starting = asyncio.ensure_future(
        asyncio.create_subprocess_exec(
            *([] if keep else _ends_with_parent()),
            *command,
            stdin=DEVNULL,
            stdout=log,
            stderr=log,
            env=environment,
            start_new_session=True,
        )
    )
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        await end_process(await starting)
        raise


async def end_process(process: Process, seconds: float = STOP_SECONDS) -> None:
    """Terminate a child process, kill it when it has not ended after `seconds`, and wait for its end."""
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), seconds)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _ends_with_parent() -> list[str]:
    # `setpriv` sets the signal and then becomes the command, so the process id stays. Asked to terminate, a worker would wait
    # for actions that nobody can stop, such as one that sleeps in a thread.
    setpriv = shutil.which("setpriv") if sys.platform == "linux" else None
    return [setpriv, "--pdeathsig", "KILL"] if setpriv else []
