"""What the activities of a step, its actions and its undo actions, have in common: summary, headers, the time of an attempt."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue

from advanced_workflow.workflows.contract import (
    HEADER_BREAKER,
    HEADER_EXECUTION,
    HEADER_KEY,
    HEADER_LOCAL,
    HEADER_RETRY,
    BreakerPolicy,
    LocalRoom,
)
from advanced_workflow.workflows.contract.agents import MODEL_ACTIVITY
from advanced_workflow.workflows.contract.paths import StepPath, idempotency_key, turn_name
from advanced_workflow.workflows.definition.check.rules.local import LONGEST_ATTEMPT_SECONDS
from advanced_workflow.workflows.definition.model.retries import BackoffStrategy
from advanced_workflow.workflows.definition.step import WorkflowStep
from advanced_workflow.workflows.engine.graph.limits import Limits
from advanced_workflow.workflows.engine.graph.step_plan import Retries
from advanced_workflow.workflows.engine.monitoring.tracing import TRACE_HEADER
from advanced_workflow.workflows.engine.state.task_budget import LOCAL_ROOM_BYTES
from advanced_workflow.workflows.engine.step.context import RunContext, StepContext
from advanced_workflow.workflows.engine.temporal.interceptor import ActivityHeaders
from advanced_workflow.workflows.engine.temporal.outgoing import COMMAND_BYTES, size_of
from advanced_workflow.workflows.engine.temporal.patches import Patch, patched
from advanced_workflow.workflows.engine.temporal.payloads import encode

LOCAL_TIMEOUT = timedelta(seconds=LONGEST_ATTEMPT_SECONDS)
BEAT_TIMEOUT = timedelta(seconds=10)
"""Three missed signs of life of an action of ours."""
MODEL_BEAT_TIMEOUT = timedelta(seconds=30)
"""A model may think for a while before it says its first word; the activity gives signs of life meanwhile."""
_REGULAR_EVENTS = 3
"""Events of an action: scheduled, started, completed."""
_LOCAL_EVENTS = 1
"""Its marker."""


def events_of(*, local: bool) -> int:
    """Events that an action writes at once."""
    return _LOCAL_EVENTS if local else _REGULAR_EVENTS


def summary_of(label: str, path: StepPath) -> str:
    """What people read in the history: the step's name, with the numbers of the rounds and copies it is in."""
    numbers = path.numbers
    return f"{label} {numbers}" if numbers else label


def summary_for(step: StepContext) -> str:
    """The same for what a step runs; of an agent's tool it is the call, as people read it."""
    if step.plan.tool is None:
        return summary_of(step.plan.step.label, step.path)
    return f"{turn_name(step.path)}: {step.record.notes.get('call', '')}"


_WITH_ITS_PATH = 3
"""A call is sent with its path as its id, in its summary and in its key."""


def attempt_timeout(limits: Limits, *, local: bool) -> timedelta:
    """How long one attempt may take; a local one holds up its workflow task."""
    return min(limits.timeout, LOCAL_TIMEOUT) if local else limits.timeout


def heartbeat_timeout(
    run: RunContext, step: WorkflowStep, limits: Limits, action: str, queue: str | None
) -> timedelta | None:
    """How long an attempt may give no sign of life: what the step says, or the default for actions that are known to give one.

    Actions of our workers beat by themselves, those in threads and the one of webhooks included; which of a definition's actions are
    such, on the run's own queue, is pinned when the run begins. Of another queue nothing is known, and an attempt that is short
    anyway needs no other bound. What the step says is about workers of its own queue, where an undo action may not run.
    """
    if limits.heartbeat_timeout is not None and queue == step.agent_capability:
        return limits.heartbeat_timeout
    if action == MODEL_ACTIVITY:
        return MODEL_BEAT_TIMEOUT
    if queue is not None or action not in run.prepared.beating:
        return None
    return BEAT_TIMEOUT if limits.timeout > BEAT_TIMEOUT else None


def call_size(arguments: Sequence[RawValue], path: str, *, local: bool) -> int:
    """Bytes that a call sends: of a local one only what it gives, for which so much room is held."""
    if local:
        return LOCAL_ROOM_BYTES
    names = _WITH_ITS_PATH * len(path) if patched(Patch.RULES_4) else 0
    return size_of(arguments) + COMMAND_BYTES + names


def headers_of(
    run: RunContext,
    activity_id: str,
    execution_id: str,
    retries: Retries | None = None,
    local: LocalRoom | None = None,
    breaker: str = "",
) -> ActivityHeaders:
    """The engine's headers.

    `execution_id` is that of the activity's key; `retries` where the worker has a share in them, `local` of a local one; `breaker` is what
    the circuit breaker watches, where that is not the action.
    """
    key = idempotency_key(execution_id, activity_id)
    values: dict[str, Payload] = {HEADER_KEY: encode(key, HEADER_KEY).payload}
    trace = run.telemetry.header(activity_id)
    if trace is not None:
        values[TRACE_HEADER] = trace
    if execution_id != run.run_id:
        values[HEADER_EXECUTION] = encode(execution_id, HEADER_EXECUTION).payload
    if retries is not None and (retries.strategy is BackoffStrategy.LINEAR or retries.jitter):
        values[HEADER_RETRY] = encode(retries.growth.model_dump(), HEADER_RETRY).payload
    if retries is not None and retries.breaker is not None:
        policy = BreakerPolicy(
            failure_threshold=retries.breaker.failure_threshold, timeout=retries.breaker.timeout, key=breaker
        )
        values[HEADER_BREAKER] = encode(policy.model_dump(exclude_defaults=True), HEADER_BREAKER).payload
    if local is not None and patched(Patch.RULES_2):
        values[HEADER_LOCAL] = encode(local.model_dump(), HEADER_LOCAL).payload
    return ActivityHeaders(values)
