"""How a command ends: with an exit code, and an error as one sentence."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine
from typing import Any

import typer

from advanced_workflow.client.cli.exits import Exit
from advanced_workflow.client.cli.failures import exit_code
from advanced_workflow.client.cli.output import complain
from advanced_workflow.workflows.errors import WorkflowError


def leave_with(work: Callable[[], Coroutine[Any, Any, int | None]]) -> None:
    """Do work that needs no server, and leave with its exit code; an error is one sentence."""
    try:
        code = asyncio.run(_stoppable(work)) or Exit.OK
    except WorkflowError as error:
        complain(error)
        code = exit_code(error)
    except (KeyboardInterrupt, asyncio.CancelledError):
        code = Exit.INTERRUPTED
    raise typer.Exit(int(code))


async def _stoppable(work: Callable[[], Coroutine[Any, Any, int | None]]) -> int | None:
    """Do the work; a request to terminate cancels it as Ctrl-C does, so that what it started is ended."""
    task = asyncio.current_task()
    if task is not None:
        for number in (signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    return await work()
