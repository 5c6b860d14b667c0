"""When a run continues as new: its history is long, no action is in flight, and all messages are handled.

Steps that wait are no obstacle: where they stand is carried on. Steps that would start an action wait at the gate meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from temporalio import workflow

_EVENTS_PER_ACTION = 5
"""Of an action in flight: scheduled, started, completed, and the workflow task between."""


class Continuation:
    """Counts what is in flight, and says when the run must go on in a new history."""

    def __init__(self, continue_after: int) -> None:
        """`continue_after` events are enough for one history."""
        self._enough = continue_after
        self._in_flight = 0
        self._task: int = 0
        self._fresh = 0
        self.forbidden = False
        """What the run holds cannot be carried on, so that it must end here."""

    @property
    def is_due(self) -> bool:
        """Whether nothing new may start in this history."""
        if self.forbidden:
            return False
        info = workflow.info()
        length = self._history() + self._in_flight * _EVENTS_PER_ACTION + self._fresh
        return length >= self._enough or info.is_continue_as_new_suggested()

    @property
    def is_possible(self) -> bool:
        """Whether the run should continue as new now: it must, or it only waits and has come half the way."""
        if self._in_flight or self.forbidden:
            return False
        return (self.is_due or self._history() >= self._enough // 2) and workflow.all_handlers_finished()

    @asynccontextmanager
    async def flight(self, events: int = 0) -> AsyncGenerator[None, None]:
        """Around an action, which writes so many events at once. Where the history is full, it waits for the new one for ever."""
        if self.is_due:
            await asyncio.get_running_loop().create_future()
        self._in_flight += 1
        self._fresh += events
        try:
            yield
        finally:
            self._in_flight -= 1

    def _history(self) -> int:
        length: int = workflow.info().get_current_history_length()
        if length != self._task:
            self._task, self._fresh = length, 0
        return length
