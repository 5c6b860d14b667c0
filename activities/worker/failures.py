"""Errors of activities as they can be sent.

The SDK gives up an error that it cannot write: half a character in its text, or bytes in its details, and the run is told of an error
without a type that is tried again. And a text of a megabyte is sent with every report of the run.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, cast

from temporalio.exceptions import ApplicationError, FailureError

from advanced_workflow.activities.worker.unforeseen import Unforeseen, class_for
from advanced_workflow.workflows.contract.report import LONGEST_ERROR_TYPE
from advanced_workflow.workflows.plain.described import as_json
from advanced_workflow.workflows.plain.text import for_people

_MOST_CAUSES = 8
"""Of an error that has causes without end, or in a circle, those after it are left out."""

_LONGEST_EFFECT = 100
"""Characters; it is one word."""


def sendable(error: Exception) -> Exception:
    """The very same error where it can be sent as it is; else one of the same type, as retryable, with texts that can."""
    return _sendable(error, _MOST_CAUSES)


def fitting(error: Exception, limit: int) -> Exception:
    """The very same error where it takes no more bytes, about; else one without its details and causes.

    What it says of its effect stays.
    """
    if _is_temporals(error) or sum(map(_size, _chain(error))) <= limit:
        return error
    text, kind, details = parts_of(error)
    first: Any = details[0] if details else None
    effect: Any = cast("dict[str, Any]", first).get("effect") if isinstance(first, dict) else None
    said = [] if effect is None or len(str(effect)) > _LONGEST_EFFECT else [{"effect": effect}]
    return told_as(error, text, kind, said).with_traceback(error.__traceback__)


def _chain(error: Exception) -> Iterator[Exception]:
    cause: BaseException | None = error
    for _ in range(_MOST_CAUSES + 1):
        if isinstance(cause, Exception):
            yield cause
            cause = _cause_of(cause)


def _size(error: Exception) -> int:
    text, kind, details = parts_of(error)
    return len(text.encode()) + len(kind.encode()) + len(json.dumps(details))


def _sendable(error: Exception, causes: int) -> Exception:
    cause = _cause_of(error)
    sent_cause = _sendable_cause(cause, causes)
    if sent_cause is cause and _is_sendable(error):
        return error
    sent = _copy(error).with_traceback(error.__traceback__)
    sent.__cause__ = sent_cause
    return sent


def _sendable_cause(cause: BaseException | None, causes: int) -> BaseException | None:
    if not isinstance(cause, Exception):
        return cause
    return _sendable(cause, causes - 1) if causes else None


def _cause_of(error: BaseException) -> BaseException | None:
    """As the SDK finds it."""
    return error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _is_sendable(error: Exception) -> bool:
    if _is_temporals(error):
        return True
    text, kind, details = parts_of(error)
    return (
        for_people(text) == text
        and for_people(kind, LONGEST_ERROR_TYPE) == kind
        and all(as_json(one) is one for one in details)
    )


def _is_temporals(error: Exception) -> bool:
    """Whether it is Temporal's own: what it holds came from the server."""
    return isinstance(error, FailureError) and not isinstance(error, ApplicationError)


def _copy(error: Exception) -> Exception:
    text, kind, details = parts_of(error)
    return told_as(error, for_people(text), for_people(kind, LONGEST_ERROR_TYPE), [as_json(one) for one in details])


def told_as(error: Exception, message: str, kind: str, details: Sequence[Any]) -> ApplicationError:
    """An error as Temporal's own, with these words, and as retryable and as foreseen as it was."""
    if not isinstance(error, ApplicationError):
        return Unforeseen(message, *details, type=kind)
    return class_for(error)(
        message,
        *details,
        type=kind or None,
        non_retryable=error.non_retryable,
        next_retry_delay=error.next_retry_delay,
        category=error.category,
    )


def parts_of(error: Exception) -> tuple[str, str, tuple[Any, ...]]:
    """What an error says: its text, its type, and its details."""
    if isinstance(error, ApplicationError):
        return error.message, error.type or "", tuple(error.details)
    return _text(error), type(error).__name__, ()


def _text(error: Exception) -> str:
    try:
        return str(error)
    except Exception as broken:
        return f"its text cannot be read ({type(broken).__name__})"
