"""Builds the result object, and the answers to queries."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime

from temporalio import workflow

from advanced_workflow.workflows.contract import (
    PAYLOAD_LIMIT_BYTES,
    ErrorInfo,
    Json,
    Progress,
    RollbackReport,
    RunResult,
    RunState,
    SlaResult,
    StateRequest,
)
from advanced_workflow.workflows.definition.model.step_type import StepStatus
from advanced_workflow.workflows.engine.state.record import Record
from advanced_workflow.workflows.engine.step.context import RunContext
from advanced_workflow.workflows.engine.temporal.clock import timestamp
from advanced_workflow.workflows.errors import UnknownStep

MAX_RESULT_STEPS = 1000
"""Steps listed in a result; failed ones come first when there are more."""
_DATA_LIMIT_BYTES = PAYLOAD_LIMIT_BYTES // 2


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
    """The result as data, small enough to be sent: error details go first, then the list of steps."""
    data = result.model_dump(mode="json")
    if _size(data) > limit:
        _drop_details(data)
    if _size(data) > limit:
        data["steps_left_out"] += len(data["steps"])
        data["steps"] = {}
    return data


def _drop_details(data: dict[str, Json]) -> None:
    holders: list[Json] = [data, *data["steps"].values(), *(data["rollback"] or {"entries": []})["entries"]]
    for holder in holders:
        if holder.get("error"):
            holder["error"].pop("details", None)


def run_state(run: RunContext, start_time: str, deadline: datetime, request: StateRequest) -> RunState:
    """Answer of the `state` query. Raises `UnknownStep`."""
    records = [_found(run, request.step_id)] if request.step_id else list(run.state.records.values())
    steps = [one.as_state(include_data=request.include_data) for one in records]
    variables = run.state.variables if request.include_data else {}
    left_out = _size([one.execution_data for one in steps]) + _size(variables) > _DATA_LIMIT_BYTES
    if left_out and len(records) > 1:
        steps = [one.as_state(include_data=False) for one in records]
    ended = run.state.error is not None or run.approvals.ended
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
        unconsumed_events=run.events.unconsumed(),
        audit=run.state.audit,
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
    )


def _rollback(run: RunContext) -> RollbackReport | None:
    """What was undone, by the run's failure or by its `rollback` steps; None where nothing had to be."""
    if run.state.error is None and not run.saga.entries:
        return None
    return run.saga.report(run.state.error.type if run.state.error else "rollback step")


def _found(run: RunContext, step_id: str) -> Record:
    record = run.state.find(step_id)
    if record is None:
        raise UnknownStep(f"no step {step_id!r} in this run; the 'state' query without an argument lists its steps.")
    return record


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
