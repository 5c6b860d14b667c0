"""How a run ended, in a few lines."""

from __future__ import annotations

from collections import Counter

from rich.console import Console
from rich.json import JSON
from rich.text import Text

from advanced_workflow.client.errors import RunFailed
from advanced_workflow.client.render.console import Lines
from advanced_workflow.client.render.symbols import shows_unicode
from advanced_workflow.client.render.times import duration
from advanced_workflow.workflows.contract import TOLERATED, RollbackReport, RunResult, UndoOutcome


def print_result(console: Console, result: RunResult) -> None:
    """A completed run: how long it took, and its result."""
    sign = "✔" if shows_unicode(console) else "+"
    console.print(Text(f"{sign} completed in {duration(result.duration_seconds)}", style="bold green"))
    if result.rollback:
        style = "" if result.rollback.complete else "red"
        _print_sentence(console, rollback_sentence(result.rollback), style)
    if result.result is not None:
        console.print(Lines(JSON.from_data(result.result, ensure_ascii=False).text), soft_wrap=True)


def print_failure(console: Console, failure: RunFailed) -> None:
    """A run that did not complete: why, and what was undone."""
    sign = "✘" if shows_unicode(console) else "x"
    _print_sentence(console, f"{sign} {failure_sentence(failure)}", "bold red")
    report = failure.result.rollback if failure.result else None
    if report:
        _print_sentence(console, rollback_sentence(report), "" if report.complete else "red")


def _print_sentence(console: Console, sentence: str, style: str) -> None:
    """On a terminal its lines end between words; elsewhere it is one line."""
    console.print(Text(sentence, style=style), soft_wrap=not console.is_terminal)


def failure_sentence(failure: RunFailed) -> str:
    """Why a run did not complete: its type, and the sentence that its failure begins with."""
    return f"{failure.failure_type}: {failure.reason}"


def rollback_sentence(report: RollbackReport) -> str:
    """`rolled back: 2 undone, 1 not needed`, with what was not undone."""
    what = TOLERATED if report.reason == TOLERATED else "rolled back"
    counts = Counter(one.outcome for one in report.entries)
    # Of very many only the first are listed, and all are counted.
    for outcome, count in ((UndoOutcome.UNDONE, report.undone), (UndoOutcome.FAILED, report.failed)):
        counts[outcome] = max(counts[outcome], count)
    parts = ", ".join(f"{count:,} {outcome.value.replace('_', ' ')}" for outcome, count in counts.items() if count)
    if not parts:
        return f"{what}: nothing had to be undone"
    left = [f"{one.action} for {one.path}" for one in report.entries if one.outcome == "failed"]
    if counts[UndoOutcome.FAILED] > len(left):
        left.append(f"and {counts[UndoOutcome.FAILED] - len(left):,} more")
    return f"{what}: {parts}" + (f"; NOT undone: {', '.join(left)}" if left else "")
