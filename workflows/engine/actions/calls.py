"""Calls the actions of steps."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NoReturn

from temporalio import workflow
from temporalio.common import RawValue, RetryPolicy
from temporalio.exceptions import ActivityError

from advanced_workflow.workflows.contract import CircuitRefusal, Json, LocalRoom
from advanced_workflow.workflows.contract.paths import StepPath
from advanced_workflow.workflows.definition.model.error_types import SERVER_NAMES
from advanced_workflow.workflows.definition.model.retries import BackoffStrategy
from advanced_workflow.workflows.definition.step import WorkflowStep
from advanced_workflow.workflows.engine.actions.breakers import circuit_refusal, wait_for_breaker, window_end
from advanced_workflow.workflows.engine.actions.step_activities import (
    attempt_timeout,
    call_size,
    events_of,
    headers_of,
    heartbeat_timeout,
    summary_of,
)
from advanced_workflow.workflows.engine.graph.limits import Limits
from advanced_workflow.workflows.engine.graph.step_plan import Retries
from advanced_workflow.workflows.engine.state.task_budget import LOCAL_ROOM_BYTES, LOCAL_STEPS
from advanced_workflow.workflows.engine.step.context import StepContext
from advanced_workflow.workflows.engine.step.failures import Waited, note_of, total_timeout
from advanced_workflow.workflows.engine.step.starting import GateShut, open_gate, require_open
from advanced_workflow.workflows.engine.temporal.activities import answer_of, start_activity
from advanced_workflow.workflows.engine.temporal.outgoing import kept_bytes
from advanced_workflow.workflows.engine.temporal.patches import Patch, patched
from advanced_workflow.workflows.engine.temporal.payloads import decode
from advanced_workflow.workflows.engine.temporal.quiet import is_being_cancelled
from advanced_workflow.workflows.plain.rfc3339 import parse_rfc3339

DEFAULT_QUEUE_TIMEOUT = timedelta(seconds=300)
"""For a capability's queue, which may have no worker at all."""


_USED, _IN_DOUBT, _UNTIL = "attempts", "in_doubt", "total_until"
"""In the cursor of a step whose circuit breaker refused a call: attempts that were made, whether one of them may have taken effect, and
when the time for all of them ends."""


@dataclass(frozen=True, slots=True)
class ActionCall:
    """One action to call for a step; `path` is its activity id."""

    step: StepContext
    action: str
    path: StepPath
    build: Callable[[], Awaitable[list[RawValue]]]
    """Builds the arguments, once a slot is free: steps that wait for one hold no copy of their input."""
    begin: Callable[[], None]
    """Called just before the activity is scheduled."""
    summary: str = ""
    """What people read in the history, where it is not the step's name."""
    breaker: str = ""
    """What the circuit breaker watches, where it is not the action: there is one for each such name."""
    leaves: bool = False
    """Whether an open circuit breaker is the call's failure: there is something else to try."""

    @property
    def attempts(self) -> int:
        """How many attempts are left."""
        return max(self.step.plan.retries.max_attempts - self.step.record.cursor.get(_USED, 0), 1)

    @property
    def in_doubt(self) -> bool:
        """Whether an attempt before the latest refusal of its circuit breaker may have taken effect."""
        return self.step.record.cursor.get(_IN_DOUBT, False)

    @property
    def waited(self) -> Waited:
        """Where it waits for a worker, and for how long."""
        limit = _queue_timeout(self.step.plan.step, self.step.limits)
        queue = self.step.plan.step.agent_capability or workflow.info().task_queue
        return Waited(queue, None if limit is None else limit.total_seconds())

    @property
    def deadline(self) -> datetime | None:
        """When the time for all attempts ends, however many windows of its circuit breaker they wait for."""
        total = self.step.limits.total_timeout
        if total is None:
            return None
        end = (workflow.now() + total).isoformat()
        until: str = self.step.record.cursor.setdefault(_UNTIL, end)
        return parse_rfc3339(until)


async def call_action(call: ActionCall) -> Json:
    """Run an action as an activity named like it. Raises ActivityError (a local one: any FailureError), DataInvalid, StepFailure.

    Where its circuit breaker is open the call waits, without holding a slot, and attempts that did not call the action do not
    count.
    """
    step, arguments = call.step, None
    while True:
        await open_gate(step)
        try:
            async with step.run.slots.hold():
                await step.run.state.thinking.pause()
                arguments = await call.build() if arguments is None else arguments
                output = await _call_once(call, arguments)
            forget_attempts(step)  # The next round of a loop has all of its attempts.
            return output
        except GateShut:
            continue
        except ActivityError as error:
            refusal = circuit_refusal(error)
            if refusal is None:
                raise
            if is_being_cancelled():
                _leave(error)
            if call.leaves:
                raise
            _note(call, refusal, error)
            await _wait(call, window_end(refusal))


def forget_attempts(step: StepContext) -> None:
    """The next call of the step's is another one."""
    for name in (_USED, _IN_DOUBT, _UNTIL):
        step.record.cursor.pop(name, None)


def _note(call: ActionCall, refusal: CircuitRefusal, error: ActivityError) -> None:
    """Keep what is known of the attempts before a refusal."""
    if not refusal.attempts_used:
        return
    cursor, note = call.step.record.cursor, note_of(error.cause)
    cursor[_USED] = cursor.get(_USED, 0) + refusal.attempts_used
    if note is None or not note.adw_all_failed:
        cursor[_IN_DOUBT] = True


async def _wait(call: ActionCall, window: datetime) -> None:
    """Wait for the breaker's window. Raises `StepFailure` where the time for all attempts ends before it does."""
    end = call.deadline
    late = end is not None and window >= end and patched(Patch.RULES_2)
    await wait_for_breaker(call.step, call.action, end if late and end is not None else window)
    if late:
        raise total_timeout(call.action)


def _leave(refused: ActivityError) -> NoReturn:
    # This attempt did not call the action; how those before it ended is not known.
    if patched(Patch.UNSURE_WHEN_REFUSED):
        raise asyncio.CancelledError from refused
    raise refused


async def _call_once(call: ActionCall, arguments: list[RawValue]) -> Json:
    run, is_local = call.step.run, call.step.plan.is_local
    await run.budget.reserve(sum(len(one.payload.data) for one in arguments))
    async with run.continuation.flight(events_of(local=is_local)):
        await run.budget.room_for(call_size(arguments, call.path, local=is_local))
        require_open(call.step)
        if _is_late(call):
            raise total_timeout(call.action)
        call.begin()
        if is_local:
            run.budget.settled(LOCAL_STEPS)
        answer = await (_call_local(call, arguments) if is_local else answer_of(_start(call, arguments)))
        return decode(answer, f"the result of action {call.action!r}")


async def _call_local(call: ActionCall, arguments: list[RawValue]) -> RawValue:
    """Call a local action; a result for which there was no room is asked for once there is."""
    limit = call.step.run.prepared.payload_limit
    answer = await answer_of(_start(call, arguments, LocalRoom(room=LOCAL_ROOM_BYTES, limit=limit)))
    while (size := kept_bytes(answer)) is not None:
        # Where its worker is gone, and the result with it, the action is called again, as after any loss of a local activity.
        call.step.record.cursor[_IN_DOUBT] = True
        await call.step.run.budget.room_for(size)
        answer = await answer_of(_start(call, arguments, LocalRoom(room=size, limit=limit, again=True)))
    return answer


def _start(
    call: ActionCall, arguments: list[RawValue], local: LocalRoom | None = None
) -> workflow.ActivityHandle[RawValue]:
    run, plan, step, limits = call.step.run, call.step.plan, call.step.plan.step, call.step.limits
    return start_activity(
        call.action,
        arguments,
        id=call.path,
        summary=call.summary or summary_of(step.label, call.path),
        local=plan.is_local,
        room=local.room if local else 0,
        # Only a regular activity carries the worker's share of a retry policy.
        headers=headers_of(
            run, call.path, run.execution_of(call.path), None if plan.is_local else plan.retries, local, call.breaker
        ),
        task_queue=step.agent_capability,
        timeout=attempt_timeout(limits, local=plan.is_local),
        total_timeout=_time_left(call),
        queue_timeout=_queue_timeout(step, limits),
        heartbeat_timeout=heartbeat_timeout(run, step, limits, call.action, step.agent_capability),
        retries=temporal_policy(plan.retries, call.attempts),
    )


def _is_late(call: ActionCall) -> bool:
    """Whether the time for all attempts ended while the call waited for its slot, or stood still with the run."""
    end = call.deadline
    return end is not None and end <= workflow.now() and patched(Patch.RULES_2)


def _time_left(call: ActionCall) -> timedelta | None:
    end = call.deadline
    left = None if end is None else end - workflow.now()
    return left if left is None or left > timedelta(0) else call.step.limits.total_timeout


def temporal_policy(retries: Retries, attempts: int) -> RetryPolicy:
    """The server's share of a retry policy. For `linear` it holds the fixed delay that workers of other SDKs fall back to."""
    grows = retries.strategy is BackoffStrategy.EXPONENTIAL
    delay = timedelta(seconds=retries.delay)
    return RetryPolicy(
        initial_interval=delay,
        backoff_coefficient=retries.multiplier if grows else 1.0,
        maximum_interval=max(delay, timedelta(seconds=retries.max_delay)),
        maximum_attempts=max(attempts, 1),
        non_retryable_error_types=_as_the_server_names(retries.non_retryable) or None,
    )


def _as_the_server_names(types: Sequence[str]) -> list[str]:
    """Error types that are not tried again, with those that the server makes under its own names, too."""
    return [*types, *(SERVER_NAMES[one] for one in types if one in SERVER_NAMES)]


def _queue_timeout(step: WorkflowStep, limits: Limits) -> timedelta | None:
    return limits.queue_timeout or (DEFAULT_QUEUE_TIMEOUT if step.agent_capability else None)
