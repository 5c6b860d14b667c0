"""Loops that are undone, retried, paused, cancelled or too long."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest

from advanced_workflow.activities.action import context
from advanced_workflow.activities.action.errors import ActionError
from advanced_workflow.client.runs import Run
from tests.engine.stage import Stage, act, box, deed, fan, loop, reaches, says, waits
from tests.harness import Harness, at_rest, definition, eventually, outcome_of, recording


@pytest.mark.parametrize("check", ["before", "after"])
async def test_the_limit_is_exact_and_what_was_done_until_then_is_undone(harness: Harness, check: str) -> None:
    stage = Stage()
    outcome = await harness.run(
        definition(
            loop("enough", deed("a"), rounds=3, loop_check=check, loop_max_iterations=3),
            loop("endless", after=("enough",), rounds=9, loop_check=check, loop_max_iterations=2)
            | {"rollback_actions": ["undo"], "error_handlers": [{"handler": "other", "on": ["Broken"]}]},
            act("other"),
        ),
        actions=stage.actions,
    )

    assert outcome.failure == "WorkflowFailed"
    assert outcome.report.error is not None
    assert (outcome.report.error.type, outcome.report.error.path) == ("LoopLimitExceeded", "endless")
    assert "ran 2 rounds" in outcome.message
    assert stage.done == ["enough#0.a", "enough#1.a", "enough#2.a", "endless#0", "endless#1"]
    assert stage.undone == stage.done[::-1]


@pytest.mark.parametrize("ending", ["cancel", "failure"])
async def test_no_round_follows_one_that_completes_although_it_was_cancelled(harness: Harness, ending: str) -> None:
    began, undone, released = list[str](), list[str](), asyncio.Event()

    async def work() -> None:
        began.append(context.step_path())
        while not released.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await released.wait()

    async def fail() -> None:
        await eventually(lambda: began)
        raise ActionError("no", retryable=False)

    bad = [{"step_id": "bad", "action": "fail"}] if ending == "failure" else []
    actions = {"work": work, "fail": fail, "undo": recording(undone)}
    async with harness.worker(actions):
        run = await harness.start(definition(loop("again", rounds=9, rollback_actions=["undo"]), *bad))
        await eventually(lambda: began)
        if ending == "cancel":
            await run.cancel()

        async def told() -> bool:
            events = (await run.handle.fetch_history()).events
            return any(one.HasField("activity_task_cancel_requested_event_attributes") for one in events)

        await eventually(told)
        released.set()
        outcome = await outcome_of(run)

    assert outcome.failure == ("Cancelled" if ending == "cancel" else "WorkflowFailed")
    assert began == ["again#0"]
    assert undone == ["again completed"]


async def test_undoing_goes_backwards_over_rounds_and_sees_what_they_saw(harness: Harness) -> None:
    stage = Stage({"bad": 1})
    mapping = {"rollback_mapping": {"round": "iteration", "item": "item", "gave": "result", "a": "steps.a.output"}}
    outcome = await harness.run(
        definition(
            fan(
                "rows",
                "input.rows",
                loop("again", deed("a", **says("item + string(iteration)")), deed("b", "a", **says("1"), **mapping)),
            ),
            act("bad", "rows"),
        ),
        {"rows": ["x", "y"]},
        actions=stage.actions,
    )

    assert outcome.failure == "WorkflowFailed"
    for row in range(2):
        mine = [path for path in stage.undone if path.startswith(f"rows[{row}]")]
        assert mine == [f"rows[{row}].again#{number}.{step}" for number in (1, 0) for step in "ba"]
    assert stage.undo_inputs["rows[1].again#0.b"] == {"round": 0, "item": "y", "gave": 1, "a": "y0"}
    assert stage.undo_inputs["rows[0].again#1.b"] == {"round": 1, "item": "x", "gave": 1, "a": "x1"}


async def test_a_rollback_step_in_a_round_undoes_only_its_own_round(harness: Harness) -> None:
    stage = Stage({"bad": 1})
    back = {"step_id": "back", "step_type": "rollback", "rollback_to": "a", "dependencies": ["c"]}
    outcome = await harness.run(
        definition(
            deed("first"),
            loop("again", deed("a"), box("inner", deed("b"), after=("a",)), deed("c", "inner"), back, after=("first",)),
            deed("last", "again"),
            act("bad", "last"),
        ),
        actions=stage.actions,
    )

    assert outcome.failure == "WorkflowFailed"
    within = ["again#0.c", "again#0.inner.b", "again#1.c", "again#1.inner.b"]
    assert stage.undone == [*within, "last", "again#1.a", "again#0.a", "first"]


async def test_a_retried_action_loop_repeats_the_failed_round_and_still_sees_the_one_before(harness: Harness) -> None:
    stage = Stage({"poll#2": 1, "bad": 1})
    counts = says("has(steps.poll.output) ? steps.poll.output + 1 : 0")
    async with harness.worker(stage.actions):
        run = await harness.start(
            definition(
                loop("poll", rounds=4, rollback_actions=["undo"], **counts),
                act("bad", "poll"),
                output={"n": "steps.poll.output"},
                on_failure="pause",
            )
        )
        await reaches(run, "poll", "failed")
        await run.retry_step("poll", "mended", by="op")
        await reaches(run, "bad", "failed")
        state = await run.state("poll")
        await run.cancel()
        outcome = await outcome_of(run)

    assert stage.began == ["poll#0", "poll#1", "poll#2", "poll#2", "poll#3", "bad"]
    assert state.steps[0].execution_data == {"output": 3, "iterations": 4}
    assert outcome.failure == "Cancelled"
    assert stage.undone == ["poll#3", "poll#2", "poll#1", "poll#0"]


async def test_a_retried_loop_repeats_of_the_failed_round_what_did_not_complete(harness: Harness) -> None:
    failing = ["again#1.b", "again#1.rows[1].r", "again#1.inner#1.i"]
    stage = Stage(dict.fromkeys(failing, 1))
    strict = {"retry_policy": {"parallel_failure_threshold": 1.0}}
    there: list[str] = []
    let_fail = asyncio.Event()

    async def work(given: dict[str, Any] | None = None) -> Any:
        if stage.fails.get(context.step_path()):
            # They fail together: one that were cancelled for another's failure would fail only when it is retried.
            there.append(context.step_path())
            await let_fail.wait()
        return await stage.actions["work"](given)

    async with harness.worker({**stage.actions, "work": work}):
        run = await harness.start(
            definition(
                loop(
                    "again",
                    act("a"),
                    act("b", "a"),
                    fan("rows", "['x', 'y']", act("r"), **strict),
                    loop("inner", act("i")),
                    act("c", "b", "rows", "inner"),
                ),
                on_failure="pause",
            )
        )
        await reaches(run, "again#1.rows[0].r", "completed")
        await eventually(lambda: sorted(there) == sorted(failing))
        let_fail.set()
        await reaches(run, "again", "failed")
        held = await run.progress()
        await run.retry_step("again", "mended", by="op")
        outcome = await outcome_of(run)
        progress = await run.progress()

    assert outcome.failure is None, outcome.message
    paths = ["a", "b", "c", "rows[0].r", "rows[1].r", "inner#0.i", "inner#1.i"]
    everything = [f"again#{number}.{path}" for number in range(2) for path in paths]
    assert sorted(stage.done) == sorted(everything)
    assert held.waiting_for == ["again: an operator: retry_step or skip_step"]
    assert (progress.total, progress.completed) == (19, 19)


async def test_a_cancelled_run_ends_the_round_under_way_and_undoes_every_one(harness: Harness) -> None:
    stage = Stage(None, "again#2.b", "poll#0")
    async with harness.worker(stage.actions):
        run = await harness.start(
            definition(
                loop("again", deed("a"), deed("b", "a"), act("c", "b"), rounds=5),
                loop("poll", rollback_actions=["undo"]),
            )
        )
        await stage.sees("again#2.b", "poll#0")
        await run.cancel()
        outcome = await outcome_of(run)

    assert outcome.failure == "Cancelled"
    assert sorted(stage.stopped) == ["again#2.b", "poll#0"]
    rounds = [path for path in stage.undone if path != "poll#0"]
    assert rounds == [f"again#{number}.{step}" for number in (2, 1, 0) for step in "ba"]
    assert stage.undo_inputs["poll#0"]["outcome"] == "unknown"


async def test_records_of_old_rounds_are_let_go_and_the_counts_stay_right(harness: Harness) -> None:
    at_once = {"step_id": "now", "step_type": "wait", "wait": {"until": "run.started_at"}}
    never = act("never", conditions=["false"])
    async with harness.worker(Stage().actions):
        run = await harness.start(definition(loop("again", at_once, never, rounds=400, loop_max_iterations=400)))
        outcome = await outcome_of(run, state=True)
        progress = await run.progress()

    assert outcome.failure is None, outcome.message
    assert outcome.state is not None
    paths = [one.path for one in outcome.state.steps if one.path != "again"]
    assert len(paths) == 502
    assert {path.partition(".")[0] for path in paths} == {f"again#{number}" for number in range(149, 400)}
    assert outcome.report.steps_left_out == 801 - 503
    assert (progress.total, progress.completed, progress.skipped, progress.pending) == (801, 401, 400, 0)


async def calls_nothing(run: Run) -> bool:
    """Whether it is at rest without a call: the answer of one that is done comes to the run a little later."""
    return await at_rest(run) == []


async def test_a_paused_run_begins_no_round_of_an_action(harness: Harness) -> None:
    stage = Stage(None, "poll#1")
    async with harness.worker(stage.actions):
        run = await harness.start(definition(loop("poll", rounds=4), act("other"), waits("never", "other")))
        await stage.sees("poll#1")
        await run.pause("look", by="op")
        stage.held.clear()
        await eventually(lambda: "poll#1" in stage.done)
        await eventually(lambda: calls_nothing(run))
        paused = list(stage.began)
        await run.resume("go on", by="op")
        await reaches(run, "poll", "completed")
        await run.send_event("never")
        outcome = await outcome_of(run)

    assert sorted(paused) == ["other", "poll#0", "poll#1"]
    assert outcome.failure is None, outcome.message
