"""Undoing in reverse of the real dependencies: each step after everything that came after it, independent ones in parallel."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass

from advanced_workflow.workflows.contract import UndoOutcome
from advanced_workflow.workflows.engine.graph.driver import ANY_NUMBER, GraphDriver, Starts
from advanced_workflow.workflows.engine.graph.plan import handler_name
from advanced_workflow.workflows.engine.graph.scheduler import Outcome, Settled
from advanced_workflow.workflows.engine.graph.step_plan import GraphPlan, StepPlan
from advanced_workflow.workflows.engine.undo.action import Undo, actions_left
from advanced_workflow.workflows.engine.undo.armed import Armed
from advanced_workflow.workflows.engine.undo.saga import Saga
from advanced_workflow.workflows.engine.undo.undo_log import Passes, UndoLog


@dataclass(frozen=True, slots=True)
class Limit:
    """Undo only some steps, seen from one pass: those named, and of containers around it only this pass."""

    steps: frozenset[str]
    inside: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Part:
    """A part of what ran inside of a container: all of its passes, or those of some keys, and in these all steps or some."""

    plan: StepPlan
    passes: Passes
    keys: tuple[str, ...] | None = None
    steps: frozenset[str] | None = None

    @property
    def is_done(self) -> bool:
        """Whether nothing in it took effect, or may have."""
        if self.keys is None:
            return not self.passes.needs_undo
        return not any(self._needs_undo(log) for log in self.logs())

    def left(self) -> Iterator[Armed]:
        """What took effect in it, or may have."""
        if self.keys is None:
            yield from self.passes.effects()
            return
        for log in self.logs():
            yield from log.effects(self._names(log))

    def logs(self) -> list[UndoLog]:
        """Those of its passes, where they are told by their keys."""
        return [self.passes.running[one] for one in self.keys or () if one in self.passes.running]

    def _needs_undo(self, log: UndoLog) -> bool:
        return next(log.effects(self._names(log)), None) is not None

    def _names(self, log: UndoLog) -> Set[str] | None:
        """The names of its steps in a pass, those of error handlers that ran for one of them included."""
        if self.steps is None:
            return None
        return {one for one in (*log.armed, *log.inner) if one.rpartition("!")[2] in self.steps}


async def undo_part(saga: Saga, part: Part, undo: Undo, starts: Starts = ANY_NUMBER) -> None:
    """Undo what ran inside of a container that is over."""
    back = _Backwards(saga, undo, starts)
    if part.keys is None:
        await back.all_passes(part.plan, part.passes)
        return
    only = Limit(part.steps, {}) if part.steps is not None else None
    await back.at_once(part.plan, part.logs(), only)


async def undo_graph(
    saga: Saga, graph: GraphPlan, undo: Undo, *, only: Limit | None = None, starts: Starts = ANY_NUMBER
) -> int:
    """Undo what the steps of the definition's graph did. Gives how many undo actions failed."""
    before = saga.counts[UndoOutcome.FAILED]
    await _Backwards(saga, undo, starts).graph(graph, saga.log, only)
    return saga.counts[UndoOutcome.FAILED] - before


class _Backwards:
    """One walk back through graphs and their passes."""

    def __init__(self, saga: Saga, undo: Undo, starts: Starts) -> None:
        self._saga = saga
        self._starts = starts
        self._undo = undo

    async def graph(self, graph: GraphPlan, log: UndoLog, only: Limit | None) -> None:
        """Undo one pass of a graph."""
        undone = Settled(Outcome.COMPLETED)

        async def undo(step_id: str) -> Settled:
            for plan, name in _with_handlers(graph, step_id):
                await self._step(plan, name, log, only)
            return undone

        def nothing_to_undo(step_id: str) -> Settled | None:
            work = any(name in log.inner or log.needing(name) for _, name in _with_handlers(graph, step_id))
            return None if work else undone

        await GraphDriver(graph.reversed, undo, starts=self._starts, at_once=nothing_to_undo).drive()

    async def _step(self, plan: StepPlan, name: str, log: UndoLog, only: Limit | None) -> None:
        wanted = only is None or plan.step_id in only.steps
        passes = log.inner.get(name)
        if passes is not None and wanted:
            await self.all_passes(plan, passes)
        elif passes is not None and only is not None:
            around = only.inside.get(plan.step_id, "")
            logs = [one for key, one in passes.running.items() if around.endswith(f"{name}{key}.")]
            await self.at_once(plan, logs, only)
        if wanted:
            await self._actions(name, log)

    async def _actions(self, name: str, log: UndoLog) -> None:
        for armed in log.needing(name):
            # Two `rollback` steps may come to it at one time: the second one waits, and finds it undone.
            async with self._saga.alone(armed.idempotency_key):
                if not (log.holds(name, armed) and armed.needs_undo):
                    continue
                if not await self._undo_one(name, armed):
                    return
                log.remove(name, armed)

    async def _undo_one(self, name: str, armed: Armed) -> bool:
        """Run the undo actions of one effect; gives whether nothing more is to be done about it."""
        stands = False
        for action in actions_left(self._saga.plans[armed.step_id], armed):
            entries = await self._undo(action)
            if entries is None:
                return False
            for entry in entries:
                self._saga.note(entry)
            armed.undone += 1
            if any(entry.outcome is UndoOutcome.FAILED for entry in entries):
                stands = True
                self._saga.failed.pass_of(armed.path, name).keep(name, armed, action.number)
        if not stands:
            self._saga.note_undone(armed)
        return True

    async def all_passes(self, plan: StepPlan, passes: Passes) -> None:
        """Undo all passes of a container, the rounds of a loop one after the other."""
        while True:
            ended = list(passes.ended)
            logs = [*reversed(passes.running.values()), *(log for _, log in reversed(ended))]
            if plan.ends_in_order:
                for log in logs:
                    await self._pass(plan, log, None)
            else:
                await self.at_once(plan, logs, None)
            stopped = any(not log.is_empty for _, log in ended)
            passes.ended = [(key, log) for key, log in passes.ended if not log.is_empty]
            # Another `rollback` step may have unpacked more meanwhile.
            if stopped or not (passes.ended or passes.unpack()):
                return

    async def at_once(self, plan: StepPlan, logs: list[UndoLog], only: Limit | None) -> None:
        """Undo some passes of a container, all at the same time."""
        tasks = [asyncio.ensure_future(self._pass(plan, log, only)) for log in logs]
        for task in tasks:
            await task

    async def _pass(self, plan: StepPlan, log: UndoLog, only: Limit | None) -> None:
        if plan.children is not None:
            await self.graph(plan.children, log, only)
        elif plan.tools:
            await self._calls(plan, log)
        else:
            await self._actions("", log)

    async def _calls(self, agent: StepPlan, log: UndoLog) -> None:
        """Undo the calls of one turn of an agent: all at the same time, where they were made so, or the latest first."""
        names = sorted({*log.armed, *log.inner}, key=_number_of, reverse=True)
        if agent.step.agent is None or agent.step.agent.parallel_tool_calls:
            tasks = [asyncio.ensure_future(self._call(agent, name, log)) for name in names]
            for task in tasks:
                await task
            return
        for name in names:
            await self._call(agent, name, log)

    async def _call(self, agent: StepPlan, name: str, log: UndoLog) -> None:
        await self._step(agent.tools[name.partition("#")[0]], name, log, None)


def _number_of(name: str) -> tuple[int, str]:
    """Of the call of a tool in its turn; what could not be undone of an agent that is a tool is kept without it."""
    number = name.partition("#")[2]
    return int(number) if number else -1, name


def _with_handlers(graph: GraphPlan, step_id: str) -> list[tuple[StepPlan, str]]:
    """The step with its name, and before it the error handlers that ran for it, last one first."""
    plan = graph.steps[step_id]
    handlers = [graph.steps[one] for one in reversed(graph.shape[step_id].handlers)]
    own = [] if plan.owners else [(plan, plan.step_id)]
    return [*((one, handler_name(plan, one)) for one in handlers), *own]
