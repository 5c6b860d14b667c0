"""A run as a live tree of its steps, for terminals."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rich.cells import cell_len, set_cell_size
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from advanced_workflow.client.render.passes import grouped
from advanced_workflow.client.render.remedies import paused_by, remedies
from advanced_workflow.client.render.rows import StepRow, step_rows
from advanced_workflow.client.render.symbols import STEP_LOOKS, UNDO_LOOKS, Look, shows_unicode, style_of, words
from advanced_workflow.client.render.times import duration, seconds_between
from advanced_workflow.client.render.undos import UndoRow, undo_rows, undo_word
from advanced_workflow.client.render.workers import no_worker
from advanced_workflow.client.watch import Snapshot
from advanced_workflow.workflows.contract import RollbackReport
from advanced_workflow.workflows.definition.model.step_type import StepStatus

INDENT = 2
STATUS_WIDTH = 9
TIME_WIDTH = 12
ATTEMPTS_WIDTH = 11
SETTLED = (StepStatus.COMPLETED, StepStatus.FAILED, StepStatus.SKIPPED)
MOST_REMEDIES = 4
"""Command lines that are shown; `adw show` has all."""
OTHER_LINES = 8
"""Lines of the screen that are not steps."""


def render_tree(snapshot: Snapshot, now: datetime, console: Console) -> RenderableType:
    """The run's heading, its steps with status, time and attempts, and what is undone."""
    unicode = shows_unicode(console)
    rows = grouped(step_rows(snapshot, now), snapshot)
    undos = [one for one in undo_rows(_report_of(snapshot), snapshot.attempts, now) if one.outcome != "not_needed"]
    notes = sum(bool(_note_text(one, now)) + bool(one.words) for one in rows)
    shown, before, after = fit(rows, console.height - OTHER_LINES - len(undos) - notes)
    lines: list[RenderableType] = [_heading(snapshot, now), *_warnings(snapshot, rows, now)]
    if before:
        lines.append(Text(f"  … {before} more above", style="dim"))
    lines.extend(_step_lines(shown, _Widths(shown, console.width), now, unicode=unicode))
    if after:
        lines.append(Text(f"  … {after} more below", style="dim"))
    if undos:
        lines.append(Text("  Rollback", style="bold"))
        lines.extend(_undo_line(one, unicode=unicode) for one in undos)
    return Group(*lines)


def fit(rows: Sequence[StepRow], height: int) -> tuple[Sequence[StepRow], int, int]:
    """As many rows as there is room for, around the first that is not settled; and how many are left out on each side."""
    height = max(height, 5)
    if len(rows) <= height:
        return rows, 0, 0
    busy = next((number for number, one in enumerate(rows) if one.status not in SETTLED), len(rows) - 1)
    start = min(max(busy - height // 3, 0), len(rows) - height)
    return rows[start : start + height], start, len(rows) - height - start


class _Widths:
    """How wide the columns are; the ids give way first where the terminal is narrow."""

    def __init__(self, rows: Sequence[StepRow], width: int) -> None:
        room = width - STATUS_WIDTH - TIME_WIDTH - ATTEMPTS_WIDTH - 8
        self.name = min(max((INDENT * one.depth + cell_len(one.label) for one in rows), default=0), max(room, 16))
        ids = max((cell_len(one.step_id) for one in rows), default=0)
        self.id = ids if ids <= room - self.name else 0


def _report_of(snapshot: Snapshot) -> RollbackReport | None:
    return snapshot.state.rollback if snapshot.state else None


def _heading(snapshot: Snapshot, now: datetime) -> Text:
    status = status_word(snapshot)
    passed = seconds_between(snapshot.began, snapshot.summary.close_time or now)
    text = Text.assemble((snapshot.summary.id, "bold"), "  ", (snapshot.summary.workflow_type, "dim"), "  ")
    return text.append(words(status), style=f"bold {style_of(status)}").append(f"  {duration(passed)}", style="dim")


def status_word(snapshot: Snapshot) -> str:
    """The run's own status where a worker said it, otherwise the server's."""
    if snapshot.state is None or snapshot.ended:
        return snapshot.summary.status
    return snapshot.state.status.value


def _warnings(snapshot: Snapshot, rows: Sequence[StepRow], now: datetime) -> list[RenderableType]:
    if snapshot.fault is not None:
        return [
            Text(f"  {snapshot.fault.sentence}; 'adw show {snapshot.summary.id}' says what helps", style="bold red")
        ]
    lines: list[RenderableType] = []
    if snapshot.silent:
        lines.append(Text(f"  {no_worker(snapshot, now)}{'; last known state' if rows else ''}", style="yellow"))
    elif not rows:
        lines.append(Text("  starting …", style="dim"))
    if paused := paused_by(snapshot.state):
        lines.append(Text(f"  paused by {paused.by}: {paused.reason}", style="yellow"))
    lines.extend(Text(f"  {line}", style="yellow") for line, _ in remedies(snapshot, now)[:MOST_REMEDIES])
    return lines


def _step_lines(rows: Sequence[StepRow], widths: _Widths, now: datetime, *, unicode: bool) -> list[RenderableType]:
    lines: list[RenderableType] = []
    for row in rows:
        look = STEP_LOOKS[row.status]
        lines.append(_step_line(row, look, widths, unicode=unicode))
        if note := _note_text(row, now):
            lines.append(_below(row, Text(note, style=_note_style(row))))
        if row.words:
            lines.append(_below(row, Text(row.words, style="italic dim", no_wrap=True, overflow="ellipsis")))
    return lines


def _below(row: StepRow, text: Text) -> RenderableType:
    return Padding(text, (0, 0, 0, 4 + INDENT * (row.depth + 1)))


def _step_line(row: StepRow, look: Look, widths: _Widths, *, unicode: bool) -> Text:
    muted = look.style if row.status in (StepStatus.PENDING, StepStatus.SKIPPED) else ""
    text = Text("  ", no_wrap=True, overflow="ellipsis")
    text.append(" " * (INDENT * row.depth))
    text.append(look.sign if unicode else look.ascii, style=look.style).append(" ")
    text.append_text(_fitted(row.label, max(widths.name - INDENT * row.depth, 4), muted, unicode=unicode))
    if widths.id:
        text.append("  ").append_text(_fitted(row.step_id, widths.id, "dim", unicode=unicode))
    text.append("  ").append(f"{row.status_word:<{STATUS_WIDTH}}", style=look.style)
    text.append(f"{duration(row.seconds):>{TIME_WIDTH}}")
    if row.is_pass:
        return text.append(f"  {row.note}" if row.note != row.label else "", style="dim")
    if row.attempts > 1:
        text.append(f"  {row.attempts} attempts", style="yellow")
    return text


def _fitted(text: str, width: int, style: str, *, unicode: bool) -> Text:
    """The text in so many cells; one that is cut ends with a sign of it."""
    if cell_len(text) > width:
        sign = "…" if unicode else "..."
        text = set_cell_size(text, width - cell_len(sign)) + sign
    return Text(set_cell_size(text, width), style=style)


def _note_text(row: StepRow, now: datetime) -> str:
    if row.is_pass:
        return ""
    again = f"again in {duration(row.retry_in)}" if row.retry_in else ""
    left = f"{duration((row.due - now).total_seconds())} left" if row.due and row.due > now else ""
    return "; ".join(one for one in (row.note, again, left, row.life) if one)


def _note_style(row: StepRow) -> str:
    if not row.note:
        return "dim"
    return "red" if row.status is StepStatus.FAILED else "dim" if row.status is StepStatus.SKIPPED else "yellow"


def _undo_line(row: UndoRow, *, unicode: bool) -> Text:
    look = UNDO_LOOKS[row.outcome]
    text = Text("  ", no_wrap=True, overflow="ellipsis").append(look.sign if unicode else look.ascii, style=look.style)
    text.append(f" {row.action}").append(f"  for {row.of}  ", style="dim")
    text.append(undo_word(row), style=look.style)
    if row.note:
        text.append(f"  {row.note}", style="red")
    return text.append(f"  {row.life}", style="dim") if row.life else text
