"""What all commands share: the server they talk to, and how errors become exit codes."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, cast

import typer
from temporalio.client import Client

from advanced_workflow.client.cli.exits import Exit, exit_code
from advanced_workflow.client.cli.output import complain
from advanced_workflow.client.connection import connect
from advanced_workflow.client.runs import Run, get_run
from advanced_workflow.client.settings import Settings, load_settings
from advanced_workflow.workflows.errors import WorkflowError


@dataclass(frozen=True, slots=True)
class Target:
    """Which server and namespace the command is for."""

    address: str | None = None
    namespace: str | None = None
    profile: str | None = None

    async def connect(self, settings: Settings) -> Client:
        """Connect, by these options over Temporal's own configuration."""
        return await connect(self.profile, address=self.address, namespace=self.namespace, settings=settings)


@dataclass(frozen=True, slots=True)
class Command:
    """One command at work: its connection and settings."""

    client: Client
    settings: Settings

    def run(self, id: str, run_id: str | None = None, user: str | None = None) -> Run:
        """A run by its id."""
        return get_run(self.client, id, run_id=run_id, user=user or self.settings.user)


Work = Callable[[Command], Coroutine[Any, Any, int | None]]


def execute(context: typer.Context, work: Work) -> None:
    """Connect, do the work, and leave with its exit code."""

    async def connected() -> int | None:
        settings = load_settings()
        target = cast("Target", context.obj)
        return await work(Command(await target.connect(settings), settings))

    leave_with(connected)


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
