"""The undo stack: what was armed, what became of it, and undoing in reverse of the real dependencies."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal

from workflows.contract import ErrorInfo, Json, RollbackReport, UndoEntry, UndoInput, UndoOutcome
from workflows.engine.driver import GraphDriver
from workflows.engine.plan import handler_prefix
from workflows.engine.scheduler import Outcome, Settled
from workflows.engine.step_plan import GraphPlan, StepPlan

StepOutcome = Literal["running", "completed", "unknown", "failed"]


@dataclass(slots=True)
class Armed:
    """One step that may have to be undone."""

    plan: StepPlan
    path: str
    idempotency_key: str
    input: Json
    outcome: StepOutcome = "running"
    output: Json = None
    settled: bool = False
    """Its undo actions ran already (by a `rollback` step)."""

    @property
    def needs_undo(self) -> bool:
        """Whether the step took effect, or may have."""
        return not self.settled and self.outcome in ("completed", "unknown")

    def undo_input(self) -> dict[str, Json]:
        """What its undo actions receive unless the definition maps something else."""
        known = self.outcome == "completed"
        return UndoInput(
            step_id=self.plan.step_id,
            input=self.input,
            output=self.output if known else None,
            outcome="completed" if known else "unknown",
            idempotency_key=self.idempotency_key,
        ).model_dump()


@dataclass(frozen=True, slots=True)
class UndoCall:
    """One undo action to call."""

    armed: Armed
    action: str
    activity_id: str


CallUndo = Callable[[UndoCall], Awaitable[ErrorInfo | None]]
"""Calls one undo action; gives its error when it failed for good, and never raises."""


@dataclass
class Saga:
    """The armed steps of a run, and the report of what was undone."""

    armed: dict[str, list[Armed]] = field(default_factory=dict)
    """By path; a step that was undone and ran again has several."""
    entries: list[UndoEntry] = field(default_factory=list)

    def arm(self, plan: StepPlan, path: str, key: str, value: Json) -> Armed | None:
        """Note a step before it is scheduled; None where it has nothing to undo it with."""
        if not plan.step.rollback_actions:
            return None
        armed = Armed(plan, path, key, value)
        self.armed.setdefault(path, []).append(armed)
        return armed

    def report(self, reason: str) -> RollbackReport:
        """What was undone so far; armed steps that need no undo are listed too."""
        entries = [*self.entries, *self._not_needed()]
        return RollbackReport(
            reason=reason, complete=all(one.outcome is not UndoOutcome.FAILED for one in entries), entries=entries
        )

    def _not_needed(self) -> list[UndoEntry]:
        return [
            _entry(UndoCall(one, action, undo_id(one.path, number)), UndoOutcome.NOT_NEEDED)
            for stack in self.armed.values()
            for one in stack
            if not one.settled and one.outcome == "failed"
            for number, action in enumerate(one.plan.step.rollback_actions)
        ]

    async def unwind(self, graph: GraphPlan, call: CallUndo, *, only: Callable[[str], bool] | None = None) -> int:
        """Undo what the graph's steps did, each after everything that came after it, independent ones in parallel.

        `only` limits it to some steps by id (and what is nested in them). Gives how many undo actions failed.
        """
        before = sum(one.outcome is UndoOutcome.FAILED for one in self.entries)
        await self._unwind(graph, "", call, only)
        return sum(one.outcome is UndoOutcome.FAILED for one in self.entries) - before

    async def _unwind(self, graph: GraphPlan, prefix: str, call: CallUndo, only: Callable[[str], bool] | None) -> None:
        undone = Settled(Outcome.COMPLETED)

        def parts(step_id: str) -> list[tuple[StepPlan, str]]:
            """The step with its prefix, and before it the error handlers that ran for it, last one first."""
            plan = graph.steps[step_id]
            handlers = [graph.steps[one] for one in reversed(graph.shape[step_id].handlers)]
            own = [] if plan.owners else [(plan, prefix)]
            return [*((one, handler_prefix(plan, one, prefix)) for one in handlers), *own]

        async def undo(step_id: str) -> Settled:
            for plan, own_prefix in parts(step_id):
                await self._undo_step(plan, own_prefix, call, only)
            return undone

        def nothing_to_undo(step_id: str) -> Settled | None:
            work = any(plan.children is not None or self._work_of(plan, own) for plan, own in parts(step_id))
            return None if work else undone

        await GraphDriver(graph.reversed, undo, at_once=nothing_to_undo).drive()

    def _work_of(self, plan: StepPlan, prefix: str) -> list[Armed]:
        return [one for one in reversed(self.armed.get(prefix + plan.step_id, [])) if one.needs_undo]

    async def _undo_step(self, plan: StepPlan, prefix: str, call: CallUndo, only: Callable[[str], bool] | None) -> None:
        wanted = only is None or only(plan.step_id)
        if plan.children is not None:
            await self._unwind(plan.children, f"{prefix}{plan.step_id}.", call, None if wanted else only)
        if not wanted:
            return
        for armed in self._work_of(plan, prefix):
            armed.settled = True
            for number, action in enumerate(armed.plan.step.rollback_actions):
                undo = UndoCall(armed, action, undo_id(armed.path, number))
                error = await call(undo)
                outcome = UndoOutcome.UNDONE if error is None else UndoOutcome.FAILED
                self.entries.append(_entry(undo, outcome, error))


def undo_id(path: str, number: int) -> str:
    """Activity id of a step's undo action."""
    return f"{path}.rollback[{number}]"


def _entry(undo: UndoCall, outcome: UndoOutcome, error: ErrorInfo | None = None) -> UndoEntry:
    armed = undo.armed
    return UndoEntry(
        path=armed.path,
        step_id=armed.plan.step_id,
        action=undo.action,
        activity_id=undo.activity_id,
        outcome=outcome,
        step_outcome="completed"
        if armed.outcome == "completed"
        else "failed"
        if armed.outcome == "failed"
        else "unknown",
        idempotency_key=armed.idempotency_key,
        error=error,
    )
