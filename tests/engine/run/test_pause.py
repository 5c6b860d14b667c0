"""Nothing starts between `pause` and `resume`, whatever a step waited for when the run was paused."""

from __future__ import annotations

from typing import Any

import pytest

from advanced_workflow.activities.action.errors import ActionError
from advanced_workflow.client.runs import Run
from tests.engine.stage import Stage, act, ends, fan, loop, reaches, waits
from tests.harness import Harness, Outcome, definition, eventually, outcome_of


def child(step_id: str, **more: Any) -> dict[str, Any]:
    return {"step_id": step_id, "step_type": "sub_workflow", "workflow": "child", **more}


async def starts_nothing(run: Run) -> None:
    """The workflow task that noted the end of what ran has started nothing."""
    assert not await run.attempts()


async def paused_while(stage: Stage, run: Run, *first: str) -> list[str]:
    """Pause while these run, let them end, and tell what began until then."""
    await stage.sees(*first)
    await run.pause("wait", by="op")
    stage.held.clear()
    for path in first:
        await reaches(run, path, "completed")
    await starts_nothing(run)
    return list(stage.began)


async def resumed(run: Run) -> Outcome:
    await run.resume("on", by="op")
    return await outcome_of(run)


async def test_steps_that_wait_for_a_slot_do_not_start_in_a_paused_run(harness: Harness) -> None:
    stage, names = Stage(None, "s0"), [f"s{number}" for number in range(8)]
    async with harness.worker(stage.actions):
        run = await harness.start(definition(*(act(one) for one in names), max_parallel_steps=1))
        began = await paused_while(stage, run, "s0")
        outcome = await resumed(run)

    assert began == ["s0"]
    assert ends(outcome, *names) == ["completed"] * 8
    assert stage.began == names
    assert stage.most_at_once == 1


@pytest.mark.parametrize("more", [{"max_concurrency": 2}, {}])
async def test_a_fan_out_starts_no_more_in_a_paused_run(harness: Harness, more: dict[str, Any]) -> None:
    stage = Stage(None, "f[0].x", "f[1].x")
    async with harness.worker(stage.actions):
        run = await harness.start(
            definition(fan("f", "input", act("x"), act("y", "x"), **more), max_parallel_steps=2), list(range(6))
        )
        began = await paused_while(stage, run, "f[0].x", "f[1].x")
        outcome = await resumed(run)

    assert sorted(began) == ["f[0].x", "f[1].x"]
    assert outcome.failure is None, outcome.message
    assert len(stage.done) == 12


async def test_a_step_that_waits_for_a_lock_does_not_start_in_a_paused_run(harness: Harness) -> None:
    stage, lock = Stage(None, "a"), {"lock": {"name": "till"}}
    async with harness.worker(stage.actions):
        run = await harness.start(definition(act("a", **lock), act("b", **lock), act("c", **lock)))
        began = await paused_while(stage, run, "a")
        await run.skip_step("c", "not needed", by="op")
        outcome = await resumed(run)

    assert began == ["a"]
    assert ends(outcome, "a", "b", "c") == ["completed", "completed", "skipped_by_operator"]
    assert stage.began == ["a", "b"]


async def test_no_round_of_a_loop_begins_in_a_paused_run(harness: Harness) -> None:
    stage = Stage(None, "l#0.x")
    async with harness.worker(stage.actions):
        run = await harness.start(definition(loop("l", act("x"), act("y", "x"), rounds=2)))
        await stage.sees("l#0.x")
        await run.pause("wait", by="op")
        stage.held.clear()
        await reaches(run, "l#0.x", "completed")
        await starts_nothing(run)
        began = list(stage.began)
        outcome = await resumed(run)

    assert began == ["l#0.x"]
    assert outcome.failure is None, outcome.message
    assert len(stage.done) == 4


async def test_a_skip_of_a_step_that_waits_for_a_slot_holds(harness: Harness) -> None:
    stage = Stage(None, "s0")
    async with harness.worker(stage.actions):
        run = await harness.start(definition(act("s0"), act("s1"), act("s2"), act("s3", "s1"), max_parallel_steps=1))
        await stage.sees("s0")
        await run.skip_step("s1", "not needed", by="op")
        stage.held.clear()
        outcome = await outcome_of(run)

    assert ends(outcome, "s0", "s1", "s2", "s3") == ["completed", "skipped_by_operator", "completed", "completed"]
    assert "s1" not in stage.began


async def test_no_further_attempt_of_a_child_begins_in_a_paused_run(harness: Harness) -> None:
    tried: list[str] = []

    def flaky() -> None:
        tried.append("once")
        if len(tried) == 1:
            raise ActionError("no", retryable=False)

    inner = {**definition({"step_id": "flaky"}), "workflow_id": "child"}
    again = {"max_attempts": 2, "delay": 1}
    async with harness.worker({"flaky": flaky}, [inner]):
        run = await harness.start(definition(child("c", retry_policy=again)))
        await eventually(lambda: _waits_for(run, "attempt 2"))
        await run.pause("wait", by="op")
        await eventually(lambda: _waits_for(run, "the run to be resumed"))
        await starts_nothing(run)
        before = list(tried)
        outcome = await resumed(run)

    assert before == ["once"]
    assert outcome.failure is None, outcome.message
    assert len(tried) == 2


async def test_a_held_run_that_continues_as_new_starts_nothing(harness: Harness) -> None:
    harness.continue_after = 100
    stage = Stage({"bad": 1}, "first")
    async with harness.worker(stage.actions):
        run = await harness.start(
            definition(
                act("late", "first"),
                act("first", "l"),
                act("bad", "l"),
                loop("l", rounds=12),
                waits("w"),
                on_failure="pause",
                retry_policy={"max_attempts": 1},
            )
        )
        await reaches(run, "bad", "failed")
        stage.held.clear()
        await reaches(run, "first", "completed")
        first = run.handle.first_execution_run_id
        await eventually(lambda: _is_another(run, first))
        latest = Run(run.client, run.client.get_workflow_handle(run.id), "tester")
        await eventually(latest.progress)
        await starts_nothing(latest)
        began, held = list(stage.began), await latest.progress()
        await latest.retry_step("bad", "again", by="op")
        await latest.send_event("w")
        outcome = await outcome_of(run)

    assert "late" not in began
    assert held.status == "paused"
    assert "bad: an operator: retry_step or skip_step" in held.waiting_for
    assert outcome.failure is None, outcome.message
    assert "late" in stage.done


async def test_a_paused_run_that_continues_as_new_still_asks_what_it_asked_inside_a_loop(harness: Harness) -> None:
    harness.continue_after = 100
    stage = Stage()
    ask = {"step_id": "ask", "step_type": "human_approval", "name": "ask"}
    async with harness.worker(stage.actions):
        run = await harness.start(
            definition(loop("l", rounds=18), loop("m", ask, act("then", "ask"), rounds=1, after=["l"]))
        )
        await eventually(lambda: run.pending_approvals())
        first = run.handle.first_execution_run_id
        await run.pause("wait", by="op")
        await eventually(lambda: _is_another(run, first))
        latest = Run(run.client, run.client.get_workflow_handle(run.id), "tester")
        asked = await eventually(latest.pending_approvals)
        await latest.approve("m#0.ask", approver="ann")
        await reaches(latest, "m#0.ask", "completed")
        await starts_nothing(latest)
        began = list(stage.began)
        await latest.resume("on", by="op")
        outcome = await outcome_of(run)

    assert [one.path for one in asked] == ["m#0.ask"]
    assert "m#0.then" not in began
    assert outcome.failure is None, outcome.message


async def _waits_for(run: Run, what: str) -> bool:
    return any(what in one for one in (await run.progress()).waiting_for)


async def _is_another(run: Run, first: str | None) -> bool:
    latest = run.client.get_workflow_handle(run.id)
    return (await latest.describe()).run_id != first
