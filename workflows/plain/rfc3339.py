"""Times as text: RFC 3339, always in UTC."""

from __future__ import annotations

from datetime import UTC, datetime


def rfc3339(moment: datetime) -> str:
    """Write a time with milliseconds, such as `2026-01-31T12:00:00.500Z`; what is less is cut off."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def exact_rfc3339(moment: datetime) -> str:
    """Write a time with all its microseconds and no digits in vain, as expressions give it: `2026-01-31T12:00:00Z`."""
    utc = moment.astimezone(UTC)
    return f"{utc.replace(microsecond=0, tzinfo=None).isoformat()}{second_fraction(utc.microsecond)}Z"


def parse_rfc3339(text: str) -> datetime:
    """Read a time; one without a zone is UTC. Raises ValueError, also where it is no time of UTC, before the year 1 or after 9999."""
    moment = datetime.fromisoformat(text)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return within_calendar(moment)


def within_calendar(moment: datetime) -> datetime:
    """Give the same time; raises ValueError where UTC has none: `9999-12-31T23:59:59-01:00` is in the year 10000."""
    try:
        moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("the time is before the year 1 or after 9999") from None
    return moment


def second_fraction(microseconds: int) -> str:
    """The part after the seconds: nothing, three digits or six."""
    if microseconds == 0:
        return ""
    return f".{microseconds // 1000:03}" if microseconds % 1000 == 0 else f".{microseconds:06}"
