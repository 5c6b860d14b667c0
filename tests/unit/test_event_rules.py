"""Events against a plain model: what is kept, who waits, and what each step is given."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from advanced_workflow.workflows.contract import EventMessage
from advanced_workflow.workflows.engine.people import events as module
from advanced_workflow.workflows.engine.people.events import Events, Listener
from advanced_workflow.workflows.engine.state.changes import VARIABLES, Changes
from advanced_workflow.workflows.errors import EventRefused


@pytest.fixture(autouse=True, scope="module")
def _new_rules() -> Any:
    """These tests run outside of a workflow, where nothing can be patched."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "patched", lambda _: True)
        yield


ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("event"), st.sampled_from("ab"), st.integers(0, 3)),
        st.tuples(st.just("wait"), st.sampled_from("ab"), st.integers(0, 3)),
        st.tuples(st.just("leave"), st.integers(0, 8), st.booleans()),
        st.tuples(st.just("carry"), st.just(0), st.just(0)),
    ),
    max_size=30,
)


@given(ACTS)
@example([("wait", "a", 0), ("event", "a", 0), ("event", "a", 0), ("leave", 0, False), ("wait", "a", 0)])
def test_every_event_is_kept_or_given_to_one_step_that_used_it(acts: list[tuple[Any, Any, Any]]) -> None:
    asyncio.run(_act(acts))


async def _act(acts: list[tuple[Any, Any, Any]]) -> None:
    changes, sent, used = Changes(), 0, 0
    events = Events(changes)
    waiting: list[tuple[str, asyncio.Future[Any]]] = []
    for what, first, second in acts:
        if what == "event":
            events.receive(EventMessage(event=first, data=[second, sent]))
            sent += 1
        elif what == "wait":
            kept: list[Any] = [one.model_dump()["data"] for one in events.unconsumed() if one.event == first]
            oldest = next((one for one in kept if one[0] == second), None)
            answer: asyncio.Future[Any] = events.wait(
                first, lambda data, wanted=second: data[0] == wanted, reads=frozenset({VARIABLES})
            )
            waiting.append((first, answer))
            assert (answer.result().data if answer.done() else None) == oldest, "the oldest that fits is given first"
        elif what == "leave" and first < len(waiting):
            name, answer = waiting.pop(first)
            used += answer.done() and second
            events.leave(name, answer, consumed=second)
        elif what == "carry" and not waiting:
            changes = Changes()
            later = Events(changes)
            later.load(json.loads(json.dumps(events.dump())))
            assert later.unconsumed() == events.unconsumed()
            events = later
        given_now = sum(answer.done() for _, answer in waiting)
        assert events.attended == changes._readers.total() == len(waiting), "who no longer waits is gone"
        assert events.count + given_now + used == sent, "no event is lost or doubled"
        order: list[Any] = [(one.model_dump()["data"] or [])[1] for one in events.unconsumed()]
        assert order == sorted(order), "they stay in the order they came"


async def test_a_kept_event_is_looked_at_again_when_what_its_match_reads_has_changed() -> None:
    changes, wanted, asked = Changes(), [2], [0]
    events = Events(changes)

    def matches(data: Any) -> bool:
        asked[0] += 1
        return data == wanted[0]

    answer = events.wait("paid", matches, reads=frozenset({VARIABLES}))
    events.receive(EventMessage(event="paid", data=1))
    wanted[0] = 1
    changes.note("steps.other")
    await asyncio.sleep(0)
    assert not answer.done()
    before = asked[0]
    for _ in range(5):
        changes.note(VARIABLES)
    await asyncio.sleep(0)

    taken = answer.result()
    assert taken is not None
    assert taken.data == 1
    assert asked[0] == before + 1
    events.leave("paid", answer)
    changes.note(VARIABLES)
    assert (events.count, events.size, events.attended) == (0, 0, 0)


def test_an_event_id_counts_once_for_a_name_and_belongs_to_one_content() -> None:
    events = Events()
    for name in ("paid", "sent", "paid"):
        events.receive(EventMessage(event=name, data=1, event_id="one"))
    with pytest.raises(EventRefused, match="'one' of event 'paid' came with other data"):
        events.receive(EventMessage(event="paid", data=2, event_id="one"))

    assert [one.event for one in events.unconsumed()] == ["paid", "sent"]
    old = Events()
    old.load({"kept": [], "seen": ["one"]})
    old.receive(EventMessage(event="paid", data=1, event_id="one"))
    assert old.count == 0


def test_events_nobody_takes_are_kept_up_to_a_size_and_then_refused() -> None:
    events = Events(room=10_000)
    for number in range(9):
        events.receive(EventMessage(event="paid", data="x" * 1_000 + str(number), event_id=str(number)))
    with pytest.raises(EventRefused, match="keeps 10,000 bytes"):
        events.receive(EventMessage(event="paid", data="y" * 1_000, event_id="late"))

    assert events.count == 9
    assert events.size <= 10_000
    shown = events.unconsumed(limit=3_000)
    assert 1 <= len(shown) <= 3
    Events().load(json.loads(json.dumps(events.dump())))


@given(st.lists(st.sampled_from(["event", "transient", "shared", "alone"]), max_size=14))
def test_who_hears_an_event_was_there_when_it_came(acts: list[str]) -> None:
    asyncio.run(_hear(acts))


async def _hear(acts: list[str]) -> None:
    """Who listens first hears an event alone, or with all who share it; where nobody listens, the first hears it who waits for the next."""
    events, came = Events(), 0
    heard: list[tuple[str, list[int]]] = []
    expected: list[list[int]] = []
    waiting: list[tuple[asyncio.Future[Any], int | None]] = []
    for act in acts:
        if act == "transient":
            waiting.append((events.wait("a", lambda _: True, transient=True), None))
        elif act != "event":
            mine: list[int] = []
            heard.append((act, mine))
            expected.append([])
            events.listen("a", Listener(lambda _: True, mine.append, shared=act == "shared"))
        else:
            came += 1
            events.receive(EventMessage(event="a", data=came))
            _expect(came, heard, expected, waiting)

    assert [mine for _, mine in heard] == expected
    assert [one.result().data if one.done() else None for one, _ in waiting] == [given for _, given in waiting]


def _expect(
    came: int, heard: list[tuple[str, list[int]]], expected: list[list[int]], waiting: list[tuple[Any, int | None]]
) -> None:
    if heard and heard[0][0] == "alone":
        expected[0].append(came)
    elif heard:
        for number in (number for number, (kind, _) in enumerate(heard) if kind == "shared"):
            expected[number].append(came)
    else:
        free = next((number for number, (_, given) in enumerate(waiting) if given is None), None)
        if free is not None:
            waiting[free] = (waiting[free][0], came)


async def test_who_waits_for_the_next_event_is_given_none_that_came_before() -> None:
    """Neither when it begins to wait, nor when kept events are looked at again."""
    changes = Changes()
    events = Events(changes)
    events.receive(EventMessage(event="a", data=1))
    answer = events.wait("a", lambda _: True, transient=True, reads=frozenset({VARIABLES}))
    changes.note(VARIABLES)
    await asyncio.sleep(0)
    before = answer.done()
    events.receive(EventMessage(event="a", data=2))

    assert not before
    assert answer.result() == EventMessage(event="a", data=2)
    assert [one.data for one in events.unconsumed()] == [1]
