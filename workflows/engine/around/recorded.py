"""A step's beginning and end in its record, in the trace and in the metrics."""

from __future__ import annotations

import asyncio

from advanced_workflow.workflows.contract import ErrorInfo
from advanced_workflow.workflows.definition.model.step_type import StepStatus
from advanced_workflow.workflows.engine.around.resumed import RUN_CODE
from advanced_workflow.workflows.engine.step.context import Done, RunStep, StepContext
from advanced_workflow.workflows.engine.step.failures import CANCELLED, StepFailure
from advanced_workflow.workflows.engine.step.settling import settle
from advanced_workflow.workflows.engine.temporal.clock import timestamp


async def recorded(step: StepContext, inner: RunStep) -> Done:
    """Note when the step begins, and how it ends; a step that is skipped is noted by whoever asked for it."""
    run, record = step.run, step.record
    record.start_time = record.start_time or timestamp()
    run.telemetry.step_started(record)
    try:
        done = await inner(step)
    except StepFailure as failure:
        failure.error.step_id = record.plan.step_id
        failure.error.path = record.path
        record.cursor[RUN_CODE] = failure.run_code
        settle(run, record, StepStatus.FAILED, failure.error)
        raise
    except asyncio.CancelledError:
        if record.status is not StepStatus.PENDING and run.withdrawals.reason(record.path) is None:
            message = f"step {record.path!r} was cancelled because the run is ending."
            error = ErrorInfo(type=CANCELLED, message=message, step_id=record.plan.step_id, path=record.path)
            settle(run, record, StepStatus.FAILED, error)
        raise
    settle(run, record, StepStatus.COMPLETED, None)
    return done
