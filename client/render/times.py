"""Times as people read them."""

from __future__ import annotations

import re
from datetime import datetime

from advanced_workflow.workflows.plain.rfc3339 import parse_rfc3339

_TIME = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)", re.ASCII)


def parse_time(text: str | None) -> datetime | None:
    """Read an RFC 3339 time; None stays None."""
    return parse_rfc3339(text) if text else None


def seconds_between(start: datetime | None, end: datetime) -> float | None:
    """Seconds from a start that may not be known; clocks that disagree a little give 0."""
    return max((end - start).total_seconds(), 0.0) if start else None


def duration(seconds: float | None) -> str:
    """`0.1 s`, `12 s`, `3 min 20 s`, `2 h 05 min`, `3 d 4 h`; empty for None."""
    if seconds is None:
        return ""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    if whole < 86_400:
        return f"{whole // 3600} h {whole % 3600 // 60:02} min"
    return f"{whole // 86_400} d {whole % 86_400 // 3600} h"


def moment(time: datetime | None) -> str:
    """A time of day in local time with its date; empty for None."""
    return time.astimezone().strftime("%Y-%m-%d %H:%M:%S") if time else ""


def due(time: datetime | None, now: datetime) -> str:
    """`2026-11-27 14:05:00 (in 3 h 00 min)`, or that it has passed; empty for None."""
    if time is None:
        return ""
    left = (time - now).total_seconds()
    return f"{moment(time)} ({f'in {duration(left)}' if left >= 0 else f'{duration(-left)} ago'})"


def with_moments(sentence: str) -> str:
    """A sentence of a run with its times as people read them."""
    return _TIME.sub(lambda found: moment(parse_time(found[0])), sentence)


def last_time(sentence: str) -> datetime | None:
    """The last time that a sentence of a run names."""
    found = _TIME.findall(sentence)
    return parse_time(found[-1]) if found else None
