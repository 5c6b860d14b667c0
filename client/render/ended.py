"""The steps of a run that has ended, by what it ended with: needs no worker."""

from __future__ import annotations

from typing import Any

from advanced_workflow.client.render.notes import error_sentence, tolerated_note
from advanced_workflow.client.render.rows import StepRow, word_at_end
from advanced_workflow.client.render.symbols import words
from advanced_workflow.client.render.times import parse_time, seconds_between
from advanced_workflow.workflows.contract import ErrorInfo, RunResult
from advanced_workflow.workflows.contract.paths import StepPath
from advanced_workflow.workflows.definition.model.step_type import StepStatus


def rows_of_result(result: RunResult | None) -> list[StepRow]:
    """Its steps in the order in which they began, those that never did last."""
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
    return StepRow(path, StepPath(path).depth, step_id, step_id, status, seconds, note=note, word=word_at_end(status))
