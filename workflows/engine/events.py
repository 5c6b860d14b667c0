"""Events sent to a run: kept until a step consumes them, each consumed once."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from workflows.contract import EventMessage, Json

Matches = Callable[[Json], bool]


@dataclass(eq=False)
class _Waiter:
    matches: Matches
    answer: asyncio.Future[EventMessage | None]


class Events:
    """Events that came and steps that wait for one, by name."""

    def __init__(self) -> None:
        """Nothing came and nobody waits."""
        self._kept: dict[str, deque[EventMessage]] = {}
        self._waiters: dict[str, list[_Waiter]] = {}
        self._seen: set[str] = set()

    def receive(self, event: EventMessage) -> None:
        """Hand an event to the first step that waits for it, else keep it. An `event_id` seen before is dropped."""
        if event.event_id is not None:
            if event.event_id in self._seen:
                return
            self._seen.add(event.event_id)
        for waiter in self._waiters.get(event.event, []):
            if not waiter.answer.done() and waiter.matches(event.data):
                waiter.answer.set_result(event)
                return
        self._kept.setdefault(event.event, deque()).append(event)

    def wait(self, name: str, matches: Matches) -> asyncio.Future[EventMessage | None]:
        """A future for the oldest matching event; end it with `leave`."""
        answer: asyncio.Future[EventMessage | None] = asyncio.get_running_loop().create_future()
        kept = self._kept.get(name, deque())
        for event in kept:
            if matches(event.data):
                kept.remove(event)
                answer.set_result(event)
                return answer
        self._waiters.setdefault(name, []).append(_Waiter(matches, answer))
        return answer

    def leave(self, name: str, answer: asyncio.Future[EventMessage | None]) -> None:
        """Stop waiting."""
        self._waiters[name] = [one for one in self._waiters.get(name, []) if one.answer is not answer]

    def unconsumed(self) -> list[EventMessage]:
        """Events nobody took yet."""
        return [event for kept in self._kept.values() for event in kept]
