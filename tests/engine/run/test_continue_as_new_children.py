from __future__ import annotations

import contextlib
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent

from advanced_workflow.client.errors import RunNotFound
from advanced_workflow.client.runs import Run, get_run
from advanced_workflow.workflows.contract.paths import undo_run_id
from advanced_workflow.workflows.errors import WorkflowError
from tests.engine.hops import CONTINUE_AFTER, NOISE, chain, cut_short, hop
from tests.engine.stage import Stage, act, deed, ends, is_seen, loop, output_of, reaches, says, waits
from tests.harness import Harness, at_rest, definition, eventually, outcome_of
from tests.patience import TooSlow, given_time

CANCEL_REQUESTED = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED
CHILD = definition(
    deed("made", **says("input.number")),
    waits("finish", "made"),
    deed("last", "finish", conditions=["steps.finish.output != 'skip it'"], **says("steps.finish.output")),
    workflow_id="child",
    output={"got": "steps.finish.output"},
)


@pytest.fixture
def small(harness: Harness) -> Harness:
    return cut_short(harness)


def sub(step_id: str = "sub", *after: str, **more: Any) -> dict[str, Any]:
    call = {"step_type": "sub_workflow", "workflow": "child", "input_mapping": {"number": "7"}}
    return {"step_id": step_id, "dependencies": list(after), **call, **more}


async def child_of(run: Run, path: str = "sub") -> Run:
    """The child run of a step, once it waits."""
    child = get_run(run.client, f"{run.id}/{path}")
    await reaches(child, "finish", "waiting")
    return child


async def test_a_child_goes_on_undisturbed_and_its_result_is_found(small: Harness) -> None:
    stage = Stage({"bad": 1})
    async with small.worker(stage.actions, definitions=[CHILD]):
        run = await small.start(definition(sub(), act("bad", "sub")))
        child = await child_of(run)
        await hop(run)
        await hop(run)
        assert [one.waiting_for for one in (await run.state()).steps] == [None, None]
        await child.send_event("finish", "fine")
        outcome = await outcome_of(run, state=True)
    [history] = await chain(small, child)

    assert CANCEL_REQUESTED not in [one.event_type for one in history.events]
    assert outcome.failure == "WorkflowFailed"
    assert outcome.report.error is not None
    assert outcome.report.error.step_id == "bad"
    assert output_of(outcome, "sub") == {"got": "fine"}
    assert stage.undone == ["last", "made"]
    assert outcome.report.rollback is not None
    undoing = undo_run_id(child.id, history.run_id)
    assert [(one.run, one.path, one.outcome) for one in outcome.report.rollback.entries] == [
        (undoing, "last", "undone"),
        (undoing, "made", "undone"),
    ]


@pytest.mark.parametrize(
    ("end", "kind"),
    [("fails", "Broken"), ("cancelled", "Cancelled"), ("terminated", "Terminated"), ("times out", "WorkflowTimeout")],
)
async def test_a_child_that_does_not_complete_fails_its_step_and_error_handlers_are_told_why(
    small: Harness, end: str, kind: str
) -> None:
    async def once(seconds: float) -> None:
        stage = Stage({"last": 1})
        child_definition = {**CHILD, "timeout": seconds} if end == "times out" else CHILD
        told = act("told", **says("steps.sub.error.type"))
        steps = [sub(error_handlers=[{"handler": "told", "on": [kind]}]), told, waits("w")]
        async with small.worker(stage.actions, definitions=[child_definition]):
            run = await small.start(definition(*steps))
            child = get_run(run.client, f"{run.id}/sub")
            if not await is_seen(child, "made", "completed"):
                raise TooSlow
            await hop(run)
            if end == "fails":
                await child.send_event("finish")
            elif end == "cancelled":
                await child.cancel()
            elif end == "terminated":
                await child.handle.terminate("by hand")
            await reaches(run, "told", "completed")
            await run.send_event("w")
            outcome = await outcome_of(run, state=True)

        assert outcome.failure is None, outcome.message
        assert output_of(outcome, "told") == kind
        assert stage.undone == ([] if end == "terminated" else ["made"])

    await given_time(once, 3)


@pytest.mark.parametrize("listens", [True, False], ids=["it is cancelled", "it completes all the same"])
async def test_cancelling_the_run_in_a_later_history_ends_or_undoes_the_child(small: Harness, listens: bool) -> None:
    stage = Stage({}, "held")
    held = [act("held", "made")] if not listens else []
    child_definition = {**CHILD, "steps": [*CHILD["steps"], *definition(*held)["steps"]]}
    async with small.worker(stage.actions, definitions=[child_definition]):
        run = await small.start(definition(deed("first"), sub("sub", "first")))
        child = await child_of(run)
        await hop(run)
        if not listens:
            # Its decision and the cancellation meet in one task: it may complete, or be cancelled.
            stage.held.clear()
            await child.send_event("finish", "skip it")
        await run.cancel("not wanted", by="ann")
        outcome = await outcome_of(run)
        state = await child.state()

    assert outcome.failure == "Cancelled"
    assert state.status == ("cancelled" if listens else state.status)
    if listens:
        assert [(one.by, one.reason) for one in state.audit] == [("ann", "not wanted")]
    assert stage.undone == ["made", "first"]


async def test_a_cancelled_child_is_awaited_however_often_the_run_is_told_to_end(small: Harness) -> None:
    stage = Stage({}, "made.rollback[0]")
    waiting = {**sub(cancel_on={"event": "stop", "outcome": "skip"})}
    async with small.worker(stage.actions, definitions=[CHILD]):
        run = await small.start(definition(deed("first"), {**waiting, "dependencies": ["first"]}))
        child = await child_of(run)
        await hop(run)
        await run.send_event("stop")
        await eventually(lambda: "made" in stage.undo_inputs)
        await run.cancel()
        await at_rest(run)
        meanwhile = list(stage.undone)
        stage.held.clear()
        outcome = await outcome_of(run)
        state = await child.state()

    assert meanwhile == []
    assert outcome.failure == "Cancelled"
    assert state.status == "cancelled"
    assert stage.undone == ["made", "first"]


@pytest.mark.parametrize("hops_before", [0, 1], ids=["begun in this history", "begun in an earlier one"])
async def test_a_run_stays_in_its_history_while_a_child_is_being_ended(small: Harness, hops_before: int) -> None:
    stage = Stage({}, "made.rollback[0]")
    ended = sub(cancel_on={"event": "stop", "outcome": "complete"})
    async with small.worker(stage.actions, definitions=[CHILD]):
        run = await small.start(definition(ended, act("after", "sub"), waits("w")))
        child = await child_of(run)
        for _ in range(hops_before):
            await hop(run)
        await run.send_event("stop")
        await eventually(lambda: "made" in stage.undo_inputs)
        for _ in range(CONTINUE_AFTER):
            await run.send_event(NOISE, event_id=NOISE)
        await at_rest(run)
        stage.held.clear()
        await reaches(run, "after", "completed")
        await hop(run)
        await run.send_event("w")
        outcome = await outcome_of(run)
        state = await child.state()

    assert outcome.failure is None, outcome.message
    assert ends(outcome, "sub", "after") == ["completed", "completed"]
    assert state.status == "cancelled"


async def test_a_failure_stays_the_cause_while_a_child_is_being_ended(small: Harness) -> None:
    stage = Stage({"bad": 1}, "made.rollback[0]")
    async with small.worker(stage.actions, definitions=[CHILD]):
        run = await small.start(definition(waits("w"), deed("first"), sub(), waits("go"), act("bad", "go")))
        await child_of(run)
        await hop(run)
        await run.send_event("go")
        await eventually(lambda: "made" in stage.undo_inputs)
        for _ in range(CONTINUE_AFTER):
            await run.send_event(NOISE, event_id=NOISE)
        await at_rest(run)
        stage.held.clear()
        outcome = await outcome_of(run)

    assert outcome.failure == "WorkflowFailed"
    assert outcome.report.error is not None
    assert (outcome.report.error.type, outcome.report.error.step_id) == ("Broken", "bad")
    assert stage.undone == ["made", "first"]


async def test_a_child_is_tried_again_when_its_pause_is_over(small: Harness) -> None:
    async def once(seconds: float) -> None:
        stage = Stage({"last": 1, "made.rollback[0]": 0})
        retried = sub(retry_policy={"max_attempts": 2, "delay": seconds})
        async with small.worker(stage.actions, definitions=[CHILD]):
            run = await small.start(definition(retried))
            first = await child_of(run)
            await first.send_event("finish", 1)
            if await eventually(lambda: pause_of(run)) == "over":
                raise TooSlow
            await hop(run)
            paused = (await run.progress()).waiting_for
            if not paused:
                raise TooSlow
            second = await child_of(run, "sub~2")
            await second.send_event("finish", 2)
            outcome = await outcome_of(run, state=True)

        assert paused == ["sub: attempt 2"]
        assert outcome.failure is None, outcome.message
        assert output_of(outcome, "sub") == {"got": 2}

    await given_time(once, 3)


async def pause_of(run: Run) -> str:
    """Whether it waits between the attempts of its step `sub`, or did."""
    with contextlib.suppress(RunNotFound):
        await get_run(run.client, f"{run.id}/sub~2").summary()
        return "over"
    return "now" if "sub: attempt 2" in (await run.progress()).waiting_for else ""


async def test_the_time_a_child_may_take_does_not_begin_anew(small: Harness) -> None:
    async def once(seconds: float) -> None:
        stage = Stage()
        async with small.worker(stage.actions, definitions=[CHILD]):
            run = await small.start(definition(sub(timeout=seconds)))
            child = get_run(run.client, f"{run.id}/sub")
            if not await is_seen(child, "finish", "waiting"):
                raise TooSlow
            try:
                await hop(run)
            except WorkflowError:  # It has ended.
                raise TooSlow from None
            outcome = await outcome_of(run)
            state = await child.state()
        later = [seconds_of(one) for history in (await chain(small, run))[1:] for one in history.events]

        assert outcome.failure == "WorkflowFailed"
        assert outcome.report.error is not None
        assert outcome.report.error.type == "Timeout"
        assert outcome.report.duration_seconds >= seconds
        assert any(0 < one < seconds for one in later), "what is left of its time"
        assert seconds not in later
        assert state.status == "cancelled"
        assert stage.undone == ["made"]

    await given_time(once, 5)


def seconds_of(event: HistoryEvent) -> float:
    """What a timer waits that begins with this event."""
    return event.timer_started_event_attributes.start_to_fire_timeout.ToTimedelta().total_seconds()


async def test_a_child_and_its_undoing_run_continue_as_new_themselves(small: Harness) -> None:
    stage = Stage({"bad": 1})
    body = [deed("a", **says("iteration")), deed("b", "a")]
    child_definition = definition(loop("rounds", *body, rounds=10), workflow_id="child")
    async with small.worker(stage.actions, definitions=[child_definition]):
        run = await small.start(definition(sub(), act("bad", "sub")))
        outcome = await outcome_of(run)
    child = get_run(run.client, f"{run.id}/sub")
    histories = await chain(small, child)
    undoing = get_run(run.client, undo_run_id(child.id, histories[0].run_id))

    assert outcome.failure == "WorkflowFailed", outcome.message
    assert stage.undone == [f"rounds#{number}.{name}" for number in reversed(range(10)) for name in "ba"]
    assert outcome.undone() == stage.undone
    assert len(histories) >= 3
    assert len(await chain(small, undoing)) >= 3
    assert {one["idempotency_key"].split(":")[0] for one in stage.undo_inputs.values()} == {histories[0].run_id}
