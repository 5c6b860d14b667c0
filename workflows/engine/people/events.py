"""Events sent to a run: kept until a step consumes them, each consumed once.

A kept event is looked at again when what the `match` of a waiting step reads has changed.
"""

from __future__ import annotations

import asyncio
from bisect import insort
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from advanced_workflow.workflows.contract import PAYLOAD_LIMIT_BYTES, EventMessage, Json, UnconsumedEvent
from advanced_workflow.workflows.engine.people.event_ids import EventIds
from advanced_workflow.workflows.engine.people.heard import told
from advanced_workflow.workflows.engine.state.changes import Changes
from advanced_workflow.workflows.engine.temporal.patches import Patch, patched
from advanced_workflow.workflows.errors import EventRefused
from advanced_workflow.workflows.plain.strict_json import encode

Matches = Callable[[Json], bool]

SHOWN_BYTES = 8 * 1024
"""Data of one event that is shown."""
_OVERHEAD_BYTES = 60


@dataclass(order=True)
class _Kept:
    number: int
    """In the order of coming."""
    event: EventMessage = field(compare=False)
    size: int = field(compare=False)


@dataclass(eq=False)
class _Waiter:
    matches: Matches
    answer: asyncio.Future[EventMessage | None]
    reads: frozenset[str]
    """What of the run's state `matches` depends on."""
    since: int
    """The first event that counts."""
    given: _Kept | None = None

    def takes(self, kept: _Kept) -> bool:
        """Whether the event is for this step; then it has it."""
        if self.answer.done() or kept.number < self.since or not self.matches(kept.event.data):
            return False
        self.given = kept
        self.answer.set_result(kept.event)
        return True


@dataclass(eq=False)
class Listener:
    """A step that hears an event while it runs."""

    matches: Matches
    hear: Callable[[Json], None]
    shared: bool
    """Whether others may hear the same event too."""


class Events:
    """Events that came, steps that wait for one, and steps that listen while they run, by name."""

    def __init__(self, changes: Changes | None = None, *, room: int = PAYLOAD_LIMIT_BYTES // 8 * 5) -> None:
        """Nothing came and nobody waits; `room` is how many bytes are kept."""
        self._changes = changes or Changes()
        self._changes.tell = self._look_soon
        self._room = room
        self._kept: dict[str, list[_Kept]] = {}
        self._waiters: dict[str, list[_Waiter]] = {}
        self._listeners: dict[str, list[Listener]] = {}
        self._ids = EventIds()
        self._size = 0
        self._count = 0
        self._changed: set[str] = set()

    def receive(self, event: EventMessage) -> None:
        """Hand an event to those who listen, else to the first step that waits for it, else keep it.

        One that was sent before, by its name and `event_id`, is dropped. Raises `EventRefused` where it cannot be kept, or where its id
        was used for something else.
        """
        if not self._is_new(event):
            return
        kept = self._arrived(event)
        if self._heard(event) or self._offered(kept):
            self._ids.take(event)
            return
        if self._size + kept.size > self._room and patched(Patch.RULES_2):
            raise EventRefused(
                f"event {told(event.event)} of {kept.size:,} bytes is not kept: no step takes it now, and the run keeps "
                f"{self._room:,} bytes of events at most."
            )
        self._ids.take(event)
        self._keep(kept)

    def wait(
        self, name: str, matches: Matches, *, transient: bool = False, reads: frozenset[str] = frozenset()
    ) -> asyncio.Future[EventMessage | None]:
        """A future for the oldest matching event (`transient`: the next one to come); end it with `leave`.

        `reads` is what of the run's state `matches` depends on.
        """
        answer: asyncio.Future[EventMessage | None] = asyncio.get_running_loop().create_future()
        waiter = _Waiter(matches, answer, reads, since=self._count + 1 if transient else 0)
        self._waiters.setdefault(name, []).append(waiter)
        self._changes.begin(reads)
        if not transient:
            self._take_kept(name, waiter)
        return answer

    def leave(self, name: str, answer: asyncio.Future[EventMessage | None], *, consumed: bool = True) -> None:
        """Stop waiting. An event that the step was given and did not use (not `consumed`) goes to the next one, or is kept again."""
        waiter = next((one for one in self._waiters.get(name, ()) if one.answer is answer), None)
        if waiter is None:
            return
        self._waiters[name].remove(waiter)
        if not self._waiters[name]:
            del self._waiters[name]
        self._changes.end(waiter.reads)
        if waiter.given is not None and not consumed and patched(Patch.RULES_2) and not self._offered(waiter.given):
            self._keep(waiter.given)

    def listen(self, name: str, listener: Listener) -> None:
        """Hear matching events from now on; end it with `stop_listening`."""
        self._listeners.setdefault(name, []).append(listener)

    def stop_listening(self, name: str, listener: Listener) -> None:
        """Stop hearing them."""
        self._listeners[name].remove(listener)
        if not self._listeners[name]:
            del self._listeners[name]

    @property
    def attended(self) -> int:
        """How many steps wait for an event or listen to one."""
        return sum(map(len, (*self._waiters.values(), *self._listeners.values())))

    @property
    def size(self) -> int:
        """Bytes that the kept events take."""
        return self._size

    def unconsumed(self, limit: int | None = None) -> list[UnconsumedEvent]:
        """Events nobody took yet, in the order they came; with a `limit` as many as fit into so many bytes."""
        shown: list[UnconsumedEvent] = []
        for one in self._in_order():
            left_out = limit is not None and one.size > SHOWN_BYTES
            if limit is not None:
                limit -= _OVERHEAD_BYTES if left_out else one.size + _OVERHEAD_BYTES
                if limit < 0:
                    break
            view = UnconsumedEvent(
                event=one.event.event,
                event_id=one.event.event_id,
                data=None if left_out else one.event.data,
                bytes=one.size,
                data_left_out=left_out,
            )
            shown.append(view)
        return shown

    @property
    def count(self) -> int:
        """How many events nobody took yet."""
        return sum(map(len, self._kept.values()))

    def kept_of(self, name: str) -> int:
        """How many events of a name nobody took yet."""
        return len(self._kept.get(name, ()))

    def dump(self) -> dict[str, Json]:
        """As plain data."""
        kept = [one.event.model_dump(mode="json") for one in self._in_order()]
        # Releases before 0.2.0 read `seen`.
        return {"kept": kept, "seen": [], **self._ids.dump()}

    def load(self, data: Mapping[str, Json]) -> None:
        """Take over what `dump` gave."""
        for one in data["kept"]:
            self._keep(self._arrived(EventMessage.model_validate(one)))
        self._ids.load(data)

    def _arrived(self, event: EventMessage) -> _Kept:
        self._count += 1
        return _Kept(self._count, event, len(encode(event.data, "the event")) + len(event.event) + _OVERHEAD_BYTES)

    def _is_new(self, event: EventMessage) -> bool:
        match self._ids.known(event):
            case "new":
                return True
            case "same":
                return False
            case "other content":
                # 0.1.0 dropped it without a word.
                raise EventRefused(
                    f"event_id {told(event.event_id or '')} of event {told(event.event)} came with other data before; give a new one."
                )
            case "of another name":
                return patched(Patch.RULES_2)

    def _in_order(self) -> list[_Kept]:
        return sorted(one for kept in self._kept.values() for one in kept)

    def _keep(self, kept: _Kept) -> None:
        insort(self._kept.setdefault(kept.event.event, []), kept)
        self._size += kept.size

    def _drop(self, kept: _Kept) -> None:
        of_name = self._kept[kept.event.event]
        of_name.remove(kept)
        if not of_name:
            del self._kept[kept.event.event]
        self._size -= kept.size

    def _offered(self, kept: _Kept) -> bool:
        return any(waiter.takes(kept) for waiter in self._waiters.get(kept.event.event, ()))

    def _take_kept(self, name: str, waiter: _Waiter) -> None:
        for kept in self._kept.get(name, ()):
            if waiter.takes(kept):
                self._drop(kept)
                return

    def _look_soon(self, what: str) -> None:
        """Once for all that changes in this moment."""
        if not self._changed:
            asyncio.get_running_loop().call_soon(self._look_again)
        self._changed.add(what)

    def _look_again(self) -> None:
        changed, self._changed = self._changed, set()
        for name, waiter in list(self._doubtful(changed)):
            if patched(Patch.RULES_2):
                self._take_kept(name, waiter)

    def _doubtful(self, changed: set[str]) -> Iterator[tuple[str, _Waiter]]:
        """The waiting steps whose match may say something else now, and for which events are kept."""
        for name, waiters in self._waiters.items():
            if name in self._kept:
                yield from ((name, one) for one in waiters if not changed.isdisjoint(one.reads))

    def _heard(self, event: EventMessage) -> bool:
        heard = False
        for listener in list(self._listeners.get(event.event, [])):
            if listener.matches(event.data) and (listener.shared or not heard):
                listener.hear(event.data)
                heard = True
                if not listener.shared:
                    break
        return heard
