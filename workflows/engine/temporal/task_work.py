"""What a run has done in its current workflow task, as far as it can know: what it did since a call that the server has answered.

The number of the task tells it no better. While local activities run, the SDK may complete a task with nothing in it, as a query came or
the activity lasts; in a replay such a task does not exist, and what is decided by its number would be decided otherwise. A call that was
answered was sent in an earlier task, in the run as in its replay, and so was all that had been done before it was made.
"""

from __future__ import annotations

import asyncio
from typing import Any, TypeAlias

from temporalio import workflow
from temporalio.exceptions import is_cancelled_exception

from advanced_workflow.workflows.engine.temporal.task_number import task_number

Mark: TypeAlias = tuple[int, ...]
"""How much of each kind had been done at some moment."""
EVENTS_OF_TASK = 3
"""Events of a workflow task: scheduled, started, completed."""
_RULES = 3
"""Runs of former rules go by the number of the task."""


class Meter:
    """Work of one kind."""

    def __init__(self) -> None:
        """Nothing was done."""
        self.total = 0
        self.earlier = 0
        """Of it, what is known to have been done in earlier workflow tasks."""

    @property
    def now(self) -> int:
        """What may have been done in the current workflow task."""
        return self.total - self.earlier

    def add(self, work: int) -> None:
        """So much more was done."""
        self.total += work


class TaskWork:
    """What one run has done."""

    def __init__(self) -> None:
        """Nothing."""
        self._task = 0
        self.sent, self.settled, self.started, self.thought, self.inputs, self.events = self._meters = tuple(
            Meter() for _ in range(6)
        )

    @property
    def history(self) -> int:
        """About how many events the history has, by what the run did and heard in it.

        The length that the SDK tells is another one in a replay: a local activity that ended while a query was answered has its marker in
        the workflow task before the one in which the run heard of it, and a task with nothing in it does not exist.
        """
        return self.events.total

    def mark(self) -> Mark:
        """To be given to `answered` once what is called now was answered by the server."""
        return tuple(one.total for one in self._meters)

    def answered(self, mark: Mark) -> None:
        """The server answered a call that was made at this mark."""
        for one, total in zip(self._meters, mark, strict=True):
            one.earlier = max(one.earlier, total)

    def begin_task(self, number: int) -> None:
        """As runs of former rules do: everything was done in earlier tasks, if this is the number of a new one."""
        if number != self._task:
            self._task = number
            self.answered(self.mark())


def task_work() -> TaskWork:
    """That of this run."""
    run: Any = workflow.instance()
    if run.rules is not None and run.rules < _RULES:
        run.work.begin_task(task_number())
    work: TaskWork = run.work
    return work


def count_until_answered(call: asyncio.Future[Any]) -> None:
    """What was done before this call, which was made just now, is done in an earlier task once the call ends, unless it is cancelled.

    A call that is cancelled may end before it was sent.
    """
    work = task_work()
    mark = work.mark()

    def ended(call: asyncio.Future[Any]) -> None:
        error = None if call.cancelled() else call.exception()
        if not call.cancelled() and (error is None or not is_cancelled_exception(error)):
            work.answered(mark)

    call.add_done_callback(ended)
