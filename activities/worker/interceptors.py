"""Around every activity of the worker: the run's headers, circuit breakers, delays Temporal cannot express, and what its attempts say."""

from __future__ import annotations

import random
import time
from functools import partial
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError, FailureError
from temporalio.worker import (
    ActivityInboundInterceptor,
    ActivityOutboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
)

from advanced_workflow.activities.action.context import bind_execution
from advanced_workflow.activities.worker.breaker import Clock
from advanced_workflow.activities.worker.breakers import Breakers
from advanced_workflow.activities.worker.failures import fitting, sendable
from advanced_workflow.activities.worker.local_results import LocalResults
from advanced_workflow.activities.worker.own_words import LocalWords, OwnWords
from advanced_workflow.activities.worker.unforeseen import Unforeseen, class_for
from advanced_workflow.workflows.contract import (
    HEADER_BREAKER,
    HEADER_EXECUTION,
    HEADER_LOCAL,
    HEADER_RETRY,
    BreakerPolicy,
    LocalRoom,
    RetryDelay,
    retry_delay,
)

_random = random.SystemRandom()


class ActionInterceptor(Interceptor):
    """Reads the headers the engine sends with each activity; an activity without them is left as it is.

    Workers that share an interceptor share its circuit breakers.
    """

    def __init__(self, clock: Clock = time.monotonic) -> None:
        """`clock` measures how long a breaker stays open."""
        self._breakers = Breakers(clock)
        self._local = LocalWords()
        self._results = LocalResults()

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """Wrap the activity."""
        return _ActionInbound(next, self._breakers, self._local, self._results)


class _ActionInbound(ActivityInboundInterceptor):
    def __init__(
        self, next: ActivityInboundInterceptor, breakers: Breakers, local: LocalWords, results: LocalResults
    ) -> None:
        super().__init__(next)
        self._results = results
        self._breakers = breakers
        self._local = local
        self._words: OwnWords | None = None

    def init(self, outbound: ActivityOutboundInterceptor) -> None:
        self._words = OwnWords(outbound, self._local)
        super().init(self._words)

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: ANN401 - the signature is Temporal's
        try:
            _require_run()
            return await self._execute(input)
        except Exception as error:
            sent = self._sendable(error, input)
            # What it says is told of a text that can be sent.
            told = self._words.failure(sent) if self._words is not None else sent
            if told is error:
                raise
            raise told.with_traceback(sent.__traceback__) from sent.__cause__

    def _sendable(self, error: Exception, input: ExecuteActivityInput) -> Exception:
        room = _header(input, HEADER_LOCAL)
        sent = sendable(error)
        return sent if room is None else fitting(sent, LocalRoom.model_validate(room).room)

    async def _execute(self, input: ExecuteActivityInput) -> Any:  # noqa: ANN401 - see above
        execution = _header(input, HEADER_EXECUTION)
        bind_execution(None if execution is None else str(execution))
        room = _header(input, HEADER_LOCAL)
        if room is not None:
            return await self._results.call(LocalRoom.model_validate(room), partial(self.next.execute_activity, input))
        policy = _header(input, HEADER_RETRY)
        if policy is None:
            return await self._through_breaker(input)
        try:
            return await self._through_breaker(input)
        except Exception as error:
            delayed = with_retry_delay(error, RetryDelay.model_validate(policy), activity.info().attempt)
            if delayed is error:
                raise
            raise delayed.with_traceback(error.__traceback__) from error.__cause__

    async def _through_breaker(self, input: ExecuteActivityInput) -> Any:  # noqa: ANN401 - see above
        policy = _header(input, HEADER_BREAKER)
        if policy is None:
            return await self.next.execute_activity(input)
        call = partial(self.next.execute_activity, input)
        return await self._breakers.call(BreakerPolicy.model_validate(policy), call)


def _require_run() -> None:
    """Refuse what no run has scheduled: whoever may start activities could call any action with any input, whatever `ADW_AD_HOC` says."""
    if not activity.info().in_workflow:
        message = f"action {activity.info().activity_type!r} is called by runs only; start a run of a definition that names it."
        raise ApplicationError(message, type="NotFromARun", non_retryable=True)


def with_retry_delay(error: Exception, policy: RetryDelay, attempt: int) -> Exception:
    """Give the same failure with its delay; the very same error where no retry follows or the action chose its own delay."""
    if not isinstance(error, ApplicationError):
        # Other failures of Temporal (a cancellation above all) are not the action's own.
        if isinstance(error, FailureError):
            return error
        error = Unforeseen(str(error), type=type(error).__name__)
    elif error.non_retryable or error.next_retry_delay is not None:
        return error
    return class_for(error)(
        error.message,
        *error.details,
        type=error.type,
        category=error.category,
        next_retry_delay=retry_delay(policy, attempt, _random.random()),
    )


def _header(input: ExecuteActivityInput, name: str) -> object:
    payload = input.headers.get(name)
    return None if payload is None else activity.payload_converter().from_payload(payload)
