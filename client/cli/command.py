"""What the commands share that talk to a server."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, cast

import typer
from temporalio.client import Client

from advanced_workflow.client.cli.leaving import leave_with
from advanced_workflow.client.cli.target import Target
from advanced_workflow.client.runs import Run, get_run
from advanced_workflow.client.settings import Settings, load_settings


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
