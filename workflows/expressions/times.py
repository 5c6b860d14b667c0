"""The parts of timestamps, in UTC, and of durations."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from advanced_workflow.workflows.expressions.budget import Frame
from advanced_workflow.workflows.expressions.faults import Fault
from advanced_workflow.workflows.expressions.values import Value, kind_of

_OF_TIMESTAMP: Final[dict[str, Callable[[datetime], int]]] = {
    "getFullYear": lambda time: time.year,
    "getMonth": lambda time: time.month - 1,
    "getDate": lambda time: time.day,
    "getDayOfMonth": lambda time: time.day - 1,
    "getDayOfWeek": lambda time: time.isoweekday() % 7,
    "getDayOfYear": lambda time: time.timetuple().tm_yday - 1,
    "getHours": lambda time: time.hour,
    "getMinutes": lambda time: time.minute,
    "getSeconds": lambda time: time.second,
    "getMilliseconds": lambda time: time.microsecond // 1000,
}
"""As CEL counts: months, days of the month, of the week (Sunday) and of the year from 0, `getDate` from 1."""


def _count(unit: timedelta) -> Callable[[timedelta], int]:
    def count(duration: timedelta) -> int:
        whole = abs(duration) // unit
        return whole if duration >= timedelta(0) else -whole

    return count


_OF_DURATION: Final[dict[str, Callable[[timedelta], int]]] = {
    "getHours": _count(timedelta(hours=1)),
    "getMinutes": _count(timedelta(minutes=1)),
    "getSeconds": _count(timedelta(seconds=1)),
    # CEL counts the whole duration in the other units, but only the fraction of a second here.
    "getMilliseconds": lambda duration: _count(timedelta(milliseconds=1))(duration) % 1000,
}

TIME_PARTS: Final = tuple(_OF_TIMESTAMP)
"""Names of the functions; none takes a time zone, since its rules are not the same on every machine."""


def time_part(name: str) -> Callable[[Frame, Value], int]:
    """Return the function of that name."""

    def part(_: Frame, value: Value) -> int:
        if isinstance(value, datetime):
            return _OF_TIMESTAMP[name](value.astimezone(UTC))
        if isinstance(value, timedelta) and name in _OF_DURATION:
            return _OF_DURATION[name](value)
        raise Fault(f"{name}() needs a timestamp, not {kind_of(value)}; write timestamp(...)")

    return part
