"""How tests treat time: one place for what must happen, however slow the machine is, and for what never does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from temporalio import activity
from temporalio.api.failure.v1 import Failure
from temporalio.client import WorkflowHistory

PATIENCE_SECONDS = 240
"""For what must happen. It is only there so that a test that hangs says where: nothing may be measured by it."""
_MORE = (1, 4, 16, 64)

_hung: set[tuple[str, str, int]] = set()


class TooSlow(Exception):
    """The machine did not get as far as the test has to within the time it had: that proves nothing."""


async def never_ends() -> None:
    """What an action does that is to be cut off: by its timeout, by a cancellation or with its worker."""
    if activity.in_activity():
        info = activity.info()
        _hung.add((info.workflow_run_id or "", info.activity_id, info.attempt))
    while True:  # noqa: ASYNC110 - the loop keeps what waits for a time; an event that nobody has would be garbage
        await asyncio.sleep(PATIENCE_SECONDS)


async def works_until_cancelled() -> None:
    """The same with signs of life, which hear of a cancellation at once."""
    while True:
        activity.heartbeat()
        await asyncio.sleep(0.05)


def jump(seconds: float) -> None:
    """Let the event loop's clock jump: what was to wait for so long is due."""
    loop = asyncio.get_running_loop()
    before = loop.time
    loop.time = lambda: before() + seconds


async def given_time(once: Callable[[float], Awaitable[None]], seconds: float) -> None:
    """For a test that must get somewhere before a limit that it means to reach: once more with a longer one while it was `TooSlow`."""
    for more in _MORE[:-1]:
        try:
            return await once(seconds * more)
        except TooSlow:
            continue
    return await once(seconds * _MORE[-1])


def require_in_time(histories: Iterable[WorkflowHistory]) -> None:
    """Raise `TooSlow` where an attempt took longer than its time that was to answer: only those that are in `never_ends` do not."""
    for history in histories:
        late = _timed_out(history) - _hung
        if late:
            raise TooSlow(", ".join(sorted(path for _, path, _ in late)))


def _timed_out(history: WorkflowHistory) -> set[tuple[str, str, int]]:
    """Attempts of actions that took longer than their time: run, path, and the attempt's number."""
    scheduled, attempts, found = dict[int, str](), dict[int, int](), set[tuple[str, str, int]]()
    for event in history.events:
        if event.HasField("activity_task_scheduled_event_attributes"):
            scheduled[event.event_id] = event.activity_task_scheduled_event_attributes.activity_id
        elif event.HasField("activity_task_started_event_attributes"):
            started = event.activity_task_started_event_attributes
            attempts[started.scheduled_event_id] = started.attempt
            if _is_timeout(started.last_failure):
                found.add((history.run_id, scheduled[started.scheduled_event_id], started.attempt - 1))
        elif event.HasField("activity_task_timed_out_event_attributes"):
            place = event.activity_task_timed_out_event_attributes.scheduled_event_id
            found.add((history.run_id, scheduled[place], attempts.get(place, 1)))
    return {one for one in found if ".rollback[" not in one[1]}


def _is_timeout(failure: Failure) -> bool:
    return failure.HasField("timeout_failure_info")
