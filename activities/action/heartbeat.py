"""Signs of life while an action runs.

The server tells an activity that it was cancelled only in answer to a heartbeat, so they are sent for every action.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta

from pydantic import JsonValue
from temporalio import activity

FIRST_BEAT_SECONDS = 1.0
"""Actions shorter than this cost no heartbeat."""
BEAT_SECONDS = 5.0
"""Between heartbeats, where the step has no `heartbeat_timeout`; with one, a third of it."""


class _Pulse:
    """Sends heartbeats by timers of the loop, without a task of its own."""

    def __init__(self, timeout: timedelta | None) -> None:
        self.loop = asyncio.get_running_loop()
        self._every = timeout.total_seconds() / 3 if timeout else BEAT_SECONDS
        self._details: tuple[JsonValue, ...] = tuple(activity.info().heartbeat_details)
        self._timer = self.loop.call_later(min(FIRST_BEAT_SECONDS, self._every), self._tick)
        self._stopped = False

    def send(self, *details: JsonValue) -> None:
        """Send a heartbeat; runs in the loop. A late call of an action that has ended sends nothing."""
        if not self._stopped:
            self._details = details
            activity.heartbeat(*details)

    def _tick(self) -> None:
        # The action's own details again: a heartbeat without them would erase them for the next attempt.
        self.send(*self._details)
        self._timer = self.loop.call_later(self._every, self._tick)

    def stop(self) -> None:
        self._stopped = True
        self._timer.cancel()


_pulse: ContextVar[_Pulse | None] = ContextVar("adw_pulse", default=None)


@contextmanager
def heartbeats() -> Generator[None]:
    """Send heartbeats for the running activity until the block ends. Local activities have none."""
    info = activity.info()
    if info.is_local:
        yield
        return
    pulse = _Pulse(info.heartbeat_timeout)
    token = _pulse.set(pulse)
    try:
        yield
    finally:
        _pulse.reset(token)
        pulse.stop()


def beat(*details: JsonValue) -> None:
    """Send a heartbeat from the action's own code, in the event loop's thread or in another."""
    pulse = _pulse.get()
    if pulse is not None:
        pulse.loop.call_soon_threadsafe(pulse.send, *details)
    elif not activity.info().is_local:
        activity.heartbeat(*details)
