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
    """Read a time; one without a zone is UTC. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def second_fraction(microseconds: int) -> str:
    """The part after the seconds: nothing, three digits or six."""
    if microseconds == 0:
        return ""
    return f".{microseconds // 1000:03}" if microseconds % 1000 == 0 else f".{microseconds:06}"
