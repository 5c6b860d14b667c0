"""Undoing in reverse of the real dependencies, and the report of what became of each undo action."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from advanced_workflow.workflows.contract import ErrorInfo, RollbackReport, UndoEntry, UndoOutcome
from advanced_workflow.workflows.definition.model.step_type import StepType
from advanced_workflow.workflows.engine.graph.driver import ANY_NUMBER, GraphDriver, Starts
from advanced_workflow.workflows.engine.graph.plan import handler_name
from advanced_workflow.workflows.engine.graph.scheduler import Outcome, Settled
from advanced_workflow.workflows.engine.graph.step_plan import GraphPlan, StepPlan
from advanced_workflow.workflows.engine.undo.undo_log import Armed, Passes, UndoLog

LISTED = 1000
"""Entries a report lists of those that were undone or need no undo, and of those that failed."""


@dataclass(frozen=True, slots=True)
class UndoCall:
    """One undo action to call; `action` is empty where it is a child's run that is undone."""

    plan: StepPlan
    armed: Armed
    action: str
    activity_id: str

    def entry(self, outcome: UndoOutcome, error: ErrorInfo | None = None) -> UndoEntry:
        """Its line in the report."""
        known = self.armed.outcome in ("completed", "failed")
        return UndoEntry(
            path=self.armed.path,
            step_id=self.plan.step_id,
            action=self.action,
            activity_id=self.activity_id,
            outcome=outcome,
            step_outcome=self.armed.outcome if known else "unknown",  # pyright: ignore[reportArgumentType]
            idempotency_key=self.armed.idempotency_key,
            error=error,
        )


CallUndo = Callable[[UndoCall], Awaitable[list[UndoEntry] | None]]
"""Calls one undo action; gives its entries for the report (a child's run has many), and never raises.

None means that it was not called, and no other is to be: the run ends meanwhile, and undoes the rest then.
"""


@dataclass(frozen=True, slots=True)
class Limit:
    """Undo only some steps, seen from one pass: those named, and of containers around it only this pass."""

    steps: frozenset[str]
    inside: Mapping[str, str]


@dataclass
class Saga:
    """What may have to be undone, and the report of what was."""

    plans: Mapping[str, StepPlan]
    log: UndoLog = field(default_factory=UndoLog)
    starts: Starts = ANY_NUMBER
    entries: list[UndoEntry] = field(default_factory=list[UndoEntry])
    counts: dict[UndoOutcome, int] = field(default_factory=lambda: dict.fromkeys(UndoOutcome, 0))

    def note(self, entry: UndoEntry) -> None:
        """Put an entry into the report; of very many only the first of each kind are listed, all are counted."""
        failed = entry.outcome is UndoOutcome.FAILED
        self.counts[entry.outcome] += 1
        alike = self.counts[UndoOutcome.FAILED]
        if (alike if failed else sum(self.counts.values()) - alike) <= LISTED:
            self.entries.append(entry)

    @property
    def undone_or_failed(self) -> int:
        """How many undo actions have run."""
        return self.counts[UndoOutcome.UNDONE] + self.counts[UndoOutcome.FAILED]

    def end_pass(self, passes: Passes, key: str) -> None:
        """A pass of a container has ended; what needs no undo is noted and let go."""
        for armed in passes.end(key):
            for call in self._calls(armed):
                self.note(call.entry(UndoOutcome.NOT_NEEDED))

    def report(self, reason: str) -> RollbackReport:
        """What was undone so far; armed steps that need no undo are listed too."""
        needless = [
            call.entry(UndoOutcome.NOT_NEEDED) for armed in self.log.without_effect() for call in self._calls(armed)
        ][:LISTED]
        counted = sum(self.counts.values())
        return RollbackReport(
            reason=reason,
            complete=not self.counts[UndoOutcome.FAILED],
            entries=[*self.entries, *needless],
            entries_left_out=counted - len(self.entries),
            undone=self.counts[UndoOutcome.UNDONE],
            failed=self.counts[UndoOutcome.FAILED],
        )

    async def unwind(self, graph: GraphPlan, call: CallUndo, *, only: Limit | None = None) -> int:
        """Undo what the graph's steps did, each after everything that came after it, independent ones in parallel.

        Gives how many undo actions failed.
        """
        before = self.counts[UndoOutcome.FAILED]
        await self._graph(graph, self.log, call, only)
        return self.counts[UndoOutcome.FAILED] - before

    async def _graph(self, graph: GraphPlan, log: UndoLog, call: CallUndo, only: Limit | None) -> None:
        undone = Settled(Outcome.COMPLETED)

        def parts(step_id: str) -> list[tuple[StepPlan, str]]:
            """The step with its name, and before it the error handlers that ran for it, last one first."""
            plan = graph.steps[step_id]
            handlers = [graph.steps[one] for one in reversed(graph.shape[step_id].handlers)]
            own = [] if plan.owners else [(plan, plan.step_id)]
            return [*((one, handler_name(plan, one)) for one in handlers), *own]

        async def undo(step_id: str) -> Settled:
            for plan, name in parts(step_id):
                await self._step(plan, name, log, call, only)
            return undone

        def nothing_to_undo(step_id: str) -> Settled | None:
            work = any(name in log.inner or log.needing(name) for _, name in parts(step_id))
            return None if work else undone

        await GraphDriver(graph.reversed, undo, starts=self.starts, at_once=nothing_to_undo).drive()

    async def _step(self, plan: StepPlan, name: str, log: UndoLog, call: CallUndo, only: Limit | None) -> None:
        wanted = only is None or plan.step_id in only.steps
        passes = log.inner.get(name)
        if passes is not None and (wanted or only is None):
            await self._all_passes(plan, passes, call)
        elif passes is not None and only is not None:
            around = only.inside.get(plan.step_id, "")
            logs = [one for key, one in passes.running.items() if around.endswith(f"{name}{key}.")]
            await self._at_once(plan, logs, call, only)
        if wanted:
            await self._actions(name, log, call)

    async def _actions(self, name: str, log: UndoLog, call: CallUndo) -> None:
        for armed in log.needing(name):
            for undo in self._calls(armed):
                entries = await call(undo)
                if entries is None:
                    return
                for entry in entries:
                    self.note(entry)
                armed.undone += 1
            log.remove(name, armed)

    async def _all_passes(self, plan: StepPlan, passes: Passes, call: CallUndo) -> None:
        while True:
            logs = [*reversed(passes.running.values()), *(log for _, log in reversed(passes.ended))]
            if plan.step.step_type is StepType.LOOP:
                for log in logs:
                    await self._pass(plan, log, call, None)
            else:
                await self._at_once(plan, logs, call, None)
            passes.ended = [(key, log) for key, log in passes.ended if not log.is_empty]
            if passes.ended or not passes.unpack():
                return

    async def _at_once(self, plan: StepPlan, logs: list[UndoLog], call: CallUndo, only: Limit | None) -> None:
        tasks = [asyncio.ensure_future(self._pass(plan, log, call, only)) for log in logs]
        for task in tasks:
            await task

    async def _pass(self, plan: StepPlan, log: UndoLog, call: CallUndo, only: Limit | None) -> None:
        if plan.children is not None:
            await self._graph(plan.children, log, call, only)
        else:
            await self._actions("", log, call)

    def _calls(self, armed: Armed) -> list[UndoCall]:
        """The undo actions of a step that have not run, in their order; a child's run is undone first."""
        plan = self.plans[armed.step_id]
        calls = [
            UndoCall(plan, armed, action, f"{armed.path}.rollback[{number}]")
            for number, action in enumerate(plan.step.rollback_actions)
        ]
        if armed.child is not None:
            calls.insert(0, UndoCall(plan, armed, "", f"{armed.path}.rollback"))
        return calls[armed.undone :]
