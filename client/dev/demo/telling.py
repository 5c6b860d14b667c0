"""How a story of the demo is told: its run is watched while somebody does something about it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import JsonValue
from rich.console import Console
from rich.text import Text

from advanced_workflow.client.dev.demo.stage import Stage
from advanced_workflow.client.errors import RequestFailed, RunFailed
from advanced_workflow.client.render.live import show_snapshots
from advanced_workflow.client.render.times import seconds_between
from advanced_workflow.client.runs import Run, start
from advanced_workflow.client.settings import Settings
from advanced_workflow.client.watch import run_snapshots
from advanced_workflow.workflows.contract import ExecutionOptions, PendingApproval
from advanced_workflow.workflows.errors import WorkflowError

THINKING_SECONDS = 1.0
"""How long the provider takes, and the approver thinks."""
POLL_SECONDS = 0.1
STORIES = 4


class DemoFailed(WorkflowError):
    """A story went another way than it must."""

    code = "DemoFailed"


@dataclass(frozen=True)
class Told:
    """How a run ended."""

    run_id: str
    outcome: str
    """`completed`, or the type of the failure."""
    seconds: float | None


@dataclass
class Teller:
    """Tells stories on a console."""

    console: Console
    stage: Stage

    def title(self, number: int, sentence: str) -> None:
        """Begin a story."""
        self.console.print()
        self.console.print(Text(f"{number} of {STORIES}  ", style="bold cyan").append(sentence, style="bold default"))

    def say(self, sentence: str) -> None:
        """Say what somebody does."""
        self.console.print(Text("  → ", style="bold magenta").append(sentence, style="magenta"), soft_wrap=True)

    async def tell(
        self, definition: str, data: JsonValue, name: str, meanwhile: Callable[[Run], Coroutine[Any, Any, None]]
    ) -> Told:
        """Start a run under a name and show it until it ends."""
        run = await start(
            self.stage.client,
            definition,
            data,
            id=name,
            options=ExecutionOptions(started_by="sam"),
            settings=Settings(user="sam"),
        )
        await _together(self._watch(run), meanwhile(run))
        outcome = await _outcome(run)
        summary = await run.summary()
        seconds = seconds_between(summary.start_time, summary.close_time or datetime.now(UTC))
        return Told(summary.run_id, outcome, seconds)

    async def _watch(self, run: Run) -> None:
        async with aclosing(run_snapshots(run)) as snapshots:
            await show_snapshots(snapshots, self.console)


async def asking(run: Run) -> PendingApproval | None:
    """Wait until the run asks for an approval; None when it ends without."""
    while True:
        with contextlib.suppress(RequestFailed):  # the run has not read its definition yet
            asked = await run.pending_approvals()
            if asked:
                return asked[0]
        if await _has_ended(run):
            return None
        await asyncio.sleep(POLL_SECONDS)


async def approval(run: Run) -> PendingApproval:
    """Wait until the run asks for an approval, which it must."""
    asked = await asking(run)
    if asked is None:
        raise await _too_early(run)
    return asked


async def require_running(run: Run) -> None:
    """Refuse to wait for a run that has ended."""
    if await _has_ended(run):
        raise await _too_early(run)


async def _has_ended(run: Run) -> bool:
    return (await run.summary()).close_time is not None


async def _too_early(run: Run) -> DemoFailed:
    return DemoFailed(f"run {run.id!r} ended before its turn came: {await _outcome(run)}.")


async def _outcome(run: Run) -> str:
    try:
        return (await run.result()).status.value
    except RunFailed as failure:
        return failure.failure_type


async def _together(*works: Coroutine[Any, Any, None]) -> None:
    """Do works at once; when one fails the others are cancelled and awaited."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
