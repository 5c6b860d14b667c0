"""Runs the steps of a graph as tasks, as the scheduler says."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any, Protocol

from advanced_workflow.workflows.contract import SkipReason
from advanced_workflow.workflows.engine.graph.scheduler import (
    AskJoin,
    Changes,
    Graph,
    NoteSkip,
    Outcome,
    RoutesRule,
    Scheduler,
    Settled,
)
from advanced_workflow.workflows.engine.temporal.patches import Patch, patched
from advanced_workflow.workflows.errors import Deadlock

RunStep = Callable[[str], Coroutine[Any, Any, Settled]]
"""Runs a step and gives its outcome; raising stops the graph."""


class Starts(Protocol):
    """Says how many steps may start in one workflow task."""

    def may_start(self) -> bool:
        """Whether one more step may start in this task; if so, it counts."""
        ...

    async def room(self) -> None:
        """Wait for a task in which steps may start."""
        ...


class _AnyNumber:
    def may_start(self) -> bool:
        return True

    async def room(self) -> None: ...


ANY_NUMBER: Starts = _AnyNumber()
"""All steps that are ready start at once."""


async def _at_once() -> None: ...


class GraphDriver:
    """One pass over one graph."""

    def __init__(
        self,
        graph: Graph,
        run_step: RunStep,
        *,
        starts: Starts = ANY_NUMBER,
        on_skip: NoteSkip | None = None,
        on_withdraw: Callable[[str], None] | None = None,
        at_once: Callable[[str], Settled | None] | None = None,
        ask: AskJoin | None = None,
        has_begun: Callable[[str], bool] = lambda _: False,
        routes_rule: RoutesRule = lambda: False,
        is_lost: Callable[[Scheduler], bool] = lambda _: False,
        taken_up: Callable[[], Awaitable[None]] = _at_once,
    ) -> None:
        """`on_skip` hears of steps that settle without running, `on_withdraw` of running ones that a join gives up.

        `at_once` settles a ready step without a task; `ask` answers joins that are expressions; `has_begun` tells the steps that
        were under way in an earlier history: these start at once, however many; `routes_rule` is the scheduler's.

        `is_lost` is asked whenever a step has settled and others are left: where it says yes, they are given up. `taken_up` waits
        until steps that were under way in an earlier history have taken up their places.
        """
        self.scheduler = Scheduler(graph, ask, on_skip, routes_rule)
        self._run_step = run_step
        self._starts = starts
        self._has_begun = has_begun
        self._on_skip = on_skip
        self._on_withdraw = on_withdraw
        self._at_once = at_once
        self._is_lost = is_lost
        self._taken_up = taken_up
        self.gave_up = False
        self._error: Exception | None = None
        """What a step raised that was given up."""
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._later: deque[str] = deque()
        """Ready steps for which this workflow task has no room."""
        self._starter: asyncio.Task[None] | None = None
        self._finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def drive(self, known: Mapping[str, Settled] | None = None) -> None:
        """Run until every step is settled, or the rest is given up.

        When a step raises, or this is cancelled, no step starts any more; those running are cancelled and awaited first.
        Raises `Deadlock` when steps remain that nothing can start.
        """
        try:
            await self._begin(self.scheduler.start(known))
            await self._finished
        except (Exception, asyncio.CancelledError):
            self._finished.cancel()
            await self._end_running()
            raise
        if self.gave_up and await self._end_running():
            raise asyncio.CancelledError
        if self._error is not None:
            raise self._error

    async def _begin(self, changes: Changes) -> None:
        if not self._loses():
            self._apply(changes)
            return
        # It was given up in an earlier history: what was under way then is to be ended, and nothing else starts.
        for step_id in changes.ready:
            if self._has_begun(step_id):
                self._start(step_id)
        if self._tasks:
            await self._taken_up()
        self._give_up()

    def _loses(self) -> bool:
        return self.scheduler.remaining > 0 and self._is_lost(self.scheduler)

    def _give_up(self) -> None:
        """No step starts any more, and those that run are cancelled and awaited."""
        if not self._finished.done():
            self.gave_up = True
            self._finished.set_result(None)

    async def _end_running(self) -> bool:
        starter = [self._starter] if self._starter is not None else []
        return await end_all([*starter, *self._tasks.values()])

    def _apply(self, changes: Changes) -> None:
        waiting = deque([changes])
        while waiting:
            change = waiting.popleft()
            for step_id in change.unneeded:
                waiting.extend(self._withdraw(step_id))
            for step_id in change.ready:
                if self.scheduler.is_settled(step_id):  # A join gave it up just now.
                    continue
                settled = self._at_once(step_id) if self._at_once else None
                if settled is not None:
                    waiting.append(self.scheduler.settle(step_id, settled))
                elif self._has_begun(step_id) or self._starts.may_start():
                    self._start(step_id)
                else:
                    self._later.append(step_id)
        if self._later and self._starter is None:
            self._starter = asyncio.ensure_future(self._start_later())
        self._end_if_idle()

    def _start(self, step_id: str) -> None:
        task = self._tasks[step_id] = asyncio.ensure_future(self._follow(step_id))
        task.add_done_callback(lambda _: self._never_began(step_id))

    async def _start_later(self) -> None:
        """Start the ready steps of `_later` in their order, each in a workflow task that has room for it."""
        try:
            while self._later and not self._finished.done():
                if self.scheduler.is_settled(self._later[0]):  # A join gave it up meanwhile.
                    self._later.popleft()
                elif self._starts.may_start():
                    self._start(self._later.popleft())
                else:
                    await self._starts.room()
        except (Exception, asyncio.CancelledError) as error:
            if not self._finished.done():
                self._finished.set_exception(error)
            return
        self._starter = None
        self._end_if_idle()

    def _withdraw(self, step_id: str) -> list[Changes]:
        """End a step that a join does not need: at once if it did not start, else when its task has ended."""
        if step_id in self._tasks:
            if self._on_withdraw:
                self._on_withdraw(step_id)
            self._tasks[step_id].cancel()
            return []
        if self._on_skip:
            self._on_skip(step_id, SkipReason.NOT_NEEDED)
        return [self.scheduler.settle(step_id, Settled(Outcome.SKIPPED, reason=SkipReason.NOT_NEEDED))]

    def _never_began(self, step_id: str) -> None:
        """A task that is cancelled before its first turn runs nothing of its code."""
        if self._tasks.pop(step_id, None) is None or self._finished.done():
            return
        if self._on_skip:
            self._on_skip(step_id, SkipReason.NOT_NEEDED)
        self._apply(self.scheduler.settle(step_id, Settled(Outcome.SKIPPED, reason=SkipReason.NOT_NEEDED)))

    def _end_if_idle(self) -> None:
        if self._tasks or self._later or self._finished.done():
            return
        if self.scheduler.remaining:
            names = ", ".join(self.scheduler.unsettled()[:10])
            self._finished.set_exception(Deadlock(f"nothing runs and nothing waits, but steps remain: {names}."))
        else:
            self._finished.set_result(None)

    async def _follow(self, step_id: str) -> None:
        try:
            settled = await self._run_step(step_id)
        except (Exception, asyncio.CancelledError) as error:
            del self._tasks[step_id]
            if not self._finished.done():
                self._finished.set_exception(error)
            elif self.gave_up and isinstance(error, Exception):
                self._error = error
            return
        del self._tasks[step_id]
        if self._finished.done():
            return
        changes = self.scheduler.settle(step_id, settled)
        if self._loses():
            self._give_up()
        else:
            self._apply(changes)


async def end_all(tasks: Sequence[asyncio.Task[Any]]) -> bool:
    """Cancel tasks and wait until each has ended, also when cancelled meanwhile. Gives whether it was."""
    for task in tasks:
        task.cancel()
    cancelled = False
    for task in tasks:
        cancelled = await ended(task) or cancelled
    return cancelled


async def ended(task: asyncio.Future[Any]) -> bool:
    """Wait until a task has ended, however often this is cancelled. Gives whether it was."""
    cancelled, before = False, _times_cancelled()
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            # It may have come in the very moment in which the task ended, and then it is not the task's own.
            told = not task.done() or (_times_cancelled() > before and patched(Patch.RULES_2))
            cancelled = cancelled or told
        except Exception:  # noqa: S110 - whoever owns the task reads its exception
            pass
    return cancelled


def _times_cancelled() -> int:
    current = asyncio.current_task()
    return current.cancelling() if current is not None else 0
