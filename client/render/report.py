"""A run on one page: `adw show`."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from advanced_workflow.client.errors import RunFailed
from advanced_workflow.client.render.console import Lines
from advanced_workflow.client.render.outcome import failure_sentence
from advanced_workflow.client.render.rows import StepRow, UndoRow, error_sentence, step_rows, tolerated_note, undo_rows
from advanced_workflow.client.render.symbols import STEP_LOOKS, UNDO_LOOKS, Look, shows_unicode, style_of, words
from advanced_workflow.client.render.times import duration, moment, parse_time, seconds_between
from advanced_workflow.client.render.tree import status_word, undo_word
from advanced_workflow.client.watch import Snapshot
from advanced_workflow.workflows.contract import (
    ORCHESTRATION_DECISION,
    AuditEntry,
    ErrorInfo,
    PendingApproval,
    RejectedDecision,
    RollbackReport,
    RunResult,
    RunState,
)
from advanced_workflow.workflows.contract.paths import StepPath
from advanced_workflow.workflows.definition.model.step_type import StepStatus


@dataclass(frozen=True, slots=True)
class RunReport:
    """All that could be learned of a run."""

    snapshot: Snapshot
    approvals: Sequence[PendingApproval] = ()
    result: RunResult | None = None
    """What the run ended with, or left in its failure."""
    failure: RunFailed | None = None
    url: str | None = None

    @property
    def rollback(self) -> RollbackReport | None:
        """From the worker, otherwise from what the run ended with."""
        state = self.snapshot.state
        return (state.rollback if state else None) or (self.result.rollback if self.result else None)


def print_report(console: Console, report: RunReport) -> None:
    """Print what there is: heading, steps, approvals, rollback, rejected decisions, audit trail, end."""
    now = datetime.now(UTC)
    _print_heading(console, report, now)
    rows = step_rows(report.snapshot, now) or _rows_of_result(report.result)
    if rows:
        _print_steps(console, rows)
    for approval in report.approvals:
        _print_approval(console, approval)
    undos = undo_rows(report.rollback, report.snapshot.attempts, now)
    if report.rollback or undos:
        _print_rollback(console, report.rollback, undos)
    if report.snapshot.state:
        _print_rejected(console, report.snapshot.state.rejected_decisions)
        _print_events(console, report.snapshot.state)
        _print_audit(console, report.snapshot.state)
    if report.result and report.result.result is not None:
        _title(console, "Result")
        console.print(Lines(json.dumps(report.result.result, indent=2, ensure_ascii=False)), soft_wrap=True)


def _title(console: Console, title: str) -> None:
    console.print()
    console.print(Text(title, style="bold"))


def _facts(console: Console, facts: Mapping[str, Text | Lines | str]) -> None:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts.items():
        if value:
            table.add_row(name, Text(value) if isinstance(value, str) else value)
    console.print(table)


def _print_heading(console: Console, report: RunReport, now: datetime) -> None:
    summary = report.snapshot.summary
    status = status_word(report.snapshot)
    passed = seconds_between(summary.start_time, summary.close_time or now)
    state = report.snapshot.state
    error = failure_sentence(report.failure) if report.failure else ""
    held = state.output_error if state else None
    _facts(
        console,
        {
            "run": Text(summary.id, style="bold"),
            "run id": summary.run_id,
            "workflow": summary.workflow_type + (f" {state.version}" if state else ""),
            "status": Text(words(status), style=f"bold {style_of(status)}"),
            "error": Text(error, style="red"),
            "output": Text(f"{error_sentence(held)}; waits for an operator: adw skip {summary.id} output", style="red")
            if held
            else "",
            "started": f"{moment(summary.start_time)}, {'took' if summary.close_time else 'for'} {duration(passed)}",
            "deadline": moment(parse_time(state.deadline)) if state and state.deadline else "",
            "definition": f"sha256 {state.definition_sha256}" if state else "",
            "events": f"{summary.history_events} in the history",
            "web": report.url or "",
            **_trouble(report.snapshot),
        },
    )


def _trouble(snapshot: Snapshot) -> Mapping[str, Text | str]:
    """Why the run does not continue: it cannot, or nobody serves it."""
    if snapshot.fault is not None:
        return {
            "fault": Text(snapshot.fault.sentence, style="bold red"),
            "since": moment(snapshot.fault.since),
            "": Text(snapshot.fault.help(snapshot.summary.id), style="yellow"),
        }
    if snapshot.silent:
        return {"worker": Text("none answers; what follows is what the server knows", style="yellow")}
    return {}


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in columns:
        table.add_column(name, overflow="fold", no_wrap=name in ("", "status", "time", "operation"))
    return table


def _mark(look: Look, word: str, *, unicode: bool) -> Text:
    return Text(f"{look.sign if unicode else look.ascii} {word}", style=look.style)


def _print_steps(console: Console, rows: Sequence[StepRow]) -> None:
    _title(console, "Steps")
    unicode = shows_unicode(console)
    table = _table("step", "status", "time", "")
    table.columns[2].justify = "right"
    table.columns[3].no_wrap = False
    for row in rows:
        attempts = f"{row.attempts} attempts" if row.attempts > 1 else ""
        table.add_row(
            Text("  " * row.depth + (row.step_id if row.call else StepPath(row.path).name)),
            _mark(STEP_LOOKS[row.status], row.status.value, unicode=unicode),
            duration(row.seconds),
            Text("; ".join(part for part in (row.call, attempts, row.note, row.words, row.life) if part), style="dim"),
        )
    console.print(table)


def _print_approval(console: Console, approval: PendingApproval) -> None:
    _title(console, f"Waits for approval: {approval.name}")
    given = ", ".join(one.approver for one in approval.approvals)
    _facts(
        console,
        {
            "step": approval.path,
            "question": Lines(approval.prompt) if approval.prompt else "",
            "asked": ", ".join(approval.approvers) or "anybody",
            "approvals": f"{len(approval.approvals)} of {approval.required}" + (f" ({given})" if given else ""),
            "deadline": f"{moment(parse_time(approval.deadline))}, then {approval.on_timeout}"
            if approval.deadline
            else "",
            "subject": Lines(json.dumps(approval.subject, indent=2, ensure_ascii=False)) if approval.subject else "",
            "digest": approval.digest,
        },
    )


def _print_rollback(console: Console, report: RollbackReport | None, undos: Sequence[UndoRow]) -> None:
    _title(console, f"Rollback because of {report.reason}" if report else "Rollback")
    if not undos:
        console.print("nothing had to be undone", style="dim")
        return
    table = _table("undo", "of step", "status", "")
    table.columns[3].no_wrap = False
    for row in undos:
        mark = _mark(UNDO_LOOKS[row.outcome], undo_word(row), unicode=shows_unicode(console))
        table.add_row(Text(row.action), Text(row.path), mark, _undo_note(row))
    console.print(table)


def _undo_note(row: UndoRow) -> Text:
    note = Text(row.note, style="red")
    return note.append(f"{'; ' if row.note else ''}{row.life}", style="dim") if row.life else note


def _print_rejected(console: Console, rejected: Sequence[RejectedDecision]) -> None:
    if not rejected:
        return
    _title(console, "Decisions that did not count")
    table = _table("time", "code", "why")
    for one in rejected:
        table.add_row(moment(parse_time(one.time)), one.code, Text(one.message))
    console.print(table)


def _print_events(console: Console, state: RunState) -> None:
    """Events that no step took yet, by name."""
    names = Counter(one.event for one in state.unconsumed_events)
    if not names:
        return
    _title(console, "Events nobody took")
    table = _table("event", "how many", "bytes")
    for name, count in names.items():
        size = sum(one.bytes for one in state.unconsumed_events if one.event == name)
        table.add_row(Text(name), str(count), f"{size:,}")
    if state.unconsumed_left_out:
        table.add_row("", f"{state.unconsumed_left_out} more", "")
    console.print(table)


def _print_audit(console: Console, state: RunState) -> None:
    decisions = [one for one in state.audit if one.operation == ORCHESTRATION_DECISION]
    acts = [one for one in state.audit if one.operation != ORCHESTRATION_DECISION]
    earlier = dict(state.audit_left_out)
    _print_decisions(console, decisions, earlier.pop(ORCHESTRATION_DECISION, 0))
    _print_acts(console, acts, sum(earlier.values()))


def _print_decisions(console: Console, decisions: Sequence[AuditEntry], earlier: int) -> None:
    """What orchestrators decided."""
    if not decisions:
        return
    _title(console, "Decisions of orchestrators")
    table = _table("time", "step", "decision")
    if earlier:
        table.add_row("before", "", f"{earlier:,} more")
    for one in decisions:
        table.add_row(moment(parse_time(one.time)), Text(one.step_id or ""), Text(one.reason))
    console.print(table)


def _print_acts(console: Console, acts: Sequence[AuditEntry], earlier: int) -> None:
    """What people did to the run."""
    if not acts and not earlier:
        return
    _title(console, "Operators")
    table = _table("time", "operation", "step", "by", "reason")
    if earlier:
        table.add_row("before", f"{earlier:,} more", "", "", "")
    for one in acts:
        table.add_row(
            moment(parse_time(one.time)), one.operation, Text(one.step_id or ""), Text(one.by), Text(one.reason)
        )
    console.print(table)


def _rows_of_result(result: RunResult | None) -> list[StepRow]:
    steps = result.steps.items() if result else ()
    started = sorted(steps, key=lambda one: str(one[1].get("start_time") or "9"))  # those that never started last
    return [_row_of_result(path, one) for path, one in started]


def _row_of_result(path: str, summary: dict[str, Any]) -> StepRow:
    error = ErrorInfo.model_validate(summary["error"], extra="ignore") if summary.get("error") else None
    start, end = parse_time(summary.get("start_time")), parse_time(summary.get("end_time"))
    note = error_sentence(error) if error else words(summary.get("skip_reason") or "")
    note = "; ".join(one for one in (note, tolerated_note(summary.get("tolerated"))) if one)
    step_id = StepPath(path).name
    status = StepStatus(summary["status"])
    seconds = seconds_between(start, end) if end else None
    return StepRow(path, StepPath(path).depth, step_id, step_id, status, seconds, note=note)
