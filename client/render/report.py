"""A run on one page: `adw show`."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from rich.console import Console
from rich.text import Text

from advanced_workflow.client.errors import RunFailed
from advanced_workflow.client.render.console import Lines
from advanced_workflow.client.render.ended import rows_of_result
from advanced_workflow.client.render.layout import plain_table, print_commands, print_facts, print_title
from advanced_workflow.client.render.listing import print_table
from advanced_workflow.client.render.notes import error_sentence
from advanced_workflow.client.render.outcome import failure_sentence
from advanced_workflow.client.render.passes import grouped
from advanced_workflow.client.render.people import print_approval, print_audit, print_decided, print_rejected
from advanced_workflow.client.render.remedies import paused_by, remedies
from advanced_workflow.client.render.rows import StepRow, step_rows
from advanced_workflow.client.render.symbols import STEP_LOOKS, UNDO_LOOKS, Look, shows_unicode, style_of, words
from advanced_workflow.client.render.times import due, duration, moment, parse_time, seconds_between
from advanced_workflow.client.render.tree import status_word
from advanced_workflow.client.render.undos import UndoRow, undo_rows, undo_word
from advanced_workflow.client.render.workers import no_worker, print_attempts, print_queues
from advanced_workflow.client.reruns.undone_since import UndoneSince
from advanced_workflow.client.watch import Snapshot
from advanced_workflow.workflows.contract import TOLERATED, PendingApproval, RollbackReport, RunResult, RunState


@dataclass(frozen=True, slots=True)
class RunReport:
    """All that could be learned of a run."""

    snapshot: Snapshot
    approvals: Sequence[PendingApproval] = ()
    result: RunResult | None = None
    """What the run ended with, or left in its failure."""
    failure: RunFailed | None = None
    url: str | None = None
    since: UndoneSince | None = None
    """Who undid what it left, where it left something."""
    user: str = ""
    """Who reads this."""

    @property
    def rollback(self) -> RollbackReport | None:
        """From the worker, otherwise from what the run ended with."""
        state = self.snapshot.state
        return (state.rollback if state else None) or (self.result.rollback if self.result else None)

    @property
    def left(self) -> bool:
        """Whether something that had to be undone was not."""
        return self.rollback is not None and not self.rollback.complete


def print_report(console: Console, report: RunReport, *, everything: bool = False) -> None:
    """Print what there is: heading, steps, approvals, rollback, what people did, end, and what to type next.

    With `everything` no round or copy is left out that the run still knows.
    """
    now, snapshot = datetime.now(UTC), report.snapshot
    _print_heading(console, report, now)
    rows = grouped(step_rows(snapshot, now), snapshot, everything=everything) or rows_of_result(report.result)
    if rows:
        _print_steps(console, rows, now)
    if snapshot.silent or snapshot.fault is not None:
        print_attempts(console, snapshot.attempts.values(), now)
    print_queues(console, snapshot.queues, now)
    for approval in report.approvals:
        print_approval(console, snapshot.summary.id, approval, now, report.user)
    undos = undo_rows(report.rollback, snapshot.attempts, now)
    if report.rollback or undos:
        _print_rollback(console, report, undos)
    if snapshot.state:
        print_decided(console, snapshot.state)
        print_rejected(console, snapshot.state.rejected_decisions)
        _print_events(console, snapshot.state)
        print_audit(console, snapshot.state)
    if report.result and report.result.result is not None:
        print_title(console, "Result")
        console.print(Lines(json.dumps(report.result.result, indent=2, ensure_ascii=False)), soft_wrap=True)
    if next_steps := remedies(snapshot, now, report.since, left=report.left, began=report.result is not None):
        print_title(console, "What to type next")
        print_commands(console, next_steps)


def _print_heading(console: Console, report: RunReport, now: datetime) -> None:
    snapshot, summary, state = report.snapshot, report.snapshot.summary, report.snapshot.state
    status = status_word(snapshot)
    passed = seconds_between(snapshot.began, summary.close_time or now)
    error = failure_sentence(report.failure) if report.failure else ""
    held, paused = state.output_error if state else None, paused_by(state)
    print_facts(
        console,
        {
            "run": Text(summary.id, style="bold"),
            "run id": summary.run_id,
            "workflow": summary.workflow_type + (f" {state.version}" if state else ""),
            "status": Text(words(status), style=f"bold {style_of(status)}"),
            "paused": f"by {paused.by}, {moment(parse_time(paused.time))}: {paused.reason}" if paused else "",
            "error": Text(error, style="red"),
            "output": Text(f"{error_sentence(held)}; waits for an operator", style="red") if held else "",
            "started": f"{moment(snapshot.began)}, {'took' if summary.close_time else 'for'} {duration(passed)}",
            "deadline": due(parse_time(state.deadline), now) if state and state.deadline else "",
            "sha256": state.definition_sha256 if state else "",
            "events": f"{summary.history_events} in the history",
            **_trouble(snapshot, now),
        },
    )
    if report.url:  # In one piece, so that it can be followed.
        console.print(Text("web       ", style="dim").append(report.url, style="default"), soft_wrap=True)


def _trouble(snapshot: Snapshot, now: datetime) -> Mapping[str, Text | str]:
    """Why the run does not continue: it cannot, or nobody serves it."""
    if snapshot.fault is not None:
        return {
            "fault": Text(snapshot.fault.sentence, style="bold red"),
            "since": moment(snapshot.fault.since),
            "": Text(snapshot.fault.help(snapshot.summary.id), style="yellow"),
        }
    if snapshot.silent:
        return {"worker": Text(f"{no_worker(snapshot, now)}; what follows is what the server knows", style="yellow")}
    return {}


def _mark(look: Look, word: str, *, unicode: bool) -> Text:
    return Text(f"{look.sign if unicode else look.ascii} {word}", style=look.style)


def _print_steps(console: Console, rows: Sequence[StepRow], now: datetime) -> None:
    print_title(console, "Steps")
    unicode = shows_unicode(console)
    table = plain_table("step", "status", "time", "")
    table.columns[2].justify = "right"
    table.columns[3].no_wrap = False
    for row in rows:
        mark = _mark(STEP_LOOKS[row.status], row.status_word, unicode=unicode)
        stands_for_many = row.is_pass and not row.step_id
        table.add_row(
            Text("  " * row.depth + row.in_table),
            Text(f"  {row.word}", style="dim") if stands_for_many else mark,
            duration(row.seconds),
            Text("; ".join(part for part in _beside(row, now) if part), style="dim"),
        )
    print_table(console, table)


def _beside(row: StepRow, now: datetime) -> Sequence[str]:
    attempts = f"{row.attempts} attempts" if row.attempts > 1 else ""
    again = f"again in {duration(row.retry_in)}" if row.retry_in else ""
    left = seconds_between(now, row.due) if row.due and row.due > now else None
    return row.call, attempts, row.note, again, f"{duration(left)} left" if left else "", row.words, row.life


def _print_rollback(console: Console, report: RunReport, undos: Sequence[UndoRow]) -> None:
    print_title(console, _why_back(report.rollback))
    if report.since is not None:
        when = f", {moment(report.since.closed_at)}" if report.since.closed_at else ""
        console.print(Text(f"{report.since.sentence}{when}", style="green" if report.since.complete else "yellow"))
    if not undos:
        console.print("nothing had to be undone", style="dim")
        return
    table = plain_table("undo", "of step", "status", "")
    table.columns[3].no_wrap = False
    for row in undos:
        mark = _mark(UNDO_LOOKS[row.outcome], undo_word(row), unicode=shows_unicode(console))
        table.add_row(Text(row.action), Text(row.of), mark, _undo_note(row))
    left_out = report.rollback.entries_left_out if report.rollback else 0
    if left_out:
        table.add_row(f"{left_out:,} more", "", "", "")
    print_table(console, table)


def _why_back(report: RollbackReport | None) -> str:
    if report is None:
        return "Rollback"
    return "Undone after tolerated failures" if report.reason == TOLERATED else f"Rollback because of {report.reason}"


def _undo_note(row: UndoRow) -> Text:
    note = Text(row.note, style="red")
    return note.append(f"{'; ' if row.note else ''}{row.life}", style="dim") if row.life else note


def _print_events(console: Console, state: RunState) -> None:
    """Events that no step took yet, by name."""
    names = Counter(one.event for one in state.unconsumed_events)
    if not names:
        return
    print_title(console, "Events nobody took")
    table = plain_table("event", "how many", "bytes")
    for name, count in names.items():
        size = sum(one.bytes for one in state.unconsumed_events if one.event == name)
        table.add_row(Text(name), str(count), f"{size:,}")
    if state.unconsumed_left_out:
        table.add_row("", f"{state.unconsumed_left_out} more", "")
    print_table(console, table)
