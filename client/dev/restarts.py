"""How processes of `adw dev` ended by themselves, and how soon they are started again."""

from __future__ import annotations

import signal

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0
STEADY_SECONDS = 60.0
"""A process that lived so long was not ended by how it was started."""


class Pauses:
    """How long to wait before a process that ended is started again: twice as long each time, until one has lived for a while."""

    def __init__(self) -> None:
        """The first pause is short."""
        self._next = FIRST_PAUSE_SECONDS

    def after(self, lived_seconds: float) -> float:
        """The pause in seconds after a process that lived so long."""
        pause = FIRST_PAUSE_SECONDS if lived_seconds >= STEADY_SECONDS else self._next
        self._next = min(pause * 2, LONGEST_PAUSE_SECONDS)
        return pause


def how_it_ended(code: int) -> str:
    """A process's end as words that follow its name; `code` is negative where a signal ended it."""
    if code >= 0:
        return f"ended by itself with exit code {code}"
    if -code == signal.SIGKILL:
        return "was killed (SIGKILL; the system does so, too, when memory runs out)"
    return f"was ended by signal {_name(-code)}"


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)
