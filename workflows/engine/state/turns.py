"""Waiting for later workflow tasks, one after the other: however many wait, one of them brings the next task."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from advanced_workflow.workflows.engine.state.slots import Slots
from advanced_workflow.workflows.engine.temporal.next_task import next_task


class Turns:
    """A queue of those who wait for a workflow task that has room for them."""

    def __init__(self) -> None:
        """Nobody waits."""
        self._turn = Slots(1)

    def own(self) -> AbstractAsyncContextManager[None]:
        """Around what is done in its turn."""
        return self._turn.hold()

    async def wait_while(self, is_full: Callable[[], bool], why: str) -> None:
        """Wait until a task has room; `is_full` is asked of each. `why` is shown in the history."""
        async with self.own():
            while is_full():
                await next_task(why)
