from __future__ import annotations

import asyncio

import pytest

from tests.engine.stage import Stage, act, box, deed, ends, fan, loop, reaches, says, waits
from tests.harness import Harness, definition, eventually, outcome_of
from tests.patience import PATIENCE_SECONDS

LOCK = {"lock": "till"}


async def test_a_lock_is_given_in_the_order_it_was_asked_for_and_waiting_says_so(harness: Harness) -> None:
    stage = Stage(None, "b")
    async with harness.worker(stage.actions):
        run = await harness.start(
            definition(act("b", **LOCK), act("d", **LOCK), act("a", "free", **LOCK), act("c", **LOCK), act("free"))
        )
        await stage.sees("b", "free")
        await reaches(run, "a", "waiting")
        progress = await run.progress()
        stage.held.clear()
        outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message
    assert [path for path in stage.began if path != "free"] == ["b", "d", "c", "a"]
    assert progress.waiting_for == ["d: lock 'till'", "c: lock 'till'", "a: lock 'till'"]


async def test_max_concurrent_bounds_holders_wherever_they_are(harness: Harness) -> None:
    stage = Stage()
    two = {"lock": {"name": "till", "max_concurrent": 2}}
    outcome = await harness.run(
        definition(
            fan("rows", "[0, 1, 2, 3, 4, 5]", act("quick", **two)),
            loop("again", act("round", **two), rounds=3),
            box("all", act("x"), act("y", "x"), **two),
        ),
        actions=stage.actions,
    )

    assert outcome.failure is None, outcome.message
    assert len(stage.done) == 11
    assert stage.most_at_once <= 2


async def test_a_container_holds_its_lock_as_a_whole(harness: Harness) -> None:
    stage = Stage({"again#1.a": 1}, "all.x")
    async with harness.worker(stage.actions):
        run = await harness.start(
            definition(
                box("all", act("x"), act("y", "x"), **LOCK),
                loop("again", act("a", **{"retry_policy": {"continue_on_failure": True}}), act("b"), **LOCK),
                fan("rows", "[0, 1]", act("r"), **LOCK),
            )
        )
        await stage.sees("all.x")
        await reaches(run, "rows", "waiting")
        stage.held.clear()
        outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message
    containers = [path.replace("[", "#").partition("#")[0].partition(".")[0] for path in stage.began]
    assert containers == ["all"] * 2 + ["again"] * 4 + ["rows"] * 2


@pytest.mark.parametrize("failing", ["recovered", "lenient", "condition", "cancelled"])
async def test_a_lock_is_free_again_however_its_step_ended(harness: Harness, failing: str) -> None:
    stage = Stage({"a": 1}, "a")
    more = {
        "recovered": {"error_handlers": ["mend"]},
        "lenient": {"retry_policy": {"continue_on_failure": True}},
        "condition": {"conditions": ["false"]},
        "cancelled": {"cancel_on": "stop"},
    }[failing]
    async with harness.worker(stage.actions):
        run = await harness.start(definition(act("a", **LOCK, **more), act("b", **LOCK), act("mend", **LOCK)))
        if failing != "condition":
            await stage.sees("a")
            await reaches(run, "b", "waiting")
        await run.send_event("stop")
        if failing != "cancelled":
            stage.held.clear()
        outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message
    assert ends(outcome, "b") == ["completed"]
    assert stage.most_at_once == 1


async def test_conditions_are_looked_at_once_the_lock_is_held(harness: Harness) -> None:
    stage = Stage(None, "count")
    counts = {"output_mapping": {"result": "workflow.count"}, **says("workflow.count + 1"), **LOCK}
    async with harness.worker(stage.actions):
        run = await harness.start(
            definition(
                act("count", **counts),
                act("again", conditions=["workflow.count < 2"], **counts),
                act("never", conditions=["workflow.count < 2"], **counts),
                global_variables={"count": 0},
            )
        )
        await reaches(run, "never", "waiting")
        stage.held.clear()
        outcome = await outcome_of(run)

    assert outcome.data == {"count": 2}
    assert ends(outcome, "count", "again", "never") == ["completed", "completed", "condition_false"]


async def test_those_who_wait_for_a_lock_can_be_skipped_given_up_and_cancelled(harness: Harness) -> None:
    stage = Stage(None, "a")
    async with harness.worker(stage.actions):
        run = await harness.start(
            definition(
                deed("a", **LOCK),
                deed("skipped", **LOCK),
                act("after", "skipped"),
                act("loser", **LOCK),
                waits("go"),
                act("won", "loser", "go", join="any", cancel_rest=True),
                waits("never"),
                act("last", **LOCK),
            )
        )
        await reaches(run, "last", "waiting")
        await run.send_event("go")
        await reaches(run, "won", "completed")
        await run.skip_step("skipped", "not today", by="op")
        stage.held.clear()
        await eventually(lambda: "last" in stage.done)
        await run.cancel()
        outcome = await outcome_of(run, state=True)

    assert outcome.failure == "Cancelled"
    assert sorted(stage.began) == ["a", "after", "last", "won"]
    assert stage.undone == ["a"]
    assert outcome.state is not None
    reasons = {one.path: one.skip_reason for one in outcome.state.steps if one.skip_reason}
    assert reasons == {"skipped": "skipped_by_operator", "loser": "not_needed"}


async def test_a_run_that_ends_leaves_nobody_waiting_for_a_lock(harness: Harness) -> None:
    stage = Stage({"bad": 1}, "a")
    async with harness.worker(stage.actions):
        run = await harness.start(definition(deed("a", **LOCK), deed("b", **LOCK), waits("go"), act("bad", "go")))
        await reaches(run, "b", "waiting")
        await run.send_event("go")
        outcome = await asyncio.wait_for(outcome_of(run), PATIENCE_SECONDS)

    assert outcome.failure == "WorkflowFailed"
    assert stage.undone == ["a"]
    assert outcome.status_of("b") == "pending"
