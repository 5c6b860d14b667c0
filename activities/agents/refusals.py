"""What errors of providers' libraries mean: is the model gone, busy, or will it never take this request?

The libraries are not imported: their errors have a status, an answer with headers, a code and a body, whoever made them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, cast

from advanced_workflow.activities.agents.failures import ModelError
from advanced_workflow.workflows.contract import ModelFailure
from advanced_workflow.workflows.plain.text import one_line

LONGEST_DELAY = timedelta(hours=1)
"""Longest time a provider may ask to be left alone; after it the model is asked again, and says so again."""

_BY_STATUS = {
    401: ModelFailure.ACCESS_DENIED,
    402: ModelFailure.QUOTA_EXCEEDED,
    403: ModelFailure.ACCESS_DENIED,
    404: ModelFailure.UNKNOWN,
    408: ModelFailure.UNAVAILABLE,
    409: ModelFailure.UNAVAILABLE,
    413: ModelFailure.CONTEXT_TOO_LONG,
    425: ModelFailure.UNAVAILABLE,
    429: ModelFailure.RATE_LIMITED,
}
_NEXT = {
    ModelFailure.ACCESS_DENIED: "check the key and what it may use",
    ModelFailure.QUOTA_EXCEEDED: "the account needs more quota",
    ModelFailure.UNKNOWN: "check the model's name and the endpoint's address",
    ModelFailure.CONTEXT_TOO_LONG: "show it less, or choose a model that takes more",
    ModelFailure.REFUSED: "check 'model_settings' and the tools' schemas",
}
_TOO_LONG = re.compile(
    r"context_length_exceeded|maximum context length|context (window|length|size)|(prompt|input) is too long|too many (input )?tokens"
    r"|exceeds? the (maximum|limit)[^.]{0,40}tokens|string_above_max_length|request too large",
    re.IGNORECASE,
)
_NO_QUOTA = re.compile(
    r"insufficient_quota|exceeded your current quota|credit balance is too low|billing_hard_limit|insufficient balance",
    re.IGNORECASE,
)
_BROKEN_ANSWERS = (ValueError, LookupError, TypeError, AttributeError, AssertionError)
"""What libraries raise who did not expect what came."""


def model_error_of(error: Exception, model: str) -> ModelError:
    """A library's error as the failure of a model call. Its text is not clean of keys yet."""
    if isinstance(error, ModelError):
        return error
    kind = kind_of(error)
    said = one_line(error) or type(error).__name__
    then = f"; {_NEXT[kind]}" if kind in _NEXT else ""
    return ModelError(kind, f"model {model!r}: {_what(kind)} ({said}){then}.", delay=_delay(error, kind))


def kind_of(error: Exception) -> ModelFailure:
    """What a library's error says of the model."""
    if isinstance(error, ImportError):
        return ModelFailure.NOT_INSTALLED
    status = _status(error)
    if status is None:
        # SSE errors carry no status; libraries that read what came wrongly raise what Python raises.
        broken = isinstance(error, _BROKEN_ANSWERS) and not isinstance(error, OSError)
        return ModelFailure.ANSWER_INVALID if broken else ModelFailure.UNAVAILABLE
    return _kind_of_refusal(status, error)


def _kind_of_refusal(status: int, error: Exception) -> ModelFailure:
    text = f"{_field(error, 'code')} {_field(error, 'type')} {error}"
    if status in (400, 413, 422) and _TOO_LONG.search(text):
        return ModelFailure.CONTEXT_TOO_LONG
    if status in (400, 402, 403, 429) and _NO_QUOTA.search(text):
        return ModelFailure.QUOTA_EXCEEDED
    if status >= 500 or status < 400:
        return ModelFailure.UNAVAILABLE if status >= 500 else ModelFailure.ANSWER_INVALID
    return _BY_STATUS.get(status, ModelFailure.REFUSED)


def _what(kind: ModelFailure) -> str:
    match kind:
        case ModelFailure.ANSWER_INVALID:
            return "its answer cannot be read"
        case ModelFailure.UNAVAILABLE:
            return "it did not answer"
        case ModelFailure.RATE_LIMITED:
            return "it has had too many requests"
        case ModelFailure.NOT_INSTALLED:
            return "this worker lacks a package for it"
        case _:
            return "it refused the request"


def _status(error: Exception) -> int | None:
    for found in (getattr(error, "status_code", None), getattr(getattr(error, "response", None), "status_code", None)):
        if isinstance(found, int):
            return found
    return None


def _field(error: Exception, name: str) -> str:
    """A field of the error, or of the error in its body."""
    body = _object(getattr(error, "body", None))
    found = getattr(error, name, None) or _object(body.get("error", body)).get(name)
    return found if isinstance(found, str) else ""


def _object(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _delay(error: Exception, kind: ModelFailure) -> timedelta | None:
    if kind not in (ModelFailure.RATE_LIMITED, ModelFailure.UNAVAILABLE):
        return None
    headers = getattr(getattr(error, "response", None), "headers", None)
    return retry_after(cast("Mapping[str, str]", headers)) if isinstance(headers, Mapping) else None


def retry_after(headers: Mapping[str, str]) -> timedelta | None:
    """How long an answer's headers ask to be left alone: seconds, milliseconds or a date. None where they say nothing sensible."""
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return _bounded(timedelta(milliseconds=milliseconds))
    said = headers.get("retry-after")
    seconds = _number(said)
    if seconds is not None:
        return _bounded(timedelta(seconds=seconds))
    with suppress(TypeError, ValueError):
        moment = parsedate_to_datetime(said or "")
        return _bounded(moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC))
    return None


def _number(text: str | None) -> float | None:
    with suppress(ValueError):
        value = float(text or "")
        return min(value, LONGEST_DELAY.total_seconds() * 1000) if value >= 0 else None
    return None


def _bounded(delay: timedelta) -> timedelta | None:
    return min(delay, LONGEST_DELAY) if delay > timedelta() else None
