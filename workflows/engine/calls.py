"""Calls actions: a step's, and the undo actions of a rollback."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from temporalio import workflow
from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue, RetryPolicy
from temporalio.exceptions import ActivityError

from workflows.contract import HEADER_EXECUTION, HEADER_RETRY, ErrorInfo, Json, RetryDelay
from workflows.definition.policies import BackoffStrategy
from workflows.engine.context import RunContext, StepContext
from workflows.engine.failures import failure_of_activity
from workflows.engine.interceptor import ActivityHeaders, activity_headers
from workflows.engine.payloads import decode, encode
from workflows.engine.saga import UndoCall
from workflows.engine.scope import scope_of
from workflows.engine.step_plan import Retries, StepPlan
from workflows.engine.tracing import TRACE_HEADER
from workflows.errors import WorkflowError

DEFAULT_QUEUE_TIMEOUT = timedelta(seconds=300)
"""For a capability's queue, which may have no worker at all."""
UNDO_RETRIES = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=60))


async def call_action(step: StepContext, arguments: list[RawValue]) -> Json:
    """Run the step's action as an activity named like it, with the step's path as id. Raises ActivityError, DataInvalid."""
    plan = step.plan.step
    retries = step.plan.retries
    token = activity_headers.set(_headers(step.run, step.path, retries))
    try:
        handle = workflow.start_activity(
            plan.action or "",
            args=arguments,
            activity_id=step.path,
            summary=plan.label,
            task_queue=plan.agent_capability,
            result_type=RawValue,
            start_to_close_timeout=timedelta(seconds=plan.timeout),
            schedule_to_close_timeout=_seconds(plan.total_timeout),
            schedule_to_start_timeout=_queue_timeout(step.plan),
            heartbeat_timeout=_seconds(plan.heartbeat_timeout),
            retry_policy=temporal_policy(retries),
            cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        )
    finally:
        activity_headers.reset(token)
    return decode(await handle, f"the result of action {plan.action!r}")


async def call_undo(run: RunContext, undo: UndoCall, parent: str = "") -> ErrorInfo | None:
    """Run one undo action; gives its error when it failed for good, and never raises one.

    `parent` is the path of the `rollback` step that asks for it.
    """
    run.telemetry.undo_started(undo, parent)
    error = await _undo(run, undo)
    run.telemetry.undo_ended(undo, error)
    return error


async def _undo(run: RunContext, undo: UndoCall) -> ErrorInfo | None:
    try:
        value = _undo_input(run, undo)
        argument = encode(value, f"the input of undo action {undo.action!r} of step {undo.armed.path!r}")
        async with run.slots.hold():
            await run.budget.reserve(len(argument.payload.data))
            await _start_undo(run, undo, argument)
    except WorkflowError as error:
        return ErrorInfo(type=error.code, message=str(error), path=undo.armed.path)
    except ActivityError as error:
        return failure_of_activity(error, undo.action).error
    return None


def _start_undo(run: RunContext, undo: UndoCall, argument: RawValue) -> workflow.ActivityHandle[RawValue]:
    step = undo.armed.plan.step
    token = activity_headers.set(_headers(run, undo.activity_id, None))
    try:
        return workflow.start_activity(
            undo.action,
            args=[argument],
            activity_id=undo.activity_id,
            summary=f"undo {step.label}",
            task_queue=step.agent_capability,
            result_type=RawValue,
            start_to_close_timeout=timedelta(seconds=step.timeout),
            schedule_to_close_timeout=timedelta(seconds=step.rollback_timeout),
            heartbeat_timeout=_seconds(step.heartbeat_timeout),
            retry_policy=UNDO_RETRIES,
            cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        )
    finally:
        activity_headers.reset(token)


def is_being_cancelled() -> bool:
    """Whether somebody asked the current task to end."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def temporal_policy(retries: Retries) -> RetryPolicy:
    """The server's share of a retry policy. For `linear` it holds the fixed delay that workers of other SDKs fall back to."""
    grows = retries.strategy is BackoffStrategy.EXPONENTIAL
    delay = timedelta(seconds=retries.delay)
    return RetryPolicy(
        initial_interval=delay,
        backoff_coefficient=retries.multiplier if grows else 1.0,
        maximum_interval=max(delay, timedelta(seconds=retries.max_delay)),
        maximum_attempts=retries.max_attempts,
        non_retryable_error_types=list(retries.non_retryable) or None,
    )


def _headers(run: RunContext, activity_id: str, retries: Retries | None) -> ActivityHeaders | None:
    values: dict[str, Payload] = {}
    trace = run.telemetry.header(activity_id)
    if trace is not None:
        values[TRACE_HEADER] = trace
    if run.execution_id != run.run_id:
        values[HEADER_EXECUTION] = encode(run.execution_id, HEADER_EXECUTION).payload
    if retries is not None and (retries.strategy is BackoffStrategy.LINEAR or retries.jitter):
        delay = RetryDelay(
            strategy=retries.strategy.value,
            delay=retries.delay,
            multiplier=retries.multiplier,
            max_delay=retries.max_delay,
            jitter=retries.jitter,
        )
        values[HEADER_RETRY] = encode(delay.model_dump(), HEADER_RETRY).payload
    return ActivityHeaders(values) if values else None


def _undo_input(run: RunContext, undo: UndoCall) -> Json:
    template = undo.armed.plan.undo_input
    if template is None:
        return undo.armed.undo_input()
    return template.evaluate(scope_of(run.state, result=undo.armed.output))


def _queue_timeout(plan: StepPlan) -> timedelta | None:
    if plan.step.queue_timeout is not None:
        return timedelta(seconds=plan.step.queue_timeout)
    return DEFAULT_QUEUE_TIMEOUT if plan.step.agent_capability else None


def _seconds(value: float | None) -> timedelta | None:
    return None if value is None else timedelta(seconds=value)
