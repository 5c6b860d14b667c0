from __future__ import annotations

import asyncio
from typing import Any

import pytest

from advanced_workflow.activities.action import context
from advanced_workflow.activities.action.errors import ActionError
from advanced_workflow.client.runs import Run
from advanced_workflow.workflows.errors import InputInvalid, OperationRefused, UnknownStep, WorkflowError
from tests.engine.stage import is_seen
from tests.harness import Harness, at_rest, definition, eventually, outcome_of, recording
from tests.patience import PATIENCE_SECONDS, TooSlow, given_time

ONCE = {"max_attempts": 1}


def nothing() -> None:
    return None


async def test_pause_starts_no_new_step_and_resume_goes_on(harness: Harness) -> None:
    began, release = asyncio.Event(), asyncio.Event()

    async def first() -> None:
        began.set()
        await release.wait()

    async with harness.worker({"first": first, "second": nothing}):
        run = await harness.start(definition({"step_id": "first"}, {"step_id": "second", "dependencies": ["first"]}))
        await asyncio.wait_for(began.wait(), PATIENCE_SECONDS)
        await run.pause("look first", by="op")
        release.set()
        await eventually(lambda: _is(run, "first", "completed"))
        called = await at_rest(run)
        paused = await run.state()
        with pytest.raises(OperationRefused, match="paused already"):
            await run.pause("again", by="op")
        await run.resume("looked", by="op")
        outcome = await outcome_of(run, state=True)

    assert (paused.status, called) == ("paused", [])
    assert {one.path: one.status for one in paused.steps} == {"first": "completed", "second": "pending"}
    assert outcome.failure is None, outcome.message
    assert outcome.state is not None
    assert [(one.operation, one.by, one.reason) for one in outcome.state.audit] == [
        ("pause", "op", "look first"),
        ("resume", "op", "looked"),
    ]


async def test_time_spent_paused_does_not_count_against_the_timeout(harness: Harness) -> None:
    async def once(seconds: float) -> None:
        waiting = waits(seconds / 3)
        async with harness.worker({"after": nothing}):
            run = await harness.start(definition(waiting, {"step_id": "after", "dependencies": ["w"]}, timeout=seconds))
            if not await is_seen(run, "w", "waiting"):
                raise TooSlow
            try:
                await run.pause("lunch", by="op")
            except WorkflowError:  # It has ended.
                raise TooSlow from None
            other = await outcome_of(await harness.start(definition(waits(PATIENCE_SECONDS), timeout=seconds)))
            paused = await run.state()
            await run.resume("back", by="op")
            outcome = await outcome_of(run)

        if outcome.failure == "WorkflowTimeout":
            raise TooSlow
        assert (other.failure, paused.status) == ("WorkflowTimeout", "paused")
        assert outcome.failure is None, outcome.message

    await given_time(once, 3)


def waits(seconds: float) -> dict[str, Any]:
    return {"step_id": "w", "step_type": "wait", "wait": {"seconds": seconds}}


async def test_on_failure_pause_holds_the_run_until_the_step_is_retried(harness: Harness) -> None:
    keys: list[str] = []

    def flaky() -> None:
        keys.append(context.idempotency_key())
        if len(keys) == 1:
            raise ActionError("no", type="Broken")

    async with harness.worker({"flaky": flaky, "after": nothing}):
        run = await harness.start(
            definition(
                {"step_id": "flaky"},
                {"step_id": "after", "dependencies": ["flaky"]},
                on_failure="pause",
                retry_policy=ONCE,
            )
        )
        await eventually(lambda: _is(run, "flaky", "failed"))
        held = await run.state()
        progress = await run.progress()
        with pytest.raises(OperationRefused, match="flaky"):
            await run.resume("just go on", by="op")
        with pytest.raises(OperationRefused):
            await run.retry_step("after", "why not", by="op")
        await run.retry_step("flaky", "mended", by="op")
        outcome = await outcome_of(run)

    assert held.status == "paused"
    assert progress.waiting_for == ["flaky: an operator: retry_step or skip_step"]
    assert outcome.failure is None, outcome.message
    assert len(set(keys)) == 1
    assert outcome.report.steps["flaky"]["retry_count"] == 1


async def test_a_step_retried_in_a_paused_run_waits_for_resume(harness: Harness) -> None:
    ran: list[str] = []

    def flaky() -> None:
        ran.append("flaky")
        if len(ran) == 1:
            raise ActionError("no", type="Broken")

    async with harness.worker({"flaky": flaky}):
        run = await harness.start(definition({"step_id": "flaky"}, on_failure="pause", retry_policy=ONCE))
        await eventually(lambda: _is(run, "flaky", "failed"))
        await run.pause("look first", by="op")
        await run.retry_step("flaky", "mended", by="op")
        called, before = await at_rest(run), list(ran)
        await run.resume("looked", by="op")
        outcome = await outcome_of(run)

    assert (called, before) == ([], ["flaky"])
    assert ran == ["flaky", "flaky"]
    assert outcome.failure is None, outcome.message


async def test_a_held_step_may_be_skipped_and_its_dependents_run(harness: Harness) -> None:
    def fails() -> None:
        raise ActionError("no")

    async with harness.worker({"bad": fails, "after": nothing}):
        run = await harness.start(
            definition(
                {"step_id": "bad"}, {"step_id": "after", "dependencies": ["bad"]}, on_failure="pause", retry_policy=ONCE
            )
        )
        await eventually(lambda: _is(run, "bad", "failed"))
        await run.skip_step("bad", "done by hand", by="op")
        outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message
    assert outcome.report.steps["bad"]["skip_reason"] == "skipped_by_operator"
    assert outcome.status_of("after") == "completed"


async def test_a_pending_and_a_waiting_step_may_be_skipped(harness: Harness) -> None:
    async with harness.worker({"after": nothing, "unwanted": nothing}):
        run = await harness.start(
            definition(
                {"step_id": "ask", "step_type": "human_approval"},
                {"step_id": "unwanted", "dependencies": ["ask"]},
                {"step_id": "after", "dependencies": ["unwanted"]},
            )
        )
        await eventually(lambda: _is(run, "ask", "waiting"))
        await run.skip_step("unwanted", "not today", by="op")
        await run.skip_step("ask", "decided by phone", by="op")
        outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message
    assert [outcome.status_of(one) for one in ("ask", "unwanted", "after")] == ["skipped", "skipped", "completed"]


async def test_operations_that_do_not_fit_are_refused_with_a_reason(harness: Harness) -> None:
    began, release = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        began.set()
        await release.wait()

    async with harness.worker({"work": work}):
        run = await harness.start(definition({"step_id": "work"}))
        await asyncio.wait_for(began.wait(), PATIENCE_SECONDS)
        with pytest.raises(OperationRefused, match="not paused"):
            await run.resume("why", by="op")
        with pytest.raises(OperationRefused, match="running"):
            await run.skip_step("work", "too slow", by="op")
        with pytest.raises(UnknownStep):
            await run.skip_step("nowhere", "why", by="op")
        release.set()
        outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message


async def test_cancelling_a_held_run_undoes_it(harness: Harness) -> None:
    undone: list[str] = []

    def fails() -> None:
        raise ActionError("no")

    async with harness.worker({"a": nothing, "bad": fails, "undo": recording(undone)}):
        run = await harness.start(
            definition(
                {"step_id": "a", "rollback_actions": ["undo"]},
                {"step_id": "bad", "dependencies": ["a"]},
                on_failure="pause",
                retry_policy=ONCE,
            )
        )
        await eventually(lambda: _is(run, "bad", "failed"))
        await run.cancel()
        outcome = await outcome_of(run)

    assert outcome.failure == "Cancelled"
    assert undone == ["a completed"]


async def test_retrying_a_container_keeps_its_completed_steps(harness: Harness) -> None:
    ran: list[str] = []

    def good() -> None:
        ran.append("good")

    def flaky() -> None:
        ran.append("flaky")
        if ran.count("flaky") == 1:
            raise ActionError("no")

    nested = [{"step_id": "good"}, {"step_id": "flaky"}]
    async with harness.worker({"good": good, "flaky": flaky}):
        run = await harness.start(
            definition(
                {
                    "step_id": "both",
                    "step_type": "parallel",
                    "parallel_steps": nested,
                    "retry_policy": {"parallel_failure_threshold": 1.0},
                },
                on_failure="pause",
                retry_policy=ONCE,
            )
        )
        await eventually(lambda: _is(run, "both", "failed"))
        await run.retry_step("both", "again", by="op")
        outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message
    assert sorted(ran) == ["flaky", "flaky", "good"]


async def _is(run: Run, path: str, status: str) -> bool:
    return any(one.path == path and one.status == status for one in (await run.state()).steps)


async def test_an_operator_is_named_gives_a_reason_and_is_short(harness: Harness) -> None:
    wait = {"step_id": "w", "step_type": "wait", "wait": {"event": "go"}}
    later = [{"step_id": one, "action": "nothing", "dependencies": ["w"]} for one in ("a", "b")]
    async with harness.worker({"nothing": nothing}):
        run = await harness.start(definition(wait, *later))
        await eventually(lambda: _is(run, "w", "waiting"))
        for by, reason in ((" \u200b", "why"), ("x" * 201, "why"), ("op", ""), ("op", "x" * 2_001)):
            with pytest.raises(InputInvalid, match=r"say who does it|say it in fewer"):
                await run.pause(reason, by=by)
        await run.skip_step("a", "known", by="op", output="x" * 300_000)
        with pytest.raises(OperationRefused, match="'b' has not begun"):
            await run.skip_step("b", "known", by="op", output="x" * 300_000)
        state = await run.state()
        await run.cancel()
        await outcome_of(run)

    assert [one.step_id for one in state.audit] == ["a"]


async def test_the_id_of_a_step_that_has_copies_skips_none_of_them(harness: Harness) -> None:
    ask = {"step_id": "ask", "step_type": "wait", "wait": {"event": "go"}}
    each = {"step_id": "each", "step_type": "parallel", "for_each": "input", "parallel_steps": [ask]}
    async with harness.worker({}):
        run = await harness.start(definition(each), [1, 2])
        await eventually(lambda: _is(run, "each[1].ask", "waiting"))
        with pytest.raises(UnknownStep, match=r"name the path of one \(each\[0\]\.ask, each\[1\]\.ask\)"):
            await run.skip_step("ask", "not needed", by="op")
        await run.skip_step("each[1].ask", "not needed", by="op")
        # A client that did not see the answer says it again.
        with pytest.raises(OperationRefused, match="is skipped"):
            await run.skip_step("each[1].ask", "not needed", by="op")
        state = await run.state()
        await run.cancel()
        await outcome_of(run)

    assert {one.path: one.status for one in state.steps if one.step_id == "ask"} == {
        "each[0].ask": "waiting",
        "each[1].ask": "skipped",
    }
