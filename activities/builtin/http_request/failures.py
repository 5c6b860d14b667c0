"""How a request fails, and what that says about its effect."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from pydantic import JsonValue

from advanced_workflow.activities.action.errors import ActionError

FailureType = Literal[
    "HttpError", "HttpInterrupted", "HttpRefused", "HttpTooLarge", "HttpUnreachable", "SecretMissing", "SecretRefused"
]
EFFECT = "effect"
UNKNOWN = "unknown"


class HttpFailure(ActionError):
    """A request that failed. Its details hold `effect: unknown` where it may still have taken effect.

    - `HttpRefused`, `SecretMissing`, `SecretRefused`: never sent; trying again does not help.
    - `HttpUnreachable`: no connection, so never sent.
    - `HttpInterrupted`: sent, and no complete answer came.
    - `HttpError`: answered with status 400 or above; details hold `status` and the first part of `body`.
    - `HttpTooLarge`: request (never sent) or answer above the limit.
    """

    def __init__(
        self,
        type: FailureType,
        message: str,
        *,
        retryable: bool = False,
        details: dict[str, JsonValue] | None = None,
        delay: timedelta | None = None,
    ) -> None:
        """`delay` is how long the server asks to be left alone."""
        super().__init__(message, type=type, retryable=retryable)
        self._plain_details = details or {}
        self._next_retry_delay = delay
        self._details = (details,) if details else ()

    def in_doubt(self) -> HttpFailure:
        """The same failure of a request that may have taken effect, in this attempt or in an earlier one."""
        self._details = ({**self._plain_details, EFFECT: UNKNOWN},)
        return self


def refused(reason: str) -> HttpFailure:
    """The request is not sent; the reason ends with what to change."""
    return HttpFailure("HttpRefused", reason)
