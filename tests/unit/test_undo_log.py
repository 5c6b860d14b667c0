from __future__ import annotations

import asyncio
import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advanced_workflow.workflows.contract import UndoEntry, UndoOutcome
from advanced_workflow.workflows.contract.paths import StepPath
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow
from advanced_workflow.workflows.engine.graph.plan import plan_of
from advanced_workflow.workflows.engine.undo.action import UndoAction
from advanced_workflow.workflows.engine.undo.armed import Armed, StepOutcome
from advanced_workflow.workflows.engine.undo.backwards import undo_graph
from advanced_workflow.workflows.engine.undo.saga import Saga
from advanced_workflow.workflows.engine.undo.undo_log import PAGE, UndoLog
from tests.examples import profile

KEY = "8b0cd4e2-5d6e-4f0c-9a4e-3a4f1f0f3c11"
MEBIBYTE = 1024 * 1024


def armed(step_id: str, path: str, outcome: StepOutcome = "completed", **more: Any) -> Armed:
    return Armed(step_id, StepPath(path), f"{KEY}:{path}", {"value": path}, outcome, **more)


def carried(log: UndoLog) -> UndoLog:
    """The log as the next history reads it."""
    return UndoLog.load(json.loads(json.dumps(log.dump())))


def rounds(count: int, log: UndoLog | None = None, first: int = 0) -> UndoLog:
    """A log of so many ended rounds of `again`, each with an action `a`."""
    log = log or UndoLog()
    passes = log.passes("again")
    for number in range(first, first + count):
        inner = passes.begin(f"#{number}")
        inner.arm("a", armed("a", f"again#{number}.a", output={"made": number}))
        assert passes.end(f"#{number}") == []
    return log


def undone_in(log: UndoLog, steps: list[dict[str, Any]], *, stop_after: int | None = None) -> list[str]:
    """Paths in the order in which they are undone; with `stop_after` the run ends after so many."""
    definition = {"workflow_id": "test", "steps": steps}
    plan = plan_of(AdvancedWorkflow.model_validate(definition).model_dump(mode="json"), json.dumps(definition))
    undone: list[str] = []

    async def undo(action: UndoAction) -> list[UndoEntry] | None:
        if len(undone) == stop_after:
            return None
        undone.append(action.armed.path)
        return [action.entry(UndoOutcome.UNDONE)]

    asyncio.run(undo_graph(Saga(plan.steps, log), plan.root, undo))
    return undone


AGAIN: list[dict[str, Any]] = [
    {
        "step_id": "again",
        "step_type": "loop",
        "loop_condition": "true",
        "body": [{"step_id": "a", "action": "a", "rollback_actions": ["undo"]}],
    }
]


@pytest.mark.parametrize("count", [0, 1, PAGE - 1, PAGE, PAGE + 1, 3 * PAGE + 7])
def test_rounds_are_undone_newest_first_whatever_is_packed(count: int) -> None:
    expected = [f"again#{number}.a" for number in reversed(range(count))]

    assert undone_in(rounds(count), AGAIN) == expected
    assert undone_in(carried(rounds(count)), AGAIN) == expected


def test_what_is_left_when_undoing_stops_is_undone_later_and_nothing_twice() -> None:
    log = rounds(3 * PAGE)
    expected = [f"again#{number}.a" for number in reversed(range(3 * PAGE))]
    undone: list[str] = []
    while log.needs_undo:
        undone += undone_in(log, AGAIN, stop_after=PAGE - 3)
        log = carried(log)

    assert undone == expected
    assert log.is_empty


def test_a_log_that_goes_on_in_another_history_packs_on_where_it_was() -> None:
    log = rounds(PAGE + PAGE // 2)
    log = rounds(PAGE, carried(log), first=PAGE + PAGE // 2)

    assert len(log.passes("again").pages) == 2
    assert undone_in(log, AGAIN) == [f"again#{number}.a" for number in reversed(range(2 * PAGE + PAGE // 2))]


def test_a_round_under_way_is_taken_up_with_what_it_armed() -> None:
    log = rounds(2)
    log.passes("again").begin("#2").arm("a", armed("a", "again#2.a", "running"))
    log = carried(log)
    inner = log.passes("again").begin("#2")

    assert inner.under_way("a") is inner.latest("a")
    assert not inner.needs_undo
    latest = inner.latest("a")
    assert latest is not None
    latest.outcome = "unknown"
    assert undone_in(log, AGAIN)[0] == "again#2.a"


def test_a_pass_that_needs_no_undo_costs_nothing_and_says_what_it_drops() -> None:
    log = UndoLog()
    passes = log.passes("again")
    for number in range(10_000):
        inner = passes.begin(f"#{number}")
        failed = inner.arm("a", armed("a", f"again#{number}.a", "failed"))
        inner.passes("within").begin("[0]")
        inner.passes("within").end("[0]")

        assert passes.end(f"#{number}") == [failed]
    assert log.is_empty
    assert log.dump() == [{}, {}]


def test_a_hundred_thousand_rounds_fit_into_one_payload() -> None:
    log = UndoLog()
    chance = random.Random(1)
    passes = log.passes("again")
    for number in range(100_000):
        receipt = {"receipt": f"R-{chance.randrange(10**6)}", "amount": chance.randrange(100)}
        passes.begin(f"#{number}").arm("a", armed("a", f"again#{number}.a", output=receipt))
        passes.end(f"#{number}")

    assert len(json.dumps(log.dump())) < 1.5 * MEBIBYTE


def test_of_a_step_that_ran_again_each_effect_is_undone_latest_first() -> None:
    log = UndoLog()
    for number, outcome in enumerate(("completed", "failed", "unknown")):
        log.arm("a", armed("a", f"a{number}", outcome))

    assert [one.path for one in carried(log).needing("a")] == ["a2", "a0"]
    assert [one.path for one in carried(log).without_effect()] == ["a1"]


def test_everything_about_an_armed_step_is_carried() -> None:
    log = UndoLog()
    given = armed("a", "a", "unknown", child={"run": "x", "carried": {"data": "y"}}, undone=1, mapped={"id": 7})
    log.arm("a", given)

    assert carried(log).latest("a") == given


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[str, Any]]:
    """What may happen to the log of a fan-out in a loop: copies begin, act and end, and histories too."""
    moves = st.sampled_from(["begin", "act", "act", "end", "end", "hop"])
    return [(move, draw(st.integers(0, 5))) for move in draw(st.lists(moves, max_size=60))]


@profile(80)
@given(moves=histories(), page=st.integers(1, 3))
def test_whenever_histories_end_the_same_is_undone_in_the_same_order(moves: list[tuple[str, Any]], page: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("advanced_workflow.workflows.engine.undo.undo_log.PAGE", page)
        whole, cut = played(moves, hops=False), played(moves, hops=True)

    assert undone_in(whole, FAN) == undone_in(cut, FAN)


FAN: list[dict[str, Any]] = [
    {
        "step_id": "fan",
        "step_type": "parallel",
        "for_each": "input",
        "parallel_steps": [{"step_id": "a", "action": "a", "rollback_actions": ["undo"]}],
    }
]


def played(moves: list[tuple[str, Any]], *, hops: bool) -> UndoLog:
    log, begun = UndoLog(), 0
    for move, number in moves:
        running = list(log.passes("fan").running)
        if move == "begin":
            log.passes("fan").begin(f"[{begun}]")
            begun += 1
        elif move == "hop" and hops:
            log = carried(log)
            for key in running:  # Each is taken up again.
                log.passes("fan").begin(key)
        elif running and move in ("act", "end"):
            key = running[number % len(running)]
            if move == "act":
                outcomes: list[StepOutcome] = ["completed", "unknown", "failed"]
                path = f"fan{key}.a/{len(log.passes('fan').running[key].armed.get('a', ()))}"
                log.passes("fan").running[key].arm("a", armed("a", path, outcomes[number % 3]))
            else:
                log.passes("fan").end(key)
    return log


@pytest.mark.parametrize("ended", [1, PAGE - 1, PAGE, 2 * PAGE + 3])
def test_passes_that_run_again_take_back_what_they_armed_also_from_pages(ended: int) -> None:
    log = rounds(ended)
    passes = log.passes("again")
    wanted = {"#0", f"#{ended // 2}", f"#{ended - 1}", f"#{ended}"}
    passes.take_back(wanted)
    log = carried(log)
    passes = log.passes("again")

    assert set(passes.running) == wanted - {f"#{ended}"}
    for key in sorted(passes.running):
        latest = passes.running[key].latest("a")
        assert latest is not None
        assert latest.path == f"again{key}.a"
    assert sorted(undone_in(log, AGAIN)) == sorted(f"again#{number}.a" for number in range(ended))


def test_what_runs_again_takes_back_what_ended_inside_of_it() -> None:
    log = UndoLog()
    copy = log.passes("fan").begin("[0]")
    rounds(PAGE + 1, copy.passes("box").begin(""))
    log.passes("fan").end("[0]")
    log.passes("fan").take_back({"[0]"})
    within = log.passes("fan").running["[0]"].inner["box"].running[""].inner["again"]

    assert list(within.running) == [f"#{number}" for number in range(PAGE + 1)]
    assert (within.pages, within.ended) == ([], [])


ENDS: list[StepOutcome] = ["completed", "unknown", "failed"]


@pytest.mark.parametrize("first", ENDS)
@pytest.mark.parametrize("second", ENDS)
def test_what_ran_again_under_its_key_has_one_story(first: StepOutcome, second: StepOutcome) -> None:
    one = armed("a", "a", "running")
    one.settle(first, {"of": 1})
    one.run_again({"value": "again"})
    under_way = carried(log_of(one)).latest("a")
    assert under_way is not None
    assert not under_way.needs_undo
    under_way.settle(second, {"of": 2})

    assert under_way.outcome == min(first, second, key=ENDS.index)
    if second == "completed":
        assert under_way.output == {"of": 2}
    elif first == "completed":
        assert under_way.output == {"of": 1}


def log_of(*given: Armed) -> UndoLog:
    log = UndoLog()
    for one in given:
        log.arm(one.path, one)
    return log


def test_what_two_walks_come_to_at_one_time_is_undone_once() -> None:
    log = rounds(3 * PAGE)
    definition = {"workflow_id": "test", "steps": AGAIN}
    plan = plan_of(AdvancedWorkflow.model_validate(definition).model_dump(mode="json"), json.dumps(definition))
    undone: list[str] = []
    now: set[str] = set()

    async def undo(action: UndoAction) -> list[UndoEntry]:
        assert action.activity_id not in now
        now.add(action.activity_id)
        await asyncio.sleep(0)
        now.remove(action.activity_id)
        undone.append(action.armed.path)
        return [action.entry(UndoOutcome.UNDONE)]

    async def both() -> None:
        saga = Saga(plan.steps, log)
        left: list[bool] = []

        async def walk() -> None:
            await undo_graph(saga, plan.root, undo)
            left.append(log.is_empty)

        await asyncio.gather(walk(), walk())
        assert left == [True, True]

    asyncio.run(both())

    assert sorted(undone) == sorted(f"again#{number}.a" for number in range(3 * PAGE))


def failing_in(log: UndoLog, steps: list[dict[str, Any]], fails: set[str]) -> tuple[list[str], UndoLog]:
    """What is undone, in order, where the undo actions of these activity ids fail; and the log of those that did."""
    definition = {"workflow_id": "test", "steps": steps}
    plan = plan_of(AdvancedWorkflow.model_validate(definition).model_dump(mode="json"), json.dumps(definition))
    undone: list[str] = []

    async def undo(action: UndoAction) -> list[UndoEntry] | None:
        undone.append(action.activity_id)
        outcome = UndoOutcome.FAILED if action.activity_id in fails else UndoOutcome.UNDONE
        return [action.entry(outcome)]

    saga = Saga(plan.steps, log)
    asyncio.run(undo_graph(saga, plan.root, undo))
    return undone, saga.failed


@given(st.data(), st.integers(0, 2 * PAGE + 3))
@profile(10)
def test_what_could_not_be_undone_is_left_in_the_same_order_and_nothing_else(data: st.DataObject, count: int) -> None:
    steps = [{**AGAIN[0], "body": [{"step_id": "a", "action": "a", "rollback_actions": ["one", "two"]}]}]
    ids = [f"again#{number}.a.rollback[{action}]" for number in reversed(range(count)) for action in (0, 1)]
    fails = set(data.draw(st.lists(st.sampled_from(ids), max_size=40))) if ids else set[str]()
    tried, left = failing_in(rounds(count), steps, fails)
    again, still_left = failing_in(carried(left.turned()), steps, set(sorted(fails)[::2]))
    last, nothing = failing_in(carried(still_left.turned()), steps, set())

    assert tried == ids
    assert again == [one for one in ids if one in fails]
    assert last == [one for one in ids if one in set(sorted(fails)[::2])]
    assert nothing.is_empty
    assert left.needs_undo == bool(fails)


@pytest.mark.parametrize("owners", [["a"], ["a", "b"]])
def test_what_handlers_did_is_undone_before_what_their_owner_did_the_last_one_first(owners: list[str]) -> None:
    steps = [
        *(
            {"step_id": one, "action": one, "error_handlers": ["h", "i"], "rollback_actions": ["undo"]}
            for one in owners
        ),
        *({"step_id": one, "action": one, "rollback_actions": ["undo"]} for one in "hi"),
    ]
    names = {owner: [f"{owner}!{one}" if len(owners) > 1 else one for one in "hi"] for owner in owners}
    log = log_of(*(armed(owner, owner, "unknown") for owner in owners))
    for one in (one for of_owner in names.values() for one in of_owner):
        log.arm(one, armed(one[-1], one))

    undone = undone_in(log, steps)

    for owner, (first, second) in names.items():
        assert [one for one in undone if one in (owner, first, second)] == [second, first, owner]


def test_what_was_kept_of_a_child_is_no_longer_told_once_the_child_is_undone() -> None:
    saga = Saga({}, UndoLog())
    child = armed("ask", "ask", child={"run": "child", "carried": None})
    for one in (child, armed("other", "other")):
        saga.keep(
            UndoEntry(
                path=one.path,
                step_id=one.step_id,
                action="",
                activity_id=f"{one.path}.rollback",
                outcome=UndoOutcome.KEPT,
                step_outcome="completed",
                idempotency_key=one.idempotency_key,
            )
        )

    saga.note_undone(child)

    assert [one.path for one in saga.kept.values()] == ["other"]
