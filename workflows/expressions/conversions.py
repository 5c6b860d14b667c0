"""Conversions between scalars."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from advanced_workflow.workflows.expressions.budget import Frame
from advanced_workflow.workflows.expressions.cel_language import call_scalar
from advanced_workflow.workflows.expressions.faults import Fault
from advanced_workflow.workflows.expressions.operators import checked
from advanced_workflow.workflows.expressions.patterns import CALL_SIZE
from advanced_workflow.workflows.expressions.values import Value, duration_text, is_number, kind_of
from advanced_workflow.workflows.plain.rfc3339 import exact_rfc3339, within_calendar

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def to_int(frame: Frame, value: Value) -> int:
    """Convert a number (cutting its fraction), text or a timestamp (seconds since 1970)."""
    if isinstance(value, str):
        return _call(frame, "int(x)", value)
    if isinstance(value, datetime):
        return (value - _EPOCH) // timedelta(seconds=1)
    if isinstance(value, float) and not math.isfinite(value):
        raise Fault(f"int() needs a finite number, not {value}")
    if not is_number(value):
        raise Fault(f"int() needs a number, a string or a timestamp, not {kind_of(value)}")
    return int(checked(math.trunc(value)))


def to_double(frame: Frame, value: Value) -> float:
    """Convert a number or text."""
    if isinstance(value, str):
        return checked(_call(frame, "double(x)", value))
    if not is_number(value):
        raise Fault(f"double() needs a number or a string, not {kind_of(value)}")
    return float(checked(value))


def to_bool(frame: Frame, value: Value) -> bool:
    """Convert text such as `true`."""
    if isinstance(value, str):
        return bool(_call(frame, "bool(x)", value))
    if isinstance(value, bool):
        return value
    raise Fault(f"bool() needs a bool or a string, not {kind_of(value)}")


def to_string(frame: Frame, value: Value) -> str:
    """Write a scalar as CEL does."""
    if isinstance(value, str):
        return value
    if isinstance(value, datetime):
        return exact_rfc3339(value)
    if isinstance(value, timedelta):
        return duration_text(value)
    if isinstance(value, float):
        return str(_call(frame, "string(x)", value))
    if not isinstance(value, int):
        raise Fault(f"string() needs a string, a number, a bool or a time, not {kind_of(value)}")
    return str(value).lower() if isinstance(value, bool) else str(checked(value))


def to_timestamp(frame: Frame, value: Value) -> datetime:
    """Read RFC 3339 text, or seconds since 1970."""
    if isinstance(value, datetime):
        return value
    if isinstance(value, str):
        return _within_calendar(_call(frame, "timestamp(x)", value))
    if not isinstance(value, int) or isinstance(value, bool):
        raise Fault(f"timestamp() needs RFC 3339 text or seconds since 1970, not {kind_of(value)}")
    try:
        return _EPOCH + timedelta(seconds=value)
    except OverflowError:
        raise Fault("the time is out of range") from None


def _call(frame: Frame, call: str, value: str | float) -> Any:  # noqa: ANN401 - any scalar
    frame.charge_time(CALL_SIZE)
    return call_scalar(call, value)


def _within_calendar(moment: datetime) -> datetime:
    try:
        return within_calendar(moment)
    except ValueError:
        raise Fault("the time is out of range") from None


def to_duration(frame: Frame, value: Value) -> timedelta:
    """Read text such as `1h30m`."""
    if isinstance(value, timedelta):
        return value
    if isinstance(value, str):
        return _call(frame, "duration(x)", value)
    raise Fault(f"duration() needs text such as '1h30m', not {kind_of(value)}")
