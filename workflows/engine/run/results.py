"""Builds the result object, and the answers to queries."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from itertools import chain

from temporalio import workflow

from advanced_workflow.workflows.contract import (
    PAYLOAD_LIMIT_BYTES,
    TOLERATED,
    ErrorInfo,
    Json,
    Progress,
    RollbackReport,
    RunResult,
    RunState,
    SlaResult,
    StateRequest,
    UndoOutcome,
)
from advanced_workflow.workflows.definition.model.step_type import StepStatus
from advanced_workflow.workflows.engine.state.agent_progress import agents_that_run
from advanced_workflow.workflows.engine.state.record import Record
from advanced_workflow.workflows.engine.step.context import RunContext
from advanced_workflow.workflows.engine.temporal.clock import timestamp
from advanced_workflow.workflows.errors import UnknownStep
from advanced_workflow.workflows.plain.text import shortened

MAX_RESULT_STEPS = 1000
"""Steps listed in a result; failed ones come first when there are more."""
_DATA_LIMIT_BYTES = PAYLOAD_LIMIT_BYTES // 2
_EVENTS_LIMIT_BYTES = PAYLOAD_LIMIT_BYTES // 8
"""Of the events that no step took yet, as the `state` query shows them."""


def run_result(
    run: RunContext, start_time: str, started_at: datetime, error: ErrorInfo | None, result: Json
) -> RunResult:
    """The object a run ends with, completed or not."""
    now = workflow.now()
    records = list(run.state.records.values())
    listed = sorted(records, key=lambda one: one.status is not StepStatus.FAILED)[:MAX_RESULT_STEPS]
    duration = (now - started_at).total_seconds()
    return RunResult(
        execution_id=run.execution_id,
        workflow_id=run.plan.workflow.workflow_id,
        version=run.plan.workflow.version,
        definition_sha256=run.plan.sha256,
        status=run.state.status,
        result=result,
        error=error,
        steps={one.path: _summary(one) for one in (records if len(listed) == len(records) else listed)},
        steps_left_out=sum(run.state.counts.values()) - len(listed),
        rollback=_rollback(run),
        start_time=start_time,
        end_time=timestamp(now),
        duration_seconds=duration,
        sla=_sla(run.plan.workflow.sla_targets, run.state.longest_step, run.state.counts, duration),
    )


def fitting(result: RunResult, limit: int = PAYLOAD_LIMIT_BYTES) -> dict[str, Json]:
    """The result as data, small enough to be sent; `shortened` says what it cost.

    What is least missed goes first. What failed to be undone goes last: it is all that is left to do.
    """
    # What the run and its parent read is not walked: it was measured when it was made.
    data = result.model_dump(mode="json", exclude={"result", "undo"})
    data.update(result=result.result, undo=result.undo)
    for what, shorten in _SHORTER:
        if _size(data) <= limit:
            break
        if shorten(data):
            data["shortened"].append(what)
    return data


def _drop_details(data: dict[str, Json]) -> bool:
    return any([error.pop("details", None) is not None for error in _errors(data)])


def _cut_messages(longest: int) -> Callable[[dict[str, Json]], bool]:
    def cut(data: dict[str, Json]) -> bool:
        long = [error for error in _errors(data) if len(error["message"]) > longest]
        for error in long:
            error["message"] = shortened(error["message"], longest)
        return bool(long)

    return cut


def _drop_steps(data: dict[str, Json]) -> bool:
    count = len(data["steps"])
    data["steps_left_out"] += count
    data["steps"] = {}
    return count > 0


def _drop_entries(*outcomes: UndoOutcome) -> Callable[[dict[str, Json]], bool]:
    def drop(data: dict[str, Json]) -> bool:
        report: Json = data["rollback"]
        if report is None:
            return False
        kept = [one for one in report["entries"] if one["outcome"] not in outcomes]
        dropped = len(report["entries"]) - len(kept)
        report["entries"] = kept
        report["entries_left_out"] += dropped
        return dropped > 0

    return drop


_SHORTER: tuple[tuple[str, Callable[[dict[str, Json]], bool]], ...] = (
    ("details of errors", _drop_details),
    ("messages over 1,000 characters", _cut_messages(1_000)),
    ("messages over 200 characters", _cut_messages(200)),
    ("steps", _drop_steps),
    ("entries of what was undone or needs no undo", _drop_entries(UndoOutcome.UNDONE, UndoOutcome.NOT_NEEDED)),
    ("entries of what was not undone", _drop_entries(*UndoOutcome)),
)


def _errors(data: dict[str, Json]) -> list[dict[str, Json]]:
    holders: list[Json] = [data, *data["steps"].values(), *(data["rollback"] or {"entries": []})["entries"]]
    return [holder["error"] for holder in holders if holder.get("error")]


def run_state(run: RunContext, start_time: str, deadline: datetime, request: StateRequest) -> RunState:
    """Answer of the `state` query. Raises `UnknownStep`."""
    records = [_found(run, request.step_id)] if request.step_id else list(run.state.records.values())
    variables = run.state.variables if request.include_data else {}
    data = (one.output for one in records if request.include_data and one.has_output)
    left_out = _is_over(_DATA_LIMIT_BYTES, chain((variables,), (one.notes for one in records), data))
    with_data = request.include_data and not (left_out and len(records) > 1)
    steps = [one.as_state(include_data=with_data) for one in records]
    ended = run.state.error is not None or run.approvals.ended
    unconsumed = run.events.unconsumed(_EVENTS_LIMIT_BYTES)
    return RunState(
        execution_id=run.execution_id,
        workflow_id=run.plan.workflow.workflow_id,
        version=run.plan.workflow.version,
        definition_sha256=run.plan.sha256,
        status=run.state.status,
        rerun_of=run.options.rerun.run if run.options.rerun else None,
        start_time=start_time,
        deadline=None if ended else timestamp(deadline),
        steps=steps,
        data_left_out=left_out,
        workflow={} if left_out else variables,
        output_error=run.state.output_error,
        error=run.state.error,
        rollback=_rollback(run),
        rejected_decisions=run.approvals.rejected,
        rejected_left_out=run.approvals.rejected_left_out,
        unconsumed_events=unconsumed,
        unconsumed_left_out=run.events.count - len(unconsumed),
        audit=run.state.audit.listed,
        audit_left_out=dict(run.state.audit.left_out),
        circuit_breakers=list({one.action: one for one in run.breakers.values()}.values()),
    )


def run_progress(run: RunContext) -> Progress:
    """Answer of the `progress` query."""
    counts = run.state.counts
    return Progress(
        status=run.state.status,
        total=sum(counts.values()),
        pending=counts[StepStatus.PENDING],
        running=counts[StepStatus.RUNNING],
        waiting=counts[StepStatus.WAITING],
        completed=counts[StepStatus.COMPLETED],
        failed=counts[StepStatus.FAILED],
        skipped=counts[StepStatus.SKIPPED],
        waiting_for=[
            *(f"{one.path}: {one.waiting_for}" for one in run.state.active.values() if one.waiting_for),
            *(f"{path}: an operator: {held.choices}" for path, held in run.operations.held.items()),
        ],
        agents=agents_that_run(run.state),
    )


def _rollback(run: RunContext) -> RollbackReport | None:
    """What was undone, by the run's failure, by its `rollback` steps or for a failure that was tolerated; None where nothing had to be."""
    saga = run.saga
    if run.state.error is not None:
        return saga.report(run.state.error.type)
    if saga.undone_or_failed or saga.kept:
        return saga.report("rollback step" if saga.went_back else TOLERATED)
    return None


def _found(run: RunContext, step_id: str) -> Record:
    record = run.state.find(step_id)
    if record is None:
        raise UnknownStep(f"no step {step_id!r} in this run; the 'state' query without an argument lists its steps.")
    return record


def _is_over(limit: int, values: Iterable[Json]) -> bool:
    """Whether values take more bytes together; those after the one that says so are not looked at, however many and large they are."""
    for value in values:
        limit -= _size(value)
        if limit < 0:
            return True
    return False


def _size(value: Json) -> int:
    return len(json.dumps(value))


def _summary(record: Record) -> dict[str, Json]:
    summary: dict[str, Json] = {"status": record.status.value}
    optional = {
        "start_time": record.start_time,
        "end_time": record.end_time,
        "skip_reason": record.skip_reason.value if record.skip_reason else None,
        "error": record.error.model_dump(mode="json", exclude_none=True) if record.error else None,
        "recovered": record.recovered or None,
        "retry_count": record.retry_count or None,
        "tolerated": record.notes.get("tolerated"),
    }
    summary.update({name: value for name, value in optional.items() if value is not None})
    return summary


def _sla(
    targets: Mapping[str, Json], longest_step: float, counts: Mapping[StepStatus, int], duration: float
) -> dict[str, SlaResult]:
    if not targets:
        return {}
    ran = counts[StepStatus.COMPLETED] + counts[StepStatus.FAILED]
    measured = {
        "max_execution_time": (duration, True),
        "max_step_time": (longest_step, True),
        "min_success_rate": (counts[StepStatus.COMPLETED] / ran if ran else 1.0, False),
    }
    return {
        name: SlaResult(
            target=targets[name], actual=actual, met=actual <= targets[name] if upper else actual >= targets[name]
        )
        for name, (actual, upper) in measured.items()
        if isinstance(targets.get(name), int | float)
    }
