"""How a step's end is noted: its record, the counts, what people see, traces and metrics."""

from __future__ import annotations

from temporalio import workflow

from advanced_workflow.workflows.contract import ErrorInfo, SkipReason
from advanced_workflow.workflows.definition.model.step_type import StepStatus
from advanced_workflow.workflows.engine.graph.scheduler import Outcome, Settled
from advanced_workflow.workflows.engine.state.record import Record
from advanced_workflow.workflows.engine.step.context import RunContext
from advanced_workflow.workflows.engine.step.failures import CANCELLED
from advanced_workflow.workflows.engine.temporal.clock import timestamp


def settle(run: RunContext, record: Record, status: StepStatus, error: ErrorInfo | None) -> None:
    """Note that a step completed or failed; error handlers may still run for it."""
    record.error = error
    record.end_time = timestamp()
    record.waiting_for = None
    run.state.change(record, status)
    run.budget.settled()
    run.display.settled(record)
    run.telemetry.step_ended(record)
    # What ends with a run is no failure of its own: thousands of steps may end so at once.
    failed = status is StepStatus.FAILED and (error is None or error.type != CANCELLED)
    if failed and error is not None:
        told = f"{error.type}: {error.message}"
        workflow.logger.warning("step %s failed: %s", record.path, told, extra={"step": record.path})
    else:
        workflow.logger.debug("step %s is %s", record.path, status.value, extra={"step": record.path})


def skip(run: RunContext, record: Record, reason: SkipReason) -> Settled:
    """Note that a step is skipped, before it began or while it waited; nothing more follows."""
    record.end_time = timestamp()
    run.state.skip(record, reason)
    record.closed = True
    run.budget.settled()
    run.display.settled(record)
    run.telemetry.step_skipped(record)
    # A conditional step that was skipped has routed to nobody, unless an operator said where to.
    if reason is not SkipReason.BY_OPERATOR or record.routed is None:
        record.routed = frozenset()
    return Settled(Outcome.SKIPPED, record.routed, reason)
