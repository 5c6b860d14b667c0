"""What a field makes of the value that its expression gives, in `check` and in runs."""

from __future__ import annotations

from typing import Final

from advanced_workflow.workflows.plain.durations import duration_seconds

LONGEST_SECONDS: Final = 315_360_000
"""Ten years."""
LEAST_SECONDS: Final = 0.001
"""As the server counts."""
MOST_COUNTED: Final = 2**31 - 1
_SHOWN: Final = 60


def read_span(value: object) -> float:
    """A time in seconds, given as a number of them or as text such as `90s`. Raises ValueError with one sentence."""
    return _within(value, LEAST_SECONDS)


def read_wait(value: object) -> float:
    """The same where no time at all is good, too."""
    return _within(value, 0)


def read_count(value: object) -> int:
    """A whole number from 1. Raises ValueError with one sentence."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 1 <= value <= MOST_COUNTED:
        count = int(value)
        if count == value:
            return count
    raise ValueError(f"{_shown(value)} is not a whole number from 1 to {MOST_COUNTED:,}")


def _within(value: object, least: float) -> float:
    seconds = value
    if isinstance(value, str):
        try:
            seconds = duration_seconds(value)
        except ValueError as error:
            raise ValueError(f"{_shown(value)}: {error}") from None
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not least <= seconds <= LONGEST_SECONDS:
        raise ValueError(
            f"{_shown(value)} is not a number of seconds between {least:g} and {LONGEST_SECONDS:,}, or a text such as '90s'"
        )
    return float(seconds)


_WORDS: Final = {None: "null", True: "true", False: "false"}
"""As expressions and JSON call what Python calls otherwise."""


def _shown(value: object) -> str:
    if value is None or isinstance(value, bool):
        return _WORDS[value]
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
