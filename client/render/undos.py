"""What was undone, and what is being undone, as rows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from advanced_workflow.client.render.notes import error_sentence, failure_words
from advanced_workflow.client.render.rows import sign_of_life
from advanced_workflow.client.service.description import Attempt
from advanced_workflow.workflows.contract import RollbackReport, UndoOutcome
from advanced_workflow.workflows.contract.paths import undone_path

_UNDOING = re.compile(r"-rollback(-rest)?-[^/~]*(~\d+)?$", re.ASCII)
"""How the id of a run ends that undoes another."""
_NOT_CALLED = (UndoOutcome.NOT_NEEDED, UndoOutcome.KEPT)


@dataclass(frozen=True, slots=True)
class UndoRow:
    """One undo action."""

    activity_id: str
    action: str
    path: str
    outcome: UndoOutcome
    note: str = ""
    life: str = ""
    """As that of a step."""
    run: str = ""
    """The run that it belongs to, where that is a child of this one."""

    @property
    def of(self) -> str:
        """The step, with its run where that is another."""
        return f"{self.path} of {_UNDOING.sub('', self.run)}" if self.run else self.path

    @property
    def key(self) -> str:
        """What tells it from all others: children may have activity ids that are this run's, too."""
        return f"{self.run} {self.activity_id}"


def undo_rows(report: RollbackReport | None, attempts: Mapping[str, Attempt], now: datetime) -> list[UndoRow]:
    """What was undone, in that order, then what is being undone."""
    entries = report.entries if report else []
    done = [
        UndoRow(
            one.activity_id,
            one.action,
            one.path,
            one.outcome,
            error_sentence(one.error) if one.error else "",
            run=one.run or "",
        )
        for one in entries
    ]
    settled = {one.activity_id for one in entries if one.outcome not in _NOT_CALLED and not one.run}
    return [*done, *_running_undos(attempts, settled, now)]


def _running_undos(attempts: Mapping[str, Attempt], settled: set[str], now: datetime) -> Iterator[UndoRow]:
    for activity_id, attempt in attempts.items():
        path = undone_path(activity_id)
        if path is not None and activity_id not in settled:
            failure = (
                f"attempt {attempt.attempt}: {failure_words(attempt.last_failure)}" if attempt.last_failure else ""
            )
            yield UndoRow(activity_id, attempt.action, path, UndoOutcome.PENDING, failure, sign_of_life(attempt, now))


def undo_word(row: UndoRow) -> str:
    """What becomes or became of an undo."""
    return {"pending": "undoing", "not_needed": "not needed"}.get(row.outcome.value, row.outcome.value)
