"""Events against a plain model: what is kept, who waits, and what each step is given."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advanced_workflow.workflows.contract import EventMessage
from advanced_workflow.workflows.engine.people import events as module
from advanced_workflow.workflows.engine.people.events import Events
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
def test_every_event_is_kept_or_given_to_one_step_that_used_it(acts: list[tuple[Any, Any, Any]]) -> None:
    asyncio.run(_act(acts))


async def _act(acts: list[tuple[Any, Any, Any]]) -> None:
    events, sent, used = Events(), 0, 0
    waiting: list[tuple[str, asyncio.Future[Any]]] = []
    for what, first, second in acts:
        if what == "event":
            events.receive(EventMessage(event=first, data=[second, sent]))
            sent += 1
        elif what == "wait":
            waiting.append((first, events.wait(first, lambda data, wanted=second: data[0] == wanted)))
        elif what == "leave" and first < len(waiting):
            name, answer = waiting.pop(first)
            used += answer.done() and second
            events.leave(name, answer, consumed=second)
        elif what == "carry" and not waiting:
            later = Events()
            later.load(json.loads(json.dumps(events.dump())))
            assert later.unconsumed() == events.unconsumed()
            events = later
        given_now = sum(answer.done() for _, answer in waiting)
        assert events.attended == len(waiting), "who no longer waits is gone"
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
