"""What every activity of the engine is scheduled with: its summary and its headers."""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta

from temporalio.api.common.v1 import Payload

from advanced_workflow.workflows.contract import (
    HEADER_BREAKER,
    HEADER_EXECUTION,
    HEADER_RETRY,
    BreakerPolicy,
)
from advanced_workflow.workflows.definition.check.rules.local import LONGEST_ATTEMPT_SECONDS
from advanced_workflow.workflows.definition.model.retries import BackoffStrategy
from advanced_workflow.workflows.engine.graph.step_plan import Retries, StepPlan
from advanced_workflow.workflows.engine.monitoring.tracing import TRACE_HEADER
from advanced_workflow.workflows.engine.step.context import RunContext
from advanced_workflow.workflows.engine.temporal.interceptor import ActivityHeaders, activity_headers
from advanced_workflow.workflows.engine.temporal.payloads import encode

LOCAL_TIMEOUT = timedelta(seconds=LONGEST_ATTEMPT_SECONDS)
_REGULAR_EVENTS = 3
"""Events of an action: scheduled, started, completed."""
_LOCAL_EVENTS = 1
"""Its marker."""
_NUMBERS = re.compile(r"\[\d+\]|#\d+")


def events_of(plan: StepPlan) -> int:
    """Events that an action of this step writes at once."""
    return _LOCAL_EVENTS if plan.is_local else _REGULAR_EVENTS


def summary_of(label: str, path: str) -> str:
    """What people read in the history: the step's name, with the numbers of the rounds and copies it is in."""
    numbers = "".join(_NUMBERS.findall(path))
    return f"{label} {numbers}" if numbers else label


@contextmanager
def headers(run: RunContext, activity_id: str, retries: Retries | None = None) -> Generator[None, None, None]:
    """Around the start of an activity: gives it the engine's headers."""
    token = activity_headers.set(_headers(run, activity_id, retries))
    try:
        yield
    finally:
        activity_headers.reset(token)


def seconds(value: float | None) -> timedelta | None:
    """A time of a definition as Temporal takes it."""
    return None if value is None else timedelta(seconds=value)


def _headers(run: RunContext, activity_id: str, retries: Retries | None) -> ActivityHeaders | None:
    values: dict[str, Payload] = {}
    trace = run.telemetry.header(activity_id)
    if trace is not None:
        values[TRACE_HEADER] = trace
    if run.execution_id != run.run_id:
        values[HEADER_EXECUTION] = encode(run.execution_id, HEADER_EXECUTION).payload
    if retries is not None and (retries.strategy is BackoffStrategy.LINEAR or retries.jitter):
        values[HEADER_RETRY] = encode(retries.growth.model_dump(), HEADER_RETRY).payload
    if retries is not None and retries.breaker is not None:
        policy = BreakerPolicy(failure_threshold=retries.breaker.failure_threshold, timeout=retries.breaker.timeout)
        values[HEADER_BREAKER] = encode(policy.model_dump(), HEADER_BREAKER).payload
    return ActivityHeaders(values) if values else None
