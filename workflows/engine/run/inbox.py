"""Messages to a run, taken in the order they came, and no more in one workflow task than it has time for.

A worker that was away gets all that was sent meanwhile in one task; hundreds of large messages would hold it, and fail the task for ever.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from advanced_workflow.workflows.engine.state.slots import Slots
from advanced_workflow.workflows.engine.state.thinking import Thinking
from advanced_workflow.workflows.engine.temporal.patches import Patch, patched
from advanced_workflow.workflows.engine.temporal.task_work import EVENTS_OF_TASK, task_work

_COST = 16_000
"""Of taking the smallest message: half a millisecond, which is what a decision takes that does not count."""
_COST_OF_BYTE = 2
"""Of reading one."""
_EVENTS = 1 + EVENTS_OF_TASK
"""Of a message: that it came, and the workflow task that it began."""


class Inbox:
    """The queue of messages that are to be taken. Where nothing is in the way, a message is taken in the moment it comes."""

    def __init__(self, thinking: Thinking) -> None:
        """What messages cost goes to the run's account."""
        self._thinking = thinking
        self._turn = Slots(1)

    @asynccontextmanager
    async def turn(self, size: int) -> AsyncGenerator[None, None]:
        """Around taking a message of so many bytes: after those before it, in a workflow task that has time for it.

        A run of former rules takes it at once, whatever that costs.
        """
        if not patched(Patch.RULES_3):
            yield
            return
        async with self._turn.hold():
            await self._thinking.pause()
            self._thinking.spend(_COST + size * _COST_OF_BYTE)
            task_work().events.add(_EVENTS)
            yield

    @property
    def is_empty(self) -> bool:
        """Whether no message waits."""
        return self._turn.is_free

    async def emptied(self) -> None:
        """Wait until all messages that came are taken."""
        async with self._turn.hold():
            pass
