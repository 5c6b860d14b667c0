"""One circuit breaker: when attempts are let through, and what their ends change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, IntEnum, auto
from typing import TypeAlias

from advanced_workflow.workflows.contract import BreakerPolicy

PROBE_SHARE = 0.25
"""Part of the policy's `timeout` after which an attempt refused during a probe may ask again."""

Clock: TypeAlias = Callable[[], float]
"""Seconds that never go back, such as `time.monotonic`."""


class State(IntEnum):
    """Where a breaker is; the number is the metric's value."""

    CLOSED = 0
    """Attempts go through."""
    HALF_OPEN = 1
    """One attempt, the probe, runs and decides."""
    OPEN = 2
    """Attempts are refused until the window is over; the next one is the probe."""


class Outcome(Enum):
    """What the end of an attempt says about the action."""

    ANSWERED = auto()
    FAILED = auto()
    UNKNOWN = auto()


@dataclass(frozen=True, slots=True, eq=False)
class Attempt:
    """One call that a breaker let through."""

    policy: BreakerPolicy


class Breaker:
    """The breaker of one action. It has no numbers of its own: each attempt is judged by the policy it comes with."""

    def __init__(self, clock: Clock, on_change: Callable[[State], None]) -> None:
        """`on_change` is called with each new state."""
        self._clock = clock
        self._on_change = on_change
        self._state = State.CLOSED
        self._failures = 0
        self._opened = 0.0
        self._running: set[Attempt] = set()

    @property
    def state(self) -> State:
        """As the last attempt left it."""
        return self._state

    def retry_after(self, policy: BreakerPolicy) -> float:
        """Seconds until an attempt may ask again; 0 when it may begin now."""
        match self._state:
            case State.CLOSED:
                return 0
            case State.HALF_OPEN:
                return policy.timeout * PROBE_SHARE
            case State.OPEN:
                return max(0, self._opened + policy.timeout - self._clock())

    def begin(self, policy: BreakerPolicy) -> Attempt:
        """Let an attempt through whose `retry_after` is 0; it is the probe unless the breaker is closed."""
        if self._state is State.OPEN:
            self._enter(State.HALF_OPEN)
        attempt = Attempt(policy)
        self._running.add(attempt)
        return attempt

    def end(self, attempt: Attempt, outcome: Outcome) -> None:
        """Count the attempt's first outcome, unless the breaker has changed since the attempt began."""
        if attempt not in self._running:
            return
        self._running.remove(attempt)
        probe = self._state is State.HALF_OPEN
        match outcome:
            case Outcome.ANSWERED:
                self._failures = 0
                if probe:
                    self._enter(State.CLOSED)
            case Outcome.FAILED:
                self._failures += 1
                if probe or self._failures >= attempt.policy.failure_threshold:
                    self._opened = self._clock()
                    self._enter(State.OPEN)
            case Outcome.UNKNOWN:
                if probe:
                    # The window stays over: the next attempt is a probe.
                    self._enter(State.OPEN)

    def _enter(self, state: State) -> None:
        self._state = state
        # How attempts from before end no longer counts: it neither prolongs a window nor ends one.
        self._running.clear()
        self._on_change(state)
