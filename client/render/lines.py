"""A run as plain lines, one for each change: for logs, pipes and terminals that cannot redraw."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime

from advanced_workflow.client.render.rows import StepRow, step_rows
from advanced_workflow.client.render.times import duration, seconds_between
from advanced_workflow.client.render.tree import status_word
from advanced_workflow.client.render.undos import UndoRow, undo_rows, undo_word
from advanced_workflow.client.service.description import Attempt
from advanced_workflow.client.service.faults import CODE
from advanced_workflow.client.service.queues import QueueSummary
from advanced_workflow.client.watch import Snapshot
from advanced_workflow.workflows.definition.model.step_type import StepStatus

SILENT_SECONDS = 10
"""An action that was heard of since says nothing new."""


class ChangeLines:
    """Remembers what was said, and says only what is new."""

    def __init__(self) -> None:
        """Nothing has been said."""
        self._said: dict[str, str] = {}

    def lines(self, snapshot: Snapshot, now: datetime) -> Iterator[str]:
        """The lines of what changed since the last snapshot, each with the seconds since the run's start."""
        passed = duration(seconds_between(snapshot.began, snapshot.summary.close_time or now))
        for subject, sentence in self._facts(snapshot, now):
            if self._said.get(subject) != sentence:
                self._said[subject] = sentence
                yield f"{passed:>9}  {sentence}"

    def _facts(self, snapshot: Snapshot, now: datetime) -> Iterator[tuple[str, str]]:
        yield from self._trouble(snapshot, now)
        for row in step_rows(snapshot, now):
            if row.status is not StepStatus.PENDING or row.path in self._said:
                yield row.path, _step_sentence(row)
        yield from _silences(snapshot, now)
        for undo in undo_rows(snapshot.state.rollback if snapshot.state else None, snapshot.attempts, now):
            if undo.outcome != "not_needed":
                yield f"undo {undo.key}", _undo_sentence(undo)
        # The end is said last: the server knows of it before the worker has told the steps.
        if not snapshot.ended or snapshot.up_to_date or snapshot.silent:
            yield "run", f"run {status_word(snapshot).replace('_', ' ')}"

    def _trouble(self, snapshot: Snapshot, now: datetime) -> Iterator[tuple[str, str]]:
        """Why the run does not continue, and that it does again."""
        if snapshot.fault is not None:
            yield "fault", f"{CODE}: {snapshot.fault.reason}; 'adw show {snapshot.summary.id}' says what helps"
        elif "fault" in self._said:
            yield "fault", "a worker continues it"
        elif snapshot.silent:
            yield "worker", "no worker answers; last known state"
            yield from ((f"queue {one.kind} {one.name}", _nobody(one)) for one in snapshot.queues if not one.alive(now))
        elif "worker" in self._said:
            yield "worker", "a worker answers"


def _nobody(queue: QueueSummary) -> str:
    return f"no worker polls task queue {queue.name!r} of {queue.kind}"


def _silences(snapshot: Snapshot, now: datetime) -> Iterator[tuple[str, str]]:
    """Actions without a sign of life, said after some seconds and then each time that it is twice as long."""
    for path, attempt in snapshot.attempts.items():
        silent = seconds_between(attempt.heard_at, now) or 0
        if silent >= SILENT_SECONDS:
            told = SILENT_SECONDS * 2 ** int(math.log2(silent / SILENT_SECONDS))
            yield f"{path} silent", f"{path}  no sign of life for {duration(told)}" + _need_not(attempt)


def _need_not(attempt: Attempt) -> str:
    return "" if attempt.beats else ", and it need not give any"


def _step_sentence(row: StepRow) -> str:
    took = f" ({duration(row.seconds)})" if row.status in (StepStatus.COMPLETED, StepStatus.FAILED) else ""
    attempts = f", {row.attempts} attempts" if row.attempts > 1 and took else ""
    note = f": {row.note}" if row.note else ""
    return f"{row.path}  {row.status_word}{took}{attempts}{note}"


def _undo_sentence(row: UndoRow) -> str:
    return f"{row.action}  {undo_word(row)} for {row.of}" + (f": {row.note}" if row.note else "")
