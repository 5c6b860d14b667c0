from __future__ import annotations

import asyncio
from typing import Any

import pytest

from advanced_workflow.activities.action.errors import ActionError
from advanced_workflow.client.runs import Run
from advanced_workflow.workflows.contract import ExecutionOptions, RunState
from advanced_workflow.workflows.errors import OperationRefused
from advanced_workflow.workflows.plain.rfc3339 import parse_rfc3339
from tests.engine.hops import NOISE, chain, cut_short, fill, hop, step_is
from tests.engine.stage import Stage, act, box, output_of, reaches
from tests.harness import Harness, definition, eventually, outcome_of

ONCE = {"max_attempts": 1}
ASK = {"step_id": "ask", "step_type": "human_approval"}
DAY = 86_400


def nothing() -> None:
    return None


def fails() -> None:
    raise ActionError("no", type="Broken", retryable=False)


def wait_for(step_id: str, event: str, *after: str, **wait: Any) -> dict[str, Any]:
    return {"step_id": step_id, "step_type": "wait", "dependencies": list(after), "wait": {"event": event, **wait}}


@pytest.fixture
def small(harness: Harness) -> Harness:
    return cut_short(harness)


@pytest.fixture
def small_skipping(skipping: Harness) -> Harness:
    return cut_short(skipping)


async def holds_timer(run: Run, seconds: float) -> bool:
    events = (await run.handle.fetch_history()).events
    timers = (one.timer_started_event_attributes for one in events if one.HasField("timer_started_event_attributes"))
    return any(timer.start_to_fire_timeout.ToTimedelta().total_seconds() == seconds for timer in timers)


async def test_a_wait_ends_when_it_would_have_ended_in_the_first_history(small_skipping: Harness) -> None:
    wait = {"step_id": "w", "step_type": "wait", "wait": {"seconds": 3 * DAY}}
    async with small_skipping.worker():
        run = await small_skipping.start(definition(wait, timeout=10 * DAY))
        await reaches(run, "w", "waiting")
        # A task that the server lost on the way is done again, at another time: the wait's own timer must be kept.
        await eventually(lambda: holds_timer(run, 3 * DAY))
        before = (await run.progress()).waiting_for
        await hop(run)
        await hop(run)
        after = (await run.progress()).waiting_for
        outcome = await outcome_of(run)

    assert before == after
    assert outcome.failure is None, outcome.message
    assert 3 * DAY <= outcome.report.duration_seconds < 3 * DAY + 60
    assert len(await chain(small_skipping, run)) >= 3


async def test_the_timeouts_of_a_step_and_of_the_run_do_not_move(small_skipping: Harness) -> None:
    first = {**wait_for("first", "never", timeout=DAY), "error_handlers": ["told"]}
    async with small_skipping.worker():
        run = await small_skipping.start(
            definition(first, wait_for("told", "never"), timeout=5 * DAY),
        )
        await reaches(run, "first", "waiting")
        await hop(run)
        await hop(run)
        outcome = await outcome_of(run)

    assert outcome.failure == "WorkflowTimeout"
    assert 5 * DAY <= outcome.report.duration_seconds < 5 * DAY + 60
    error = outcome.report.steps["first"]["error"]
    assert isinstance(error, dict)
    assert error["type"] == "EventTimeout"
    ended, began = (parse_rfc3339(str(outcome.report.steps["first"][name])) for name in ("end_time", "start_time"))
    assert DAY <= (ended - began).total_seconds() < DAY + 60


async def test_an_approval_keeps_its_digest_and_its_decisions_under_a_flood_of_signals(small: Harness) -> None:
    ask = {**ASK, "approval": {"subject": {"amount": "input.amount"}, "approvers": ["ann", "bob", "cy"], "required": 2}}
    later = {**ASK, "step_id": "later", "dependencies": ["ask"], "approval": {"approvers": ["ann"]}}
    async with small.worker():
        run = await small.start(definition(ask, later), {"amount": 5})
        [asked] = await eventually(run.pending_approvals)
        for number in range(60):
            await run.signal_approval("ask", approver=f"stranger {number}")
            if number == 20:
                await run.signal_approval("ask", approver="ann", decision_id="one", digest=asked.digest)
            if number % 20 == 0:
                await run.signal_approval("later", approver="ann", decision_id="early", comment="fine")
        duplicate = await run.approve("ask", approver="ann", decision_id="one")
        [still_asked] = await run.pending_approvals()
        await run.signal_approval("ask", approver="bob", digest="of something else")
        await run.signal_approval("ask", approver="cy", digest=asked.digest)
        outcome = await outcome_of(run, state=True)

    assert len(await chain(small, run)) >= 3
    assert still_asked.digest == asked.digest
    assert [one.approver for one in still_asked.approvals] == ["ann"]
    assert duplicate.state == "duplicate"
    assert outcome.failure is None, outcome.message
    assert outcome.state is not None
    rejected = outcome.state.model_dump()["rejected_decisions"]
    refused = [(one["code"], one["payload"]["approver"]) for one in rejected]
    assert refused == [
        *(("NotAnApprover", f"stranger {number}") for number in range(60)),
        ("DigestMismatch", "bob"),
    ]
    assert [one["approver"] for one in output_of(outcome, "ask")["decisions"]] == ["ann", "cy"]
    assert [(one["approver"], one["comment"]) for one in output_of(outcome, "later")["decisions"]] == [("ann", "fine")]


async def test_events_are_consumed_once_whichever_history_they_came_in(small: Harness) -> None:
    steps = [
        wait_for("gate", "open"),
        wait_for("a", "paid", "gate"),
        wait_for("b", "paid", "a"),
        wait_for("c", "paid", "b", match="event == 'last'"),
    ]
    output = {name: f"steps.{name}.output" for name in "abc"}
    async with small.worker():
        run = await small.start(definition(*steps, output=output))
        await reaches(run, "gate", "waiting")
        await run.send_event("paid", "before", event_id="one")
        await hop(run)
        await run.send_event("paid", "before", event_id="one")
        await run.send_event("open")
        await reaches(run, "b", "waiting")
        await run.send_event("paid", "last", event_id="last")
        await hop(run)
        await run.send_event("paid", "between", event_id="two")
        await run.send_event("paid", "last", event_id="last")
        await hop(run)
        await run.send_event("paid", "last", event_id="very last")
        outcome = await outcome_of(run, state=True)

    assert outcome.data == {"a": "before", "b": "last", "c": "last"}
    assert outcome.state is not None
    assert [(one.event, one.data) for one in outcome.state.unconsumed_events] == [(NOISE, None), ("paid", "between")]


async def test_a_transient_wait_hears_only_what_comes_while_it_waits(small: Harness) -> None:
    async with small.worker():
        run = await small.start(
            definition(wait_for("gate", "open"), wait_for("t", "ping", "gate", transient=True)),
        )
        await reaches(run, "gate", "waiting")
        await run.send_event("ping", "too early")
        await run.send_event("open")
        await reaches(run, "t", "waiting")
        await hop(run)
        still = await step_is(run, "t", "waiting")
        await run.send_event("ping", "in time")
        outcome = await outcome_of(run, state=True)

    assert still
    assert output_of(outcome, "t") == "in time"


@pytest.mark.parametrize("outcome_wanted", ["skip", "complete", "fail"])
async def test_the_event_that_ends_a_step_is_heard_in_the_very_task_of_the_hop(
    small: Harness, outcome_wanted: str
) -> None:
    fan = {
        "step_id": "fan",
        "step_type": "parallel",
        "for_each": "[1, 2]",
        "parallel_steps": [wait_for("w", "never")],
        "cancel_on": {"event": "stop", "outcome": outcome_wanted},
        "retry_policy": {"continue_on_failure": True},
    }
    run = await small.start(definition(fan))
    async with small.worker():
        await reaches(run, "fan[1].w", "waiting")
        await hop(run)
    await fill(run)
    await run.send_event("stop")
    async with small.worker():
        outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message
    assert outcome.status_of("fan") == {"skip": "skipped", "complete": "completed", "fail": "failed"}[outcome_wanted]
    assert outcome.status_of("fan[1].w") == "skipped"


async def test_items_are_added_in_every_history(small: Harness) -> None:
    fan = {
        "step_id": "fan",
        "step_type": "parallel",
        "for_each": "['a']",
        "add_on": {"event": "more", "match": "event != 'd'"},
        "parallel_steps": [wait_for("w", "done", match="event == item")],
    }
    run = await small.start(definition(fan, output={"got": "steps.fan.output.results.map(r, r.steps.w)"}))
    async with small.worker():
        await reaches(run, "fan[0].w", "waiting")
        await run.send_event("more", "b")
        await hop(run)
    await fill(run)
    await run.send_event("more", "c")
    await run.send_event("more", "d")
    async with small.worker():
        await reaches(run, "fan[2].w", "waiting")
        await hop(run)
        for item in "cab":
            await run.send_event("done", item)
        outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message
    assert outcome.data == {"got": ["a", "b", "c"]}
    assert len(await chain(small, run)) >= 3


async def test_a_lock_stays_with_its_holder_and_who_waits_for_it_has_not_begun(small: Harness) -> None:
    holder = {**wait_for("holder", "leave"), "lock": "door"}
    barred = {"step_id": "barred", "action": "note", "lock": "door", "conditions": ["workflow.allowed"]}
    second = {"step_id": "second", "action": "note", "lock": "door", "dependencies": ["first"]}
    ran: list[str] = []
    async with small.worker({"note": lambda: ran.append("noted"), "first": nothing}):
        run = await small.start(
            definition(holder, barred, {"step_id": "first"}, second, global_variables={"allowed": False})
        )
        await reaches(run, "holder", "waiting")
        await reaches(run, "second", "waiting")
        waiting = (await run.progress()).waiting_for
        await hop(run)
        await hop(run)
        still = (await run.progress()).waiting_for
        before = list(ran)
        await run.send_event("leave")
        outcome = await outcome_of(run)

    assert sorted(waiting) == sorted(still)
    assert "second: lock 'door'" in still
    assert before == []
    assert outcome.failure is None, outcome.message
    assert outcome.status_of("barred") == "skipped"
    assert outcome.status_of("second") == "completed"
    assert ran == ["noted"]


@pytest.mark.parametrize("hops", [0, 1])
async def test_a_failed_container_that_waits_for_its_lock_runs_again_what_failed(small: Harness, hops: int) -> None:
    stage = Stage({"both.bad": 1}, "both.bad")
    both = box("both", act("good"), act("bad", "good"), lock="door", retry_policy={"parallel_failure_threshold": 1.0})
    holder = {**wait_for("holder", "leave", "first"), "lock": "door"}
    async with small.worker(stage.actions):
        run = await small.start(definition(both, act("first"), holder, on_failure="pause"))
        await reaches(run, "holder", "waiting")
        stage.held.clear()
        await reaches(run, "both", "failed")
        await run.retry_step("both", "mended", by="op")
        await reaches(run, "both", "waiting")
        for _ in range(hops):
            await hop(run)
        await run.send_event("leave")
        outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message
    assert sorted(stage.began) == ["both.bad", "both.bad", "both.good", "first"]


async def test_nested_steps_keep_their_places_under_max_concurrency(small: Harness) -> None:
    nested = [wait_for(name, name) for name in ("a", "b", "c", "d")]
    both = {"step_id": "both", "step_type": "parallel", "max_concurrency": 2, "parallel_steps": nested}
    async with small.worker():
        run = await small.start(definition(both))
        await reaches(run, "both.b", "waiting")
        await run.send_event("a")
        await reaches(run, "both.c", "waiting")
        await hop(run)
        states = [await step_is(run, f"both.{name}", "waiting") for name in "bcd"]
        await run.send_event("d")
        await run.send_event("c")
        await reaches(run, "both.d", "completed")
        await run.send_event("b")
        outcome = await outcome_of(run)

    assert states == [True, True, False]
    assert outcome.failure is None, outcome.message


async def test_a_paused_run_stays_paused_while_its_waits_go_on(small: Harness) -> None:
    ran: list[str] = []
    async with small.worker({"after": lambda: ran.append("after")}):
        run = await small.start(
            definition(wait_for("w", "go"), ASK, {"step_id": "after", "dependencies": ["w", "ask"]}, wait_for("x", "x"))
        )
        await reaches(run, "ask", "waiting")
        first = await run.state()
        [asked] = await run.pending_approvals()
        await run.pause("lunch", by="op")
        await hop(run)
        await hop(run)
        paused = await run.state()
        [still_asked] = await run.pending_approvals()
        await run.approve("ask", approver="ann", digest=asked.digest)
        await run.send_event("go")
        await reaches(run, "w", "completed")
        before = list(ran)
        await run.resume("back", by="op")
        await reaches(run, "after", "completed")
        await hop(run)
        resumed = await run.state()
        await run.send_event("x")
        outcome = await outcome_of(run)

    assert paused.status == "paused"
    assert still_asked.digest == asked.digest
    assert before == []
    assert outcome.failure is None, outcome.message
    began, ended = (parse_rfc3339(one.time) for one in resumed.audit)
    assert moved(first, resumed) == pytest.approx((ended - began).total_seconds(), abs=0.01)
    assert [(one.operation, one.by) for one in resumed.audit] == [("pause", "op"), ("resume", "op")]


@pytest.mark.parametrize("paused", [False, True], ids=["held", "held and paused"])
async def test_a_step_that_holds_the_run_may_be_retried_in_a_later_history(small: Harness, paused: bool) -> None:
    ran: list[str] = []

    def flaky() -> None:
        ran.append("flaky")
        if len(ran) == 1:
            raise ActionError("no", type="Broken")

    async with small.worker({"flaky": flaky}):
        run = await small.start(
            definition({"step_id": "flaky"}, wait_for("w", "go"), on_failure="pause", retry_policy=ONCE)
        )
        await reaches(run, "flaky", "failed")
        if paused:
            await run.pause("look first", by="op")
        await hop(run)
        held = await run.progress()
        with pytest.raises(OperationRefused, match="waiting"):
            await run.retry_step("w", "why not", by="op")
        await run.send_event("go")
        await run.retry_step("flaky", "mended", by="op")
        if paused:
            await run.resume("looked", by="op")
        outcome = await outcome_of(run)

    assert held.status == "paused"
    assert "flaky: an operator: retry_step or skip_step" in held.waiting_for
    assert outcome.failure is None, outcome.message
    assert ran == ["flaky", "flaky"]
    assert outcome.report.steps["flaky"]["retry_count"] == 1


async def test_a_skip_is_remembered_and_a_waiting_step_may_be_skipped_in_a_later_history(small: Harness) -> None:
    async with small.worker({"unwanted": nothing, "after": nothing}):
        run = await small.start(
            definition(
                ASK,
                {"step_id": "unwanted", "dependencies": ["ask"]},
                {"step_id": "after", "dependencies": ["unwanted"]},
            )
        )
        await reaches(run, "ask", "waiting")
        await run.skip_step("unwanted", "not today", by="op")
        await hop(run)
        await run.skip_step("ask", "decided by phone", by="op")
        outcome = await outcome_of(run, state=True)

    assert outcome.failure is None, outcome.message
    assert [outcome.status_of(one) for one in ("ask", "unwanted", "after")] == ["skipped", "skipped", "completed"]
    assert outcome.state is not None
    assert [one.step_id for one in outcome.state.audit] == ["unwanted", "ask"]


async def test_an_error_handler_that_waits_for_a_person_goes_on_in_a_later_history(small: Harness) -> None:
    steps = [
        {"step_id": "pay", "action": "fails", "error_handlers": ["tell", "ask"]},
        {"step_id": "tell", "action": "note"},
        ASK,
        {"step_id": "after", "dependencies": ["pay"], "action": "note"},
    ]
    ran: list[str] = []
    async with small.worker({"fails": fails, "note": lambda: ran.append("noted")}):
        run = await small.start(definition(*steps, output={"why": "steps.pay.error.type"}))
        await reaches(run, "ask", "waiting")
        await hop(run)
        await hop(run)
        before = list(ran)
        await run.approve("ask", approver="ann")
        outcome = await outcome_of(run)

    assert before == ["noted"]
    assert outcome.failure is None, outcome.message
    assert ran == ["noted", "noted"]
    assert outcome.data == {"why": "Broken"}
    assert outcome.report.steps["pay"]["recovered"] is True


async def test_a_step_whose_join_held_once_goes_on_whatever_the_join_says_later(small: Harness) -> None:
    steps = [
        wait_for("slow", "slow"),
        {"step_id": "quick"},
        {**wait_for("joined", "go", "slow", "quick"), "join": "workflow.open && steps.quick.status == 'completed'"},
        {**wait_for("shut", "shut"), "output_mapping": {"false": "workflow.open"}},
    ]
    async with small.worker({"quick": nothing}):
        run = await small.start(definition(*steps, global_variables={"open": True}))
        await reaches(run, "joined", "waiting")
        await run.send_event("shut")
        await reaches(run, "shut", "completed")
        await hop(run)
        still = await step_is(run, "joined", "waiting")
        await run.send_event("go")
        await reaches(run, "joined", "completed")
        await run.send_event("slow")
        outcome = await outcome_of(run)

    assert still
    assert outcome.failure is None, outcome.message


async def test_people_who_are_waited_for_can_be_found_after_the_hop(small: Harness) -> None:
    asks = [
        {**ASK, "step_id": name, "approval": {"approvers": [name, "group:finance"]}, "dependencies": after}
        for name, after in (("ann", []), ("bob", []), ("cy", ["ann"]))
    ]
    async with small.worker():
        run = await small.start(definition(*asks))
        await reaches(run, "bob", "waiting")
        await hop(run)
        after_hop = await waited_for(run)
        await run.approve("ann", approver="ann")
        await reaches(run, "cy", "waiting")
        later = await waited_for(run)
        await hop(run)
        last = await waited_for(run)
        await run.approve("bob", approver="bob")
        await run.approve("cy", approver="cy")
        outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message
    assert after_hop == ["ann", "bob", "group:finance"]
    assert later == last == ["bob", "cy", "group:finance"]
    assert await waited_for(run) == []


async def test_the_result_tells_of_the_whole_run(small: Harness) -> None:
    steps = [{"step_id": "a"}, wait_for("w", "go", "a"), {"step_id": "b", "dependencies": ["w"]}]
    targets = {"max_execution_time": 0.5, "max_step_time": 0.3, "min_success_rate": 0.9}
    async with small.worker({"a": nothing, "b": nothing}):
        run = await small.start(definition(*steps, sla_targets=targets), options=ExecutionOptions(started_by="sam"))
        first = await eventually(run.state)
        await reaches(run, "w", "waiting")
        await hop(run)
        await asyncio.sleep(0.6)  # However long it takes, it is too long.
        await hop(run)
        later = await run.state()
        await run.send_event("go")
        outcome = await outcome_of(run)
        progress = await run.progress()

    report = outcome.report
    assert report.execution_id == later.execution_id == first.execution_id == run.handle.first_execution_run_id
    assert report.start_time == later.start_time == first.start_time
    assert later.deadline == first.deadline
    assert report.duration_seconds > 0.6
    assert {path: one["status"] for path, one in report.steps.items()} == dict.fromkeys("awb", "completed")
    assert report.steps_left_out == 0
    assert {name: one.met for name, one in report.sla.items()} == {
        "max_execution_time": False,
        "max_step_time": False,
        "min_success_rate": True,
    }
    assert progress.total == 3


async def waited_for(run: Run) -> list[str]:
    description = await run.client.get_workflow_handle(run.id).describe()
    return next((list(one.value) for one in description.typed_search_attributes if one.key.name == "AdwWaitingFor"), [])


def moved(before: RunState, after: RunState) -> float:
    """Seconds by which the run's deadline has moved."""
    assert before.deadline is not None
    assert after.deadline is not None
    return (parse_rfc3339(after.deadline) - parse_rfc3339(before.deadline)).total_seconds()
