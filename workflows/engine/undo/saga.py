"""What a run may have to undo, and the report of what became of each undo action."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from advanced_workflow.workflows.contract import RollbackReport, UndoEntry, UndoOutcome
from advanced_workflow.workflows.contract.paths import StepPath
from advanced_workflow.workflows.engine.graph.step_plan import StepPlan
from advanced_workflow.workflows.engine.temporal.patches import Patch, patched
from advanced_workflow.workflows.engine.undo.action import actions_left
from advanced_workflow.workflows.engine.undo.armed import Armed
from advanced_workflow.workflows.engine.undo.undo_log import Passes, UndoLog

LISTED = 1000
"""Entries a report lists of those that were undone or need no undo, and of those that failed."""


@dataclass
class Saga:
    """What may have to be undone, and the report of what was."""

    plans: Mapping[str, StepPlan]
    log: UndoLog = field(default_factory=UndoLog)
    failed: UndoLog = field(default_factory=UndoLog)
    """What could not be undone: its effects are open, and another run may try again."""
    entries: list[UndoEntry] = field(default_factory=list[UndoEntry])
    counts: dict[UndoOutcome, int] = field(default_factory=lambda: dict.fromkeys(UndoOutcome, 0))
    kept: dict[str, UndoEntry] = field(default_factory=dict[str, UndoEntry])
    """By activity id: undo actions that were not called, as the definition keeps what a tolerated failure left."""
    by_itself: int = 0
    """How many undo actions have run for failures that are tolerated."""
    undone: dict[str, int] = field(default_factory=dict[str, int])
    """Paths of steps that may run again -> how often their effect was undone while the run went on."""
    may_repeat: bool = False
    """Whether an operator may run a step again whose effect was undone."""
    _undoing: dict[str, asyncio.Future[None]] = field(default_factory=dict[str, "asyncio.Future[None]"])

    @asynccontextmanager
    async def alone(self, idempotency_key: str) -> AsyncGenerator[None, None]:
        """Wait until nobody else undoes the effect of this key, and keep others from it for the block."""
        while (other := self._undoing.get(idempotency_key)) is not None:
            await asyncio.shield(other)
        mine = self._undoing[idempotency_key] = asyncio.get_running_loop().create_future()
        try:
            yield
        finally:
            del self._undoing[idempotency_key]
            mine.set_result(None)

    def note_undone(self, armed: Armed) -> None:
        """Nothing is left of an effect."""
        if armed.child is not None:  # Its own run reports what was undone.
            self.kept = {id: one for id, one in self.kept.items() if one.idempotency_key != armed.idempotency_key}
        if self.may_repeat and patched(Patch.RULES_2):
            self.undone[armed.path] = self.undone.get(armed.path, 0) + 1

    def note_over(self, path: StepPath) -> None:
        """A step has settled for good: it and what is inside of it does not run again."""
        for one in [one for one in self.undone if one == path or StepPath(one).belongs_to(path)]:
            del self.undone[one]

    def note(self, entry: UndoEntry) -> None:
        """Put an entry into the report; of very many only the first of each kind are listed, all are counted."""
        self.kept.pop(entry.activity_id, None)  # It is undone after all, with the rest.
        failed = entry.outcome is UndoOutcome.FAILED
        self.counts[entry.outcome] += 1
        alike = self.counts[UndoOutcome.FAILED]
        if (alike if failed else sum(self.counts.values()) - alike) <= LISTED:
            self.entries.append(entry)

    def reopen(self, wanted: Callable[[Armed], bool]) -> None:
        """Some of what could not be undone is to be tried again: it is open once more, and the report says nothing of it until then."""
        again, ids, runs = self.failed.turned(), set[str](), set[str]()
        for log, name, armed in again.at_hand():
            if not wanted(armed):
                log.remove(name, armed)
                continue
            ids |= {one.activity_id for one in actions_left(self.plans[armed.step_id], armed)}
            runs |= {armed.child["run"]} if armed.child is not None else set()
        for log, name, armed in self.failed.at_hand():
            if wanted(armed):
                log.remove(name, armed)
        self.log.add(again)
        failed = [one for one in self.entries if one.outcome is UndoOutcome.FAILED]
        gone = [one for one in failed if one.activity_id in ids or any(run in (one.run or "") for run in runs)]
        self.entries = [one for one in self.entries if not any(one is other for other in gone)]
        # Not all of very many are listed, so that only their end tells that none is left.
        self.counts[UndoOutcome.FAILED] -= len(gone) if not self.failed.is_empty else self.counts[UndoOutcome.FAILED]

    def take_back(self, path: StepPath, name: str, idempotency_key: str) -> Armed | None:
        """What could not be undone of an effect whose step runs again, `name` in its pass: it is open no longer, and undone with the rest."""
        log = self.failed.pass_of(path, name)
        armed = log.of_key(name, idempotency_key)
        if armed is None:
            return None
        log.remove(name, armed)
        self.counts[UndoOutcome.FAILED] -= len(armed.left or ())
        self.entries = [
            one
            for one in self.entries
            if one.outcome is not UndoOutcome.FAILED or one.idempotency_key != idempotency_key
        ]
        return replace(armed, left=None)

    def keep(self, entry: UndoEntry) -> None:
        """Put an undo action into the report that is not called; of very many only the first are listed."""
        if len(self.kept) < LISTED:
            self.kept[entry.activity_id] = entry

    @property
    def undone_or_failed(self) -> int:
        """How many undo actions have run."""
        return self.counts[UndoOutcome.UNDONE] + self.counts[UndoOutcome.FAILED]

    @property
    def went_back(self) -> bool:
        """Whether the run, or a `rollback` step of it, undid something."""
        return self.undone_or_failed > self.by_itself

    def end_pass(self, passes: Passes, key: str) -> None:
        """A pass of a container has ended; what needs no undo is noted and let go."""
        for armed in passes.end(key):
            for entry in self._not_needed(armed):
                self.note(entry)

    def report(self, reason: str) -> RollbackReport:
        """What was undone so far; armed steps that need no undo are listed too."""
        needless = [entry for armed in self.log.without_effect() for entry in self._not_needed(armed)][:LISTED]
        counted = sum(self.counts.values())
        return RollbackReport(
            reason=reason,
            complete=not self.counts[UndoOutcome.FAILED],
            entries=[*self.entries, *self.kept.values(), *needless],
            entries_left_out=counted - len(self.entries),
            undone=self.counts[UndoOutcome.UNDONE],
            failed=self.counts[UndoOutcome.FAILED],
        )

    def _not_needed(self, armed: Armed) -> Iterator[UndoEntry]:
        """The lines of a step that definitely took no effect."""
        return (one.entry(UndoOutcome.NOT_NEEDED) for one in actions_left(self.plans[armed.step_id], armed))
