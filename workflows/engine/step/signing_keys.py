"""Pinning the keys that signed decisions are verified with."""

from __future__ import annotations

from datetime import timedelta

from temporalio.exceptions import FailureError

from advanced_workflow.workflows.contract import KEYS_ACTIVITY
from advanced_workflow.workflows.contract.tokens import DecisionKeys
from advanced_workflow.workflows.engine.people.identity import Identity
from advanced_workflow.workflows.engine.step.failures import failure_of_activity
from advanced_workflow.workflows.engine.temporal.activities import own_activity
from advanced_workflow.workflows.engine.temporal.payloads import decode_own

_TIMEOUT = timedelta(seconds=20)


async def pin_keys(identity: Identity) -> None:
    """Have the run know the keys of now. Where the worker cannot read them, those that it knows stay."""
    summary = "pin the keys of signed decisions"
    try:
        answer = await own_activity(KEYS_ACTIVITY, summary=summary, total_timeout=_TIMEOUT)
    except FailureError as error:
        identity.keep(failure_of_activity(error, KEYS_ACTIVITY).error.message)
    else:
        identity.pin(DecisionKeys.model_validate(decode_own(answer, "the keys of signed decisions")).keys)
