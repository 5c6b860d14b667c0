"""Exit codes of `adw`."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """What the caller's script can tell from the exit code."""

    OK = 0
    """Done."""
    FAILED = 1
    """The run did not complete, or the definition has problems."""
    REFUSED = 2
    """Wrong usage, bad input, or the run refused it; nothing was changed."""
    NOT_FOUND = 3
    """No such run, step or definition."""
    UNREACHABLE = 4
    """The Temporal server or the namespace cannot be used."""
    NO_ANSWER = 5
    """No worker answered in time."""
    INTERRUPTED = 130
    """Ctrl-C."""


HELP = "Exit codes: " + ", ".join(
    f"{code.value} {text}"
    for code, text in {
        Exit.OK: "done",
        Exit.FAILED: "the run failed or the definition has problems",
        Exit.REFUSED: "usage or refused",
        Exit.NOT_FOUND: "not found",
        Exit.UNREACHABLE: "no server",
        Exit.NO_ANSWER: "no worker answered",
        Exit.INTERRUPTED: "interrupted",
    }.items()
)
