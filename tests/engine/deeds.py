"""What the actions of random definitions do, wherever they run."""

from __future__ import annotations

import asyncio
import contextlib

from advanced_workflow.activities.action.errors import ActionError
from tests.engine.script import Outcome, Script
from tests.patience import never_ends

SHORT_TIMEOUT_SECONDS = 2
STAY_SECONDS = 1.5
"""Longer than until the first heartbeat, which is told of a cancellation."""


async def act(outcome: Outcome, attempt: int) -> None:
    """Do in this attempt what an action with this outcome does; it returns where it takes effect."""
    await asyncio.sleep(0)
    if outcome == "stays":
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(STAY_SECONDS)
    if outcome == "times_out" or (attempt == 1 and outcome in ("recovers", "doubtful")):
        await never_ends()
    if outcome == "fails" or (outcome == "doubtful" and attempt > 1) or (outcome == "flaky" and attempt == 1):
        raise ActionError("fails as told", retryable=outcome in ("flaky", "doubtful"))


async def begin_undo(script: Script, step_id: str, attempt: int) -> None:
    """What an undo action does before it ends."""
    await asyncio.sleep(0)
    if attempt == 1 and step_id in script.undo_flaky:
        raise ActionError("not yet")


def end_undo(script: Script, step_id: str) -> None:
    """How an undo action ends."""
    if step_id in script.undo_fails:
        raise ActionError("cannot be undone", retryable=False)
