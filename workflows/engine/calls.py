"""Calls actions: a step's, and the undo actions of a rollback."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from temporalio import workflow
from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue, RetryPolicy
from temporalio.exceptions import ActivityError, FailureError

from workflows.contract import (
    HEADER_BREAKER,
    HEADER_EXECUTION,
    HEADER_RETRY,
    BreakerPolicy,
    ErrorInfo,
    Json,
    RetryDelay,
)
from workflows.definition.local_rules import LONGEST_ATTEMPT_SECONDS
from workflows.definition.policies import BackoffStrategy
from workflows.engine.breakers import circuit_refusal, wait_for_breaker
from workflows.engine.context import RunContext, StepContext
from workflows.engine.failures import failure_of_activity
from workflows.engine.interceptor import ActivityHeaders, activity_headers
from workflows.engine.payloads import decode, encode
from workflows.engine.saga import UndoCall
from workflows.engine.scope import scope_of
from workflows.engine.state import root_frame
from workflows.engine.step_plan import Retries, StepPlan
from workflows.engine.task_budget import LOCAL_STEPS
from workflows.engine.tracing import TRACE_HEADER
from workflows.errors import WorkflowError

DEFAULT_QUEUE_TIMEOUT = timedelta(seconds=300)
"""For a capability's queue, which may have no worker at all."""
LOCAL_TIMEOUT = timedelta(seconds=LONGEST_ATTEMPT_SECONDS)
REGULAR_EVENTS = 3
"""Events of an action: scheduled, started, completed."""
LOCAL_EVENTS = 1
"""Its marker."""
_NUMBERS = re.compile(r"\[\d+\]|#\d+")
UNDO_RETRIES = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=60))


@dataclass(frozen=True, slots=True)
class ActionCall:
    """One action to call for a step; `path` is its activity id."""

    step: StepContext
    action: str
    path: str
    build: Callable[[], list[RawValue]]
    """Builds the arguments, once a slot is free: steps that wait for one hold no copy of their input."""
    begin: Callable[[], None]
    """Called just before the activity is scheduled."""


async def call_action(call: ActionCall) -> Json:
    """Run an action as an activity named like it. Raises ActivityError (a local one: any FailureError), DataInvalid.

    Where its circuit breaker is open the call waits, without holding a slot, and attempts that did not call the action do not
    count.
    """
    step, arguments = call.step, None
    left = step.plan.retries.max_attempts - step.record.cursor.get("attempts", 0)
    while True:
        try:
            async with step.run.slots.hold():
                arguments = call.build() if arguments is None else arguments
                output = await _call_once(call, arguments, left)
            step.record.cursor.pop("attempts", None)  # The next round of a loop has all of its attempts.
            return output
        except ActivityError as error:
            refusal = circuit_refusal(error)
            if refusal is None or is_being_cancelled():
                raise
            left -= refusal.attempts_used
            step.record.cursor["attempts"] = step.plan.retries.max_attempts - left
            await wait_for_breaker(step, call.action, refusal.retry_after)


async def _call_once(call: ActionCall, arguments: list[RawValue], attempts: int) -> Json:
    run = call.step.run
    await run.budget.reserve(sum(len(one.payload.data) for one in arguments))
    async with run.continuation.flight(LOCAL_EVENTS if _is_local(call) else REGULAR_EVENTS):
        call.begin()
        if not _is_local(call):
            return decode(await _start(call, arguments, attempts), f"the result of action {call.action!r}")
        run.budget.settled(LOCAL_STEPS)
        return decode(await _start_local(call, arguments, attempts), f"the result of action {call.action!r}")


def _is_local(call: ActionCall) -> bool:
    return call.step.plan.step.execution == "local"


def _start(call: ActionCall, arguments: list[RawValue], attempts: int) -> workflow.ActivityHandle[RawValue]:
    plan, retries = call.step.plan.step, call.step.plan.retries
    token = activity_headers.set(_headers(call.step.run, call.path, retries))
    try:
        return workflow.start_activity(
            call.action,
            args=arguments,
            activity_id=call.path,
            summary=summary_of(plan.label, call.path),
            task_queue=plan.agent_capability,
            result_type=RawValue,
            start_to_close_timeout=timedelta(seconds=plan.timeout),
            schedule_to_close_timeout=_seconds(plan.total_timeout),
            schedule_to_start_timeout=_queue_timeout(call.step.plan),
            heartbeat_timeout=_seconds(plan.heartbeat_timeout),
            retry_policy=temporal_policy(retries, attempts),
            cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        )
    finally:
        activity_headers.reset(token)


def _start_local(call: ActionCall, arguments: list[RawValue], attempts: int) -> workflow.ActivityHandle[RawValue]:
    plan = call.step.plan.step
    token = activity_headers.set(_headers(call.step.run, call.path, None))
    try:
        return workflow.start_local_activity(
            call.action,
            args=arguments,
            activity_id=call.path,
            summary=summary_of(plan.label, call.path),
            result_type=RawValue,
            start_to_close_timeout=min(timedelta(seconds=plan.timeout), LOCAL_TIMEOUT),
            schedule_to_close_timeout=_seconds(plan.total_timeout),
            retry_policy=temporal_policy(call.step.plan.retries, attempts),
            cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        )
    finally:
        activity_headers.reset(token)


async def call_undo(run: RunContext, undo: UndoCall, parent: str = "") -> ErrorInfo | None:
    """Run one undo action; gives its error when it failed for good, and never raises one.

    `parent` is the path of the `rollback` step that asks for it.
    """
    try:
        value = _undo_input(run, undo)
        what = f"the input of undo action {undo.action!r} of step {undo.armed.path!r}"
        argument = encode(value, what, run.prepared.payload_limit)
        async with run.slots.hold():
            await run.budget.breathe()
            await run.budget.reserve(len(argument.payload.data))
            async with run.continuation.flight(REGULAR_EVENTS, undo=True):
                run.telemetry.undo_started(undo, parent)
                error = await _undone(run, undo, argument)
    except WorkflowError as error:
        return ErrorInfo(type=error.code, message=str(error), path=undo.armed.path)
    run.telemetry.undo_ended(undo, error)
    return error


async def _undone(run: RunContext, undo: UndoCall, argument: RawValue) -> ErrorInfo | None:
    if undo.plan.step.execution == "local":
        # One attempt beside the run is as fast as the step was; what it does not settle is retried as for other steps.
        run.budget.settled(LOCAL_STEPS)
        with contextlib.suppress(FailureError):
            await _start_local_undo(run, undo, argument)
            return None
    try:
        await _start_undo(run, undo, argument)
    except ActivityError as error:
        return failure_of_activity(error, undo.action).error
    return None


def _start_undo(run: RunContext, undo: UndoCall, argument: RawValue) -> workflow.ActivityHandle[RawValue]:
    step = undo.plan.step
    token = activity_headers.set(_headers(run, undo.activity_id, None))
    try:
        return workflow.start_activity(
            undo.action,
            args=[argument],
            activity_id=undo.activity_id,
            summary=summary_of(f"undo {step.label}", undo.armed.path),
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


def _start_local_undo(run: RunContext, undo: UndoCall, argument: RawValue) -> workflow.ActivityHandle[RawValue]:
    token = activity_headers.set(_headers(run, undo.activity_id, None))
    try:
        return workflow.start_local_activity(
            undo.action,
            args=[argument],
            activity_id=undo.activity_id,
            summary=summary_of(f"undo {undo.plan.step.label}", undo.armed.path),
            result_type=RawValue,
            start_to_close_timeout=min(timedelta(seconds=undo.plan.step.timeout), LOCAL_TIMEOUT),
            retry_policy=RetryPolicy(maximum_attempts=1),
            cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        )
    finally:
        activity_headers.reset(token)


def summary_of(label: str, path: str) -> str:
    """What people read in the history: the step's name, with the numbers of the rounds and copies it is in."""
    numbers = "".join(_NUMBERS.findall(path))
    return f"{label} {numbers}" if numbers else label


def is_being_cancelled() -> bool:
    """Whether somebody asked the current task to end."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def temporal_policy(retries: Retries, attempts: int) -> RetryPolicy:
    """The server's share of a retry policy. For `linear` it holds the fixed delay that workers of other SDKs fall back to."""
    grows = retries.strategy is BackoffStrategy.EXPONENTIAL
    delay = timedelta(seconds=retries.delay)
    return RetryPolicy(
        initial_interval=delay,
        backoff_coefficient=retries.multiplier if grows else 1.0,
        maximum_interval=max(delay, timedelta(seconds=retries.max_delay)),
        maximum_attempts=max(attempts, 1),
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
    if retries is not None and retries.breaker is not None:
        policy = BreakerPolicy(failure_threshold=retries.breaker.failure_threshold, timeout=retries.breaker.timeout)
        values[HEADER_BREAKER] = encode(policy.model_dump(), HEADER_BREAKER).payload
    return ActivityHeaders(values) if values else None


def _undo_input(run: RunContext, undo: UndoCall) -> Json:
    template = undo.plan.undo_input
    if template is None:
        return undo.armed.undo_input()
    if undo.armed.mapped is not None:
        return undo.armed.mapped
    return template.evaluate(scope_of(run.state, root_frame(run.saga.log), result=undo.armed.output))


def _queue_timeout(plan: StepPlan) -> timedelta | None:
    if plan.step.queue_timeout is not None:
        return timedelta(seconds=plan.step.queue_timeout)
    return DEFAULT_QUEUE_TIMEOUT if plan.step.agent_capability else None


def _seconds(value: float | None) -> timedelta | None:
    return None if value is None else timedelta(seconds=value)
