"""How a command's work ends: with an exit code, or with an error that `adw` tells (`telling.py`)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from typing import Any

import typer

from advanced_workflow.client.cli.exits import Exit
from advanced_workflow.client.cli.interrupts import asking_first
from advanced_workflow.client.cli.output import complain, note
from advanced_workflow.client.unknown_settings import unknown_settings


def leave_with(work: Callable[[], Coroutine[Any, Any, int | None] | int | None]) -> None:
    """Do work, and leave with its exit code. Ctrl-C ends a function at once; a coroutine is cancelled, so that it ends what it began."""
    for sentence in unknown_settings():
        complain(f"warning: {sentence}")
    outcome = work()
    if isinstance(outcome, Coroutine):
        try:
            outcome = asyncio.run(_stoppable(outcome))
        except asyncio.CancelledError:
            outcome = Exit.INTERRUPTED
    raise typer.Exit(int(outcome or Exit.OK))


async def _stoppable(work: Coroutine[Any, Any, int | None]) -> int | None:
    task = asyncio.current_task()
    if task is None:
        return await work
    loop = asyncio.get_running_loop()
    with asking_first(lambda: loop.call_soon_threadsafe(task.cancel)):
        return await work


@contextmanager
def said_when_interrupted(sentence: str) -> Generator[None]:
    """Say what it means when the work within is interrupted."""
    try:
        yield
    except asyncio.CancelledError:
        note(sentence)
        raise
