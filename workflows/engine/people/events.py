"""Events sent to a run: kept until a step consumes them, each consumed once."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from advanced_workflow.workflows.contract import EventMessage, Json

Matches = Callable[[Json], bool]

SEEN_KEPT = 10_000
"""Event ids remembered, the latest ones, so that sending twice counts once."""


@dataclass(eq=False)
class _Waiter:
    matches: Matches
    answer: asyncio.Future[EventMessage | None]


@dataclass(eq=False)
class Listener:
    """A step that hears an event while it runs."""

    matches: Matches
    hear: Callable[[Json], None]
    shared: bool
    """Whether others may hear the same event too."""


class Events:
    """Events that came, steps that wait for one, and steps that listen while they run, by name."""

    def __init__(self) -> None:
        """Nothing came and nobody waits."""
        self._kept: dict[str, deque[EventMessage]] = {}
        self._waiters: dict[str, list[_Waiter]] = {}
        self._listeners: dict[str, list[Listener]] = {}
        self._seen: dict[str, None] = {}

    def receive(self, event: EventMessage) -> None:
        """Hand an event to those who listen, else to the first step that waits for it, else keep it.

        An `event_id` seen before is dropped.
        """
        if event.event_id is not None:
            if event.event_id in self._seen:
                return
            self._remember(event.event_id)
        if self._heard(event):
            return
        for waiter in self._waiters.get(event.event, []):
            if not waiter.answer.done() and waiter.matches(event.data):
                waiter.answer.set_result(event)
                return
        self._kept.setdefault(event.event, deque()).append(event)

    def wait(self, name: str, matches: Matches, *, transient: bool = False) -> asyncio.Future[EventMessage | None]:
        """A future for the oldest matching event (`transient`: the next one to come); end it with `leave`."""
        answer: asyncio.Future[EventMessage | None] = asyncio.get_running_loop().create_future()
        kept = self._kept.get(name, deque()) if not transient else deque[EventMessage]()
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

    def listen(self, name: str, listener: Listener) -> None:
        """Hear matching events from now on; end it with `stop_listening`."""
        self._listeners.setdefault(name, []).append(listener)

    def stop_listening(self, name: str, listener: Listener) -> None:
        """Stop hearing them."""
        self._listeners[name].remove(listener)

    def unconsumed(self) -> list[EventMessage]:
        """Events nobody took yet."""
        return [event for kept in self._kept.values() for event in kept]

    def dump(self) -> dict[str, Json]:
        """As plain data."""
        return {"kept": [one.model_dump(mode="json") for one in self.unconsumed()], "seen": list(self._seen)}

    def load(self, data: Mapping[str, Json]) -> None:
        """Take over what `dump` gave."""
        for one in data["kept"]:
            event = EventMessage.model_validate(one)
            self._kept.setdefault(event.event, deque()).append(event)
        self._seen = dict.fromkeys(data["seen"])

    def _heard(self, event: EventMessage) -> bool:
        heard = False
        for listener in list(self._listeners.get(event.event, [])):
            if listener.matches(event.data) and (listener.shared or not heard):
                listener.hear(event.data)
                heard = True
                if not listener.shared:
                    break
        return heard

    def _remember(self, event_id: str) -> None:
        self._seen[event_id] = None
        if len(self._seen) > SEEN_KEPT:
            del self._seen[next(iter(self._seen))]
