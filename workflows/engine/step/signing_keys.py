"""Pinning the keys that signed decisions are verified with."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from temporalio.exceptions import FailureError

from advanced_workflow.workflows.contract import KEYS_ACTIVITY
from advanced_workflow.workflows.contract.tokens import DecisionKeys
from advanced_workflow.workflows.engine.people.identity import Identity
from advanced_workflow.workflows.engine.step.failures import failure_of_activity
from advanced_workflow.workflows.engine.temporal.activities import own_activity
from advanced_workflow.workflows.engine.temporal.payloads import decode_own
from advanced_workflow.workflows.engine.temporal.quiet import is_being_cancelled

_TIMEOUT = timedelta(seconds=10)
"""Decisions wait behind one that names a key which the run does not know: see `LOOKS_WITHIN`."""


async def pin_keys(identity: Identity) -> str:
    """Have the run know the keys of now, and give the nonce of this time.

    Where the worker cannot read them, those that the run knows stay, and there is no nonce.
    """
    summary = "pin the keys of signed decisions"
    try:
        answer = await own_activity(KEYS_ACTIVITY, summary=summary, total_timeout=_TIMEOUT)
    except FailureError as error:
        identity.keep(failure_of_activity(error, KEYS_ACTIVITY).error.message)
        return ""
    given = DecisionKeys.model_validate(decode_own(answer, "the keys of signed decisions"))
    identity.pin(given.keys, given.read_at)
    return given.nonce


async def look_for_keys(identity: Identity) -> None:
    """Have the run know the keys of now, for a message that names another. A run that is being cancelled does without."""
    try:
        await pin_keys(identity)
    except asyncio.CancelledError:
        if not is_being_cancelled():
            raise
