"""Named locks of a run: critical sections that steps hold from their start to their end."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from advanced_workflow.workflows.definition.model.lock import Lock
from advanced_workflow.workflows.engine.state.record import Record
from advanced_workflow.workflows.engine.state.slots import Slots

_HELD = "lock"
"""Key of a record's cursor while its step holds its lock."""


class Locks:
    """The locks by name; whoever asks first gets it first."""

    def __init__(self) -> None:
        """Nobody holds any."""
        self._slots: dict[str, Slots] = {}

    @asynccontextmanager
    async def hold(self, record: Record, lock: Lock) -> AsyncGenerator[None, None]:
        """Hold a lock for the block; a step that held it when the run continued as new holds it still."""
        async with self._of(lock).hold(reserved=bool(record.cursor.get(_HELD))):
            record.cursor[_HELD] = True
            try:
                yield
            finally:
                record.cursor.pop(_HELD, None)

    def is_free(self, record: Record, lock: Lock) -> bool:
        """Whether a step can have the lock at once."""
        return bool(record.cursor.get(_HELD)) or self._of(lock).is_free

    def take_up(self, record: Record) -> None:
        """Reserve the lock of a step that held it when the run continued as new."""
        lock = record.plan.step.lock
        if lock is not None and record.cursor.get(_HELD):
            self._of(lock).reserve()

    def _of(self, lock: Lock) -> Slots:
        return self._slots.setdefault(lock.name, Slots(lock.max_concurrent))
