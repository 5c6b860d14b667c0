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
    NOT_WRITTEN = 6
    """The output could not be written (a full disk, a closed stream); what the command did is done."""
    FAULT = 70
    """A fault of `adw` itself."""
    INTERRUPTED = 130
    """Ctrl-C, or a request to terminate."""
    READER_GONE = 141
    """Who read the output left before its end, as `head` does."""


HELP = "Exit codes: " + ", ".join(
    f"{code.value} {text}"
    for code, text in {
        Exit.OK: "done",
        Exit.FAILED: "the run failed or the definition has problems",
        Exit.REFUSED: "usage or refused",
        Exit.NOT_FOUND: "not found",
        Exit.UNREACHABLE: "no server",
        Exit.NO_ANSWER: "no worker answered",
        Exit.NOT_WRITTEN: "output not written",
        Exit.INTERRUPTED: "interrupted",
    }.items()
)
