"""Quiet moments of a run: each of its tasks waits for something."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from temporalio import workflow

from workflows.engine.calls import is_being_cancelled


async def quiet(condition: Callable[[], bool] = lambda: True) -> None:
    """Wait for a quiet moment in which a condition holds. That the run is cancelled meanwhile ends this only with its task."""
    while True:
        try:
            await workflow.wait_condition(condition)
        except asyncio.CancelledError:
            # Since some release the SDK raises it in whatever task waits, for ever after the run was cancelled.
            if is_being_cancelled():
                raise
        else:
            return
