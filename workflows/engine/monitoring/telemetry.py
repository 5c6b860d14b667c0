"""What a run tells traces and metrics. Nothing is told twice when it replays, and nothing is built where nobody listens."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from temporalio import workflow
from temporalio.common import MetricHistogramFloat, MetricMeter

from advanced_workflow.workflows.contract import ErrorInfo, Json, RunResult
from advanced_workflow.workflows.contract.gen_ai import RUN_WITH_AGENTS_SECONDS
from advanced_workflow.workflows.contract.paths import StepPath
from advanced_workflow.workflows.definition.model.step_type import StepStatus
from advanced_workflow.workflows.engine.monitoring.gen_ai import (
    attributes_of,
    labels_of,
    labels_of_run,
    metric_of,
    span_name,
)
from advanced_workflow.workflows.engine.monitoring.tracing import (
    Attributes,
    Trace,
    begin_trace,
    extern_functions,
    take_up_trace,
)

if TYPE_CHECKING:
    from temporalio.api.common.v1 import Payload

    from advanced_workflow.workflows.engine.graph.plan import Plan
    from advanced_workflow.workflows.engine.state.record import Record
    from advanced_workflow.workflows.engine.undo.action import UndoAction

METRICS_WANTED = "adw_metrics_wanted"
"""Extern function of a worker that exports metrics."""

RUN_STARTED = "adw_run_started"
RUN_ENDED = "adw_run_ended"
RUN_SECONDS = "adw_run_duration_seconds"
STEP_ENDED = "adw_step_ended"
STEP_SECONDS = "adw_step_duration_seconds"
STEP_RETRIED = "adw_step_retried"
UNDO_ENDED = "adw_undo_ended"
SLA_MISSED = "adw_sla_missed"
RUNS_WAITING = "adw_runs_waiting"
RUNS_FAULTY = "adw_runs_faulty"
DECISIONS = "adw_orchestration_decisions"
COMPLEXITY = "adw_orchestration_complexity"
DECISION_EVENT = "adw.orchestration.decision"
"""Event of an orchestrator's span for each of its decisions."""
CUSTOM_PREFIX = "adw_custom_"

_NS = 1_000_000_000


def custom_metric_name(name: str) -> str:
    """What a `custom_metrics` entry is called among the metrics."""
    return CUSTOM_PREFIX + re.sub("[^A-Za-z0-9_]", "_", name)


class RunMetrics:
    """The metrics of one run. Temporal's own labels come with each: namespace, task queue and workflow type."""

    def __init__(self, meter: MetricMeter) -> None:
        """`meter` is the run's own, which is silent while it replays."""
        self._meter = meter
        self._run_started = meter.create_counter(RUN_STARTED, "Runs that began.")
        self._run_ended = meter.create_counter(RUN_ENDED, "Runs that ended, by status.")
        self._run_seconds = meter.create_histogram_float(RUN_SECONDS, "Duration of runs.", "s")
        self._step_ended = meter.create_counter(STEP_ENDED, "Steps that settled, by step and status.")
        self._step_seconds = meter.create_histogram_float(STEP_SECONDS, "Duration of steps that ran.", "s")
        self._undo_ended = meter.create_counter(UNDO_ENDED, "Undo actions, by step and outcome.")
        self._sla_missed = meter.create_counter(SLA_MISSED, "Runs that missed an SLA target, by target.")
        self._made: dict[str, MetricHistogramFloat] = {}

    def run_started(self) -> None:
        """Count the run."""
        self._run_started.add(1)

    def run_ended(self, result: RunResult, plan: Plan) -> None:
        """Count the run's end and the targets it missed."""
        status = {"status": result.status.value}
        if any(one.step.agent is not None for one in plan.steps.values()):
            labels = labels_of_run(result)
            self._histogram(RUN_WITH_AGENTS_SECONDS, "Duration of runs with agents.").record(
                result.duration_seconds, labels
            )
        self._run_ended.add(1, status)
        self._run_seconds.record(result.duration_seconds, status)
        for target, measured in result.sla.items():
            if not measured.met:
                self._sla_missed.add(1, {"target": target})

    def step_ended(self, record: Record, seconds: float | None) -> None:
        """Count a settled step; a skipped one that never ran has no duration."""
        labels = {"step": record.plan.step_id, "status": record.status.value}
        self._step_ended.add(1, labels)
        if seconds is not None:
            self._step_seconds.record(seconds, labels)
        metric = metric_of(record.plan)
        if metric is not None and seconds is not None:
            self._histogram(metric, "Duration of agents and of their calls of tools.").record(
                seconds, labels_of(record)
            )
        if record.status is StepStatus.COMPLETED and isinstance(record.output, dict):
            self._record_custom(record.plan.step_id, record.plan.step.custom_metrics, cast("Json", record.output))

    def decided(self, step_id: str, decision: Mapping[str, Json]) -> None:
        """Count a decision of an orchestrator."""
        counter = self._meter.create_counter(DECISIONS, "Decisions of orchestrators, by step and strategy.")
        counter.add(1, {"step": step_id, "strategy": decision["strategy"]})
        complexity = self._meter.create_histogram_float(
            COMPLEXITY, "Complexity of tasks at decisions of orchestrators."
        )
        complexity.record(decision["complexity_score"], {"step": step_id, "strategy": decision["strategy"]})

    def undo_ended(self, undo: UndoAction, error: ErrorInfo | None) -> None:
        """Count an undo action."""
        self._undo_ended.add(1, {"step": undo.plan.step_id, "outcome": "failed" if error else "undone"})

    def _record_custom(self, step_id: str, names: tuple[str, ...], output: dict[str, Json]) -> None:
        for name in names:
            value = output.get(name)
            if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
                metric = self._histogram(custom_metric_name(name), f"{name!r} in the output of steps.", None)
                metric.record(value, {"step": step_id})

    def _histogram(self, name: str, description: str, unit: str | None = "s") -> MetricHistogramFloat:
        metric = self._made.get(name)
        if metric is None:
            metric = self._made[name] = self._meter.create_histogram_float(name, description, unit)
        return metric


class RunTelemetry:
    """Hears what happens in a run and hands it to its trace and its metrics."""

    def __init__(self, execution_id: str, trace: Trace | None, metrics: RunMetrics | None) -> None:
        """Where both of the latter are None every call returns at once."""
        self._execution_id = execution_id
        self._trace = trace
        self._metrics = metrics
        self._on = trace is not None or metrics is not None
        self._started: dict[str, int] = {}

    def dump(self) -> dict[str, Json]:
        """What a run carries on when it continues as new."""
        return {"started": self._started, "trace": self._trace.dump() if self._trace else None}

    def run_started(self) -> None:
        """The run begins."""
        if self._metrics is not None:
            self._metrics.run_started()

    def take_up(self, started: dict[str, int]) -> None:
        """Continue with steps that were under way."""
        self._started = started

    def step_started(self, record: Record) -> None:
        """A step begins, or is taken up again; waiting for a free slot counts as its time."""
        if not self._on or record.path in self._started:
            return
        now = self._started[record.path] = workflow.time_ns()
        if self._trace is not None:
            self._trace.open(record.path, span_name(record.plan), now, record.path.container)

    def step_ended(self, record: Record) -> None:
        """A step settled. Recovering later from a failure is not a second end."""
        if not self._on:
            return
        started = self._started.pop(record.path, None)
        if started is None:
            return
        now = workflow.time_ns()
        if self._trace is not None:
            self._trace.close(record.path, now, self._of(record), record.error.type if record.error else None)
        if self._metrics is not None and record.plan.step.metrics_enabled:
            self._metrics.step_ended(record, (now - started) / _NS)

    def step_skipped(self, record: Record) -> None:
        """A step was skipped, maybe while it waited."""
        if not self._on:
            return
        if record.path in self._started:
            self.step_ended(record)
            return
        if self._trace is not None:
            now = workflow.time_ns()
            self._trace.open(record.path, span_name(record.plan), now, record.path.container)
            self._trace.close(record.path, now, self._of(record), None)
        if self._metrics is not None and record.plan.step.metrics_enabled:
            self._metrics.step_ended(record, None)

    def decided(self, path: str, step_id: str, decision: Mapping[str, Json]) -> None:
        """An orchestrator decided what it does next."""
        if self._trace is not None:
            attributes = {
                f"adw.{name}": value for name, value in decision.items() if isinstance(value, str | int | float)
            }
            left: Mapping[str, Json] = decision["budget_left"]
            attributes.update({f"adw.budget_left.{name}": value for name, value in left.items()})
            self._trace.add_event(path, DECISION_EVENT, workflow.time_ns(), attributes)
        if self._metrics is not None:
            self._metrics.decided(step_id, decision)

    def undo_started(self, undo: UndoAction, parent: str) -> None:
        """An undo action begins; `parent` is the path of the `rollback` step it is for, or empty."""
        if self._trace is not None:
            self._trace.open(undo.activity_id, f"undo {undo.plan.step_id}", workflow.time_ns(), parent)

    def undo_ended(self, undo: UndoAction, error: ErrorInfo | None) -> None:
        """An undo action ended for good."""
        if self._trace is not None:
            attributes = {"adw.path": undo.armed.path, "adw.action": undo.action}
            self._trace.close(undo.activity_id, workflow.time_ns(), attributes, error.type if error else None)
        if self._metrics is not None:
            self._metrics.undo_ended(undo, error)

    def run_ended(self, result: RunResult, plan: Plan) -> None:
        """The run ends with this result."""
        if self._trace is not None:
            attributes = {
                "adw.workflow_id": result.workflow_id,
                "adw.version": result.version,
                "adw.status": result.status.value,
            }
            self._trace.close("", workflow.time_ns(), attributes, result.error.type if result.error else None)
        if self._metrics is not None:
            self._metrics.run_ended(result, plan)

    def header(self, activity_id: str) -> Payload | None:
        """The trace header of an activity: that of its step, or of what is around it where it is not a step (a model's call, a round)."""
        if self._trace is None:
            return None
        owners = reversed(list(StepPath(activity_id).owners))
        return next((found for one in owners if (found := self._trace.header(one)) is not None), None)

    def _of(self, record: Record) -> Attributes:
        return {**_attributes(record), **attributes_of(record, self._execution_id)}


def begin_telemetry(workflow_id: str, execution_id: str, carried: Mapping[str, Json] | None = None) -> RunTelemetry:
    """What the worker wants to hear about the current run, which begins, or continues with what it `carried`."""
    metrics = RunMetrics(workflow.metric_meter()) if METRICS_WANTED in extern_functions() else None
    if carried is None:
        telemetry = RunTelemetry(execution_id, begin_trace(f"run {workflow_id}"), metrics)
        telemetry.run_started()
        return telemetry
    telemetry = RunTelemetry(execution_id, take_up_trace(carried["trace"]), metrics)
    telemetry.take_up(carried["started"])
    return telemetry


def _attributes(record: Record) -> dict[str, str | int]:
    attributes: dict[str, str | int] = {
        "adw.path": record.path,
        "adw.step_id": record.plan.step_id,
        "adw.step_type": record.plan.step.step_type.value,
        "adw.status": record.status.value,
    }
    if record.plan.step.action:
        attributes["adw.action"] = record.plan.step.action
    if record.skip_reason:
        attributes["adw.skip_reason"] = record.skip_reason.value
    if record.retry_count:
        attributes["adw.retry"] = record.retry_count
    return attributes
