"""How long to wait before the next attempt: one rule for workers, which delay actions, and for runs, which delay children."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal, assert_never

from advanced_workflow.workflows.contract.wire import WireModel


class RetryDelay(WireModel):
    """How the delay before a retry grows. Durations are in seconds."""

    strategy: Literal["exponential", "linear", "fixed"]
    delay: float
    multiplier: float
    max_delay: float
    jitter: float = 0


def retry_delay(policy: RetryDelay, attempt: int, jitter_share: float = 0) -> timedelta:
    """The delay after the attempt of that number (from 1): grown, capped, then less `jitter_share` (0 to 1) of the jitter."""
    seconds = min(_grown(policy, attempt), policy.max_delay)
    return timedelta(seconds=seconds * (1 - policy.jitter * jitter_share))


def _grown(policy: RetryDelay, attempt: int) -> float:
    match policy.strategy:
        case "fixed":
            return policy.delay
        case "linear":
            return policy.delay * attempt
        case "exponential":
            try:
                return policy.delay * policy.multiplier ** (attempt - 1)
            except OverflowError:
                return policy.max_delay
        case _:
            assert_never(policy.strategy)
