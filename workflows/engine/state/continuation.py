"""When a run continues as new: its history is long, no action is in flight, and all messages are handled.

Steps that wait do not prevent it: where they stand is carried on. Steps that would start an action wait at the gate meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager

from temporalio import workflow

from advanced_workflow.workflows.engine.temporal.patches import Patch, patched
from advanced_workflow.workflows.engine.temporal.task_work import EVENTS_OF_TASK, task_work

_EVENTS_PER_ACTION = 5
"""Of an action in flight: scheduled, started, completed, and the workflow task between."""


class Continuation:
    """Counts what is in flight, and says when the run must continue in a new history."""

    def __init__(self, continue_after: int) -> None:
        """`continue_after` events are enough for one history."""
        self._enough = continue_after
        self._in_flight = 0
        self._task: int = 0
        self._fresh = 0
        self._due = False
        self._begun = False
        self._forbidden = False
        self._ending = False
        self._released: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def begin(self) -> None:
        """The messages that came before the run could be talked to are delivered."""
        self._begun = True

    def forbid(self) -> None:
        """What the run holds cannot be carried on, so that it must end here."""
        self._forbidden = True
        self._release()

    @property
    def is_ending(self) -> bool:
        """Whether the steps are being ended: how far that is cannot be carried on, so it is finished in this history."""
        return self._ending

    def begin_ending(self) -> None:
        """No step starts any more, and those that run are ended; undo actions that wait for a new history run in this one."""
        self._ending = True
        self._release()

    def end_ending(self) -> None:
        """No step runs any more."""
        self._ending = False

    @property
    def is_due(self) -> bool:
        """Whether nothing new may start in this history; what is in flight is estimated, and once it is due it stays so."""
        if self._forbidden:
            return False
        if not self._due:
            length = self._history() + self._in_flight * _EVENTS_PER_ACTION
            self._due = length >= self._enough or workflow.info().is_continue_as_new_suggested()
        return self._due

    @property
    def is_possible(self) -> bool:
        """Whether the run should continue as new now: it must, or it only waits and has come half the way or is to move."""
        if self._in_flight or self._forbidden or self._ending or not self._begun:
            return False
        return (self.is_due or self._is_worthwhile()) and workflow.all_handlers_finished()

    def _is_worthwhile(self) -> bool:
        # The server says with each workflow task whether new runs would start on another build of the worker.
        moves = workflow.info().is_target_worker_deployment_version_changed()
        return moves or self._history(fresh=False) >= self._enough // 2

    @asynccontextmanager
    async def flight(self, events: int = 0, *, undo: bool = False) -> AsyncGenerator[None, None]:
        """Around an action that writes so many events at once. Where the history is full, it waits for the new one."""
        while self.is_due and not (undo and self._ending):
            await asyncio.shield(self._released)
        self._fresh += events
        work = task_work()
        work.events.add(events)
        try:
            with self.staying():
                yield
        finally:
            if events > 1:  # A local activity writes its marker and begins no task.
                work.events.add(EVENTS_OF_TASK)

    @contextmanager
    def staying(self) -> Generator[None, None, None]:
        """Around what another history could not take up."""
        self._in_flight += 1
        try:
            yield
        finally:
            self._in_flight -= 1

    def _release(self) -> None:
        """Whoever waits for the new history continues in this one."""
        self._released.set_result(None)
        self._released = asyncio.get_running_loop().create_future()

    def _history(self, *, fresh: bool = True) -> int:
        """About how long the history is; `fresh` is what a run of former rules counts of the current task."""
        if patched(Patch.RULES_4):
            return task_work().history
        length: int = workflow.info().get_current_history_length()
        if length != self._task:
            self._task, self._fresh = length, 0
        return length + (self._fresh if fresh else 0)
