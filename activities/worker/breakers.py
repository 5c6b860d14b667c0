"""Circuit breakers: an action that keeps failing is left alone for a while, by all runs this worker serves.

Everything here happens in the worker's event loop, between two awaits, so nothing needs a lock.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from temporalio import activity
from temporalio.common import MetricGauge
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory, CancelledError

from advanced_workflow.activities.worker.breaker import Breaker, Clock, Outcome, State
from advanced_workflow.workflows.contract import CIRCUIT_OPEN, BreakerPolicy, CircuitRefusal, ModelFailure
from advanced_workflow.workflows.errors import InputInvalid

BREAKER_STATE = "adw_breaker_open"
BREAKER_REFUSED = "adw_breaker_refused"

_T = TypeVar("_T")
_log = logging.getLogger(__name__)


class Breakers:
    """All breakers of a worker process: one for each action, or for each key of an action that has several."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        """`clock` measures the windows."""
        self._clock = clock
        self._guarded: dict[str, tuple[Breaker, _StateMetric]] = {}

    async def call(self, policy: BreakerPolicy, attempt: Callable[[], Awaitable[_T]]) -> _T:
        """Run the current activity's attempt.

        Raises:
            ApplicationError: of type `CircuitOpen`, and the attempt was not made. Its own errors pass as they are.
        """
        guarded = _guarded_by(policy)
        breaker = self._breaker(guarded)
        seconds = breaker.retry_after(policy)
        if seconds > 0:
            raise _refusal(seconds, guarded)
        return await _guard(breaker, policy, attempt)

    def _breaker(self, action: str) -> Breaker:
        if action not in self._guarded:
            metric = _StateMetric(action)
            self._guarded[action] = Breaker(self._clock, metric.show), metric
        breaker, metric = self._guarded[action]
        metric.add_queue(breaker.state)
        return breaker


def _guarded_by(policy: BreakerPolicy) -> str:
    action = activity.info().activity_type
    return f"{action} {policy.key}" if policy.key else action


async def _guard(breaker: Breaker, policy: BreakerPolicy, attempt: Callable[[], Awaitable[_T]]) -> _T:
    running = breaker.begin(policy)
    info = activity.info()
    limit = info.start_to_close_timeout or info.schedule_to_close_timeout
    # To the run the attempt has failed by then, so that is what counts, whatever it brings later. And a thread that hangs
    # cannot be interrupted: as a probe it would hold its place for ever.
    loop = asyncio.get_running_loop()
    overdue = loop.call_later(limit.total_seconds(), breaker.end, running, Outcome.FAILED) if limit else None
    try:
        answer = await attempt()
    except BaseException as error:
        breaker.end(running, outcome_of(error))
        raise
    else:
        breaker.end(running, Outcome.ANSWERED)
        return answer
    finally:
        if overdue:
            overdue.cancel()


def outcome_of(error: BaseException) -> Outcome:
    """What an error of the current activity says about its action.

    A non-retryable one is the answer of a service that works, except for input that never reached it. Nothing is known of
    an attempt that was cancelled, whatever it raised then, that completes elsewhere, or whose run did not say what to send.
    """
    if activity.is_cancelled() or isinstance(error, CancelledError) or not isinstance(error, Exception):
        return Outcome.UNKNOWN
    if isinstance(error, ApplicationError) and error.non_retryable:
        return Outcome.UNKNOWN if error.type == InputInvalid.code else Outcome.ANSWERED
    if isinstance(error, ApplicationError) and error.type == ModelFailure.CONVERSATION_UNAVAILABLE:
        return Outcome.UNKNOWN
    return Outcome.FAILED


def _refusal(seconds: float, guarded: str) -> ApplicationError:
    info = activity.info()
    counter = activity.metric_meter().create_counter(
        BREAKER_REFUSED, "Attempts that an open breaker refused, by action."
    )
    counter.add(1, {"action": guarded})
    refusal = CircuitRefusal(retry_after=seconds, attempts_used=info.attempt - 1)
    return ApplicationError(
        f"action {guarded!r} keeps failing and was not called; ask again in {seconds:.1f} seconds.",
        refusal.model_dump(mode="json"),
        type=CIRCUIT_OPEN,
        non_retryable=True,
        # Expected, so neither a traceback in the worker's log nor a failure in Temporal's own metrics.
        category=ApplicationErrorCategory.BENIGN,
    )


class _StateMetric:
    """Shows one breaker's state. Each queue has its own series: what opened on one queue may close on another."""

    def __init__(self, action: str) -> None:
        self._action = action
        self._gauges: dict[str, MetricGauge] = {}

    def add_queue(self, state: State) -> None:
        """Show the state for the current activity's queue from now on."""
        queue = activity.info().task_queue
        if queue not in self._gauges:
            meter = activity.metric_meter()
            gauge = meter.create_gauge(BREAKER_STATE, "Circuit breaker by action: 0 closed, 1 half open, 2 open.")
            self._gauges[queue] = gauge
            gauge.set(state, {"action": self._action})

    def show(self, state: State) -> None:
        """Show a new state on all queues, and in the log."""
        level = logging.WARNING if state is State.OPEN else logging.INFO
        _log.log(level, "circuit breaker of action %r: %s", self._action, state.name.lower())
        for gauge in self._gauges.values():
            gauge.set(state, {"action": self._action})
