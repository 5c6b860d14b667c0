"""The run's state: the only mutable place of the engine."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from workflows.contract import AuditEntry, ErrorInfo, Json, RunStatus, SkipReason, StepState
from workflows.definition.models import StepStatus
from workflows.engine.plan import Plan
from workflows.engine.step_plan import StepPlan


@dataclass(slots=True)
class Record:
    """What happened to one step of the run. Times are RFC 3339 in UTC."""

    plan: StepPlan
    path: str
    status: StepStatus = StepStatus.PENDING
    start_time: str | None = None
    end_time: str | None = None
    output: Json = None
    has_output: bool = False
    notes: dict[str, Json] = field(default_factory=dict)
    error: ErrorInfo | None = None
    routed: frozenset[str] | None = None
    retry_count: int = 0
    recovered: bool = False
    skip_reason: SkipReason | None = None
    waiting_for: str | None = None

    def as_state(self, *, include_data: bool = True) -> StepState:
        """The record under the names that callers know."""
        data: dict[str, Json] = dict(self.notes)
        if include_data and self.has_output:
            data["output"] = self.output
        return StepState(
            path=self.path,
            step_id=self.plan.step_id,
            name=self.plan.step.label,
            step_type=self.plan.step.step_type,
            status=self.status,
            start_time=self.start_time,
            end_time=self.end_time,
            execution_data=data,
            error_info=self.error,
            retry_count=self.retry_count,
            recovered=self.recovered,
            skip_reason=self.skip_reason,
            waiting_for=self.waiting_for,
        )


class RunState:
    """Step records, variables and counts of one run."""

    def __init__(self, plan: Plan, input_data: Json, run_info: Mapping[str, Json]) -> None:
        """Start with the definition's variables and every static step pending."""
        self.plan = plan
        self.input_data = input_data
        self.run_info = run_info
        self.variables: dict[str, Json] = copy.deepcopy(dict(plan.workflow.global_variables))
        self.status = RunStatus.RUNNING
        self.error: ErrorInfo | None = None
        self.audit: list[AuditEntry] = []
        self.records: dict[str, Record] = {}
        self.counts: dict[StepStatus, int] = dict.fromkeys(StepStatus, 0)
        self.active: dict[str, Record] = {}
        for path, step in static_steps(plan):
            self.open(path, step)

    def open(self, path: str, plan: StepPlan) -> Record:
        """Give the record of a path, pending if it is new."""
        record = self.records.get(path)
        if record is None:
            record = self.records[path] = Record(plan, path)
            self.counts[StepStatus.PENDING] += 1
        return record

    def change(self, record: Record, status: StepStatus) -> None:
        """Move a record to a status; counts and the set of active steps follow."""
        self.counts[record.status] -= 1
        self.counts[status] += 1
        record.status = status
        if status in (StepStatus.RUNNING, StepStatus.WAITING):
            self.active[record.path] = record
        else:
            self.active.pop(record.path, None)

    def skip(self, record: Record, reason: SkipReason) -> None:
        """Settle a record as skipped."""
        record.skip_reason = reason
        record.waiting_for = None
        self.change(record, StepStatus.SKIPPED)

    def reset(self, record: Record) -> None:
        """Forget what a step came to, so that it can run again."""
        record.start_time = record.end_time = record.output = record.error = record.routed = None
        record.skip_reason = record.waiting_for = None
        record.has_output = record.recovered = False
        record.notes.clear()
        self.change(record, StepStatus.PENDING)

    def mirror(self, source: Record, target: Record) -> None:
        """Show one record's end under another path."""
        target.start_time, target.end_time = source.start_time, source.end_time
        target.output, target.has_output, target.error = source.output, source.has_output, source.error
        target.skip_reason, target.routed = source.skip_reason, source.routed
        self.change(target, source.status)

    def find(self, name: str) -> Record | None:
        """The record of a path, or of a step id whose path is its place in the definition."""
        record = self.records.get(name)
        if record is None and name in self.plan.steps:
            record = self.records.get(static_path(self.plan.steps[name]))
        return record


def static_path(plan: StepPlan) -> str:
    """A step's path where nothing around it runs more than once."""
    return ".".join((*plan.containers, plan.step_id))


def static_steps(plan: Plan) -> Iterator[tuple[str, StepPlan]]:
    """Every step with its static path, in definition order."""
    for step in plan.steps.values():
        yield static_path(step), step
