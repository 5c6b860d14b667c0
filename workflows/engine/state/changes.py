"""What changed of that which expressions read, for those who wait until it does. Costs nothing where nobody waits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

VARIABLES = "workflow"
"""The run's variables; a step is `step_read(ID)`."""


def step_read(step_id: str) -> str:
    """How a step's status, output and error are called among what expressions read."""
    return f"steps.{step_id}"


class Changes:
    """Tells one listener of changes to what somebody reads."""

    def __init__(self) -> None:
        """Nobody reads anything."""
        self._readers: Counter[str] = Counter()
        self.tell: Callable[[str], None] = lambda _: None

    def begin(self, reads: Iterable[str]) -> None:
        """Somebody waits for a change of these."""
        self._readers.update(reads)

    def end(self, reads: Iterable[str]) -> None:
        """They wait no longer."""
        self._readers.subtract(reads)
        self._readers = +self._readers

    def note(self, what: str) -> None:
        """This changed."""
        if what in self._readers:
            self.tell(what)

    def note_step(self, step_id: str) -> None:
        """What expressions see of a step changed."""
        if self._readers:
            self.note(step_read(step_id))
