"""Containers that have failed: at once nothing starts inside any more, and what runs there is cancelled and awaited."""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.stage import Stage, Step, act, box, deed, ends, fan, loop, reaches, says, waits
from tests.harness import Harness, definition, eventually, outcome_of

STRICT = {"retry_policy": {"parallel_failure_threshold": 1.0}}
ASK: Step = {"step_id": "ask", "step_type": "human_approval"}


@pytest.mark.parametrize(
    ("container", "inside"),
    [
        (loop("all", *(body := (deed("reserve"), waits("go"), deed("pay", "go"))), rounds=1), "all#0."),
        (fan("all", "[1]", *body), "all[0]."),
        (box("all", *body, **STRICT), "all."),
        (box("all", loop("inner", *body, rounds=1), act("other"), **STRICT), "all.inner#0."),
    ],
    ids=["round", "copy", "container", "nested"],
)
async def test_nothing_starts_inside_a_container_that_has_failed(
    harness: Harness, container: Step, inside: str
) -> None:
    stage = Stage({f"{inside}reserve": 1})
    outcome = await harness.run(definition(container), actions=stage.actions)

    assert outcome.failure == "WorkflowFailed", outcome.message
    assert f"{inside}pay" not in stage.began
    assert ends(outcome, *(f"{inside}{step}" for step in ("reserve", "go", "pay"))) == ["failed", *["not_needed"] * 2]
    assert stage.undone == []


async def test_what_depends_on_the_step_that_failed_is_skipped_for_that(harness: Harness) -> None:
    stage = Stage({"all#0.reserve": 1})
    body = (deed("reserve"), act("after", "reserve"), waits("go"), act("either", "reserve", "go", join="any"))
    outcome = await harness.run(definition(loop("all", *body, rounds=1)), actions=stage.actions)

    assert ends(outcome, "all#0.after", "all#0.either") == ["dependency_failed", "not_needed"]


async def test_an_approval_inside_is_withdrawn_and_the_other_copies_go_on(harness: Harness) -> None:
    stage = Stage({"each[1].reserve": 1})
    copy = (deed("reserve"), {**ASK, "dependencies": ["first"]}, act("first"), deed("pay", "ask"))
    async with harness.worker(stage.actions):
        run = await harness.start(definition(fan("each", "[0, 1]", *copy, max_concurrency=1)))
        await reaches(run, "each[0].ask", "waiting")
        await run.approve("each[0].ask", approver="ann")
        outcome = await outcome_of(run)
        pending = await run.pending_approvals()

    assert outcome.failure is None, outcome.message
    assert pending == []
    assert "each[0].pay" in stage.done
    assert "each[1].pay" not in stage.began
    assert ends(outcome, "each[1].pay") == ["not_needed"]


async def test_below_a_rate_that_is_out_of_reach_running_actions_are_cancelled_and_undone(harness: Harness) -> None:
    stage = Stage({"all.bad": 1, "all.worse": 1}, "all.slow", "all.worse")
    nested = (act("bad"), act("worse"), deed("slow"), deed("last", "slow"), act("fifth", "slow"))
    limits = {"max_concurrency": 3, "retry_policy": {"parallel_failure_threshold": 0.7}}
    async with harness.worker(stage.actions):
        run = await harness.start(definition(box("all", *nested, **limits)))
        await stage.sees("all.slow", "all.worse")
        stage.held.discard("all.worse")
        outcome = await outcome_of(run)

    assert outcome.failure == "WorkflowFailed", outcome.message
    assert (
        "0 of 2 nested steps succeeded and a rate of 0.7 is needed, so 3 more were cancelled or not started"
        in outcome.message
    )
    assert stage.stopped == ["all.slow"]
    assert stage.undone == ["all.slow"]
    assert stage.undo_inputs["all.slow"]["outcome"] == "unknown"
    assert ends(outcome, "all.slow", "all.last", "all.fifth") == ["not_needed"] * 3


async def test_a_rate_that_can_be_reached_lets_the_others_go_on(harness: Harness) -> None:
    stage = Stage({"all.a": 1, "each[0].x": 1})
    outcome = await harness.run(
        definition(
            box("all", act("a"), act("b"), act("c", "b"), act("mend", "c")),
            fan("each", "[0, 1]", act("x"), after=("all",), max_concurrency=1),
        ),
        actions=stage.actions,
    )

    assert outcome.failure is None, outcome.message
    assert set(stage.done) == {"all.b", "all.c", "all.mend", "each[1].x"}


async def test_a_step_that_its_error_handlers_recover_ends_nothing(harness: Harness) -> None:
    stage = Stage({"all.bad": 1, "all.worse": 1, "all.worse!late": 1})
    shared = {"error_handlers": ["late"]}
    nested = (act("bad", **shared), act("late"), act("slow", "bad"), act("end", "slow"))
    outcome = await harness.run(definition(box("all", *nested, **STRICT)), actions=stage.actions)

    assert outcome.failure is None, outcome.message
    assert "all.end" in stage.done


async def test_steps_that_wait_for_a_slot_a_lock_or_the_gate_do_not_begin(harness: Harness) -> None:
    stage = Stage({"all.bad": 1}, "all.bad")
    nested = (act("bad", lock="door"), deed("behind", lock="door"), *(deed(f"s{number}") for number in range(4)))
    async with harness.worker(stage.actions):
        run = await harness.start(definition(box("all", *nested, **STRICT), max_parallel_steps=1))
        await stage.sees("all.bad")
        await reaches(run, "all.behind", "waiting")
        stage.held.clear()
        outcome = await outcome_of(run)

    assert outcome.failure == "WorkflowFailed", outcome.message
    assert stage.began == ["all.bad"]
    assert stage.undone == []


async def test_a_fan_out_whose_rate_is_out_of_reach_starts_no_other_copy(harness: Harness) -> None:
    stage = Stage({"each[0].a": 1}, "each[1].b")
    async with harness.worker(stage.actions):
        run = await harness.start(
            definition(fan("each", "[0, 1, 2, 3]", deed("a"), deed("b", "a"), max_concurrency=2, **STRICT))
        )
        outcome = await outcome_of(run)

    assert outcome.failure == "WorkflowFailed", outcome.message
    assert {path.partition(".")[0] for path in stage.began} <= {"each[0]", "each[1]"}
    assert (
        "0 of 1 copies succeeded and a rate of 1.0 is needed, so 3 more were cancelled or not started"
        in outcome.message
    )
    assert outcome.report.error is not None
    details: Any = outcome.report.error.details
    assert (details["total_steps"], details["failed_steps"], details["skipped_steps"]) == (1, 1, 3)
    done = set(stage.done) | set(stage.stopped)
    # The step that is cancelled before its worker has begun it is undone too: its outcome is not known.
    assert done <= set(stage.undone) <= done | {"each[1].b"}


@pytest.mark.parametrize(("more", "goes_on"), [({}, True), (STRICT, False)], ids=["half", "all"])
async def test_items_that_may_still_come_keep_a_rate_in_reach_unless_all_must_succeed(
    harness: Harness, more: Step, goes_on: bool
) -> None:
    stage = Stage({f"each[{number}].a": 1 for number in (0, 1)})
    copy = (act("a"), waits("go", "a"))
    async with harness.worker(stage.actions):
        run = await harness.start(definition(fan("each", "[0, 1, 2]", *copy, add_on="more", **more)))
        if goes_on:
            await reaches(run, "each[2].go", "waiting")
            await run.send_event("more", 3)
            for _ in range(2):
                await run.send_event("go")
        outcome = await outcome_of(run)

    assert outcome.failure == (None if goes_on else "WorkflowFailed"), outcome.message
    assert len([path for path in stage.began if path.endswith(".a")]) == (4 if goes_on else 3)


async def test_what_was_cut_off_runs_again_and_what_completed_keeps_its_result_when_an_operator_retries(
    harness: Harness,
) -> None:
    stage = Stage({"all.bad": 1, "all.each[1].b": 1}, "all.slow", "all.each[0].b")
    copy = (deed("a", **says("item")), deed("b", "a", **says("item")))
    nested = (act("good"), act("bad", "go"), waits("go"), act("slow"), fan("each", "['x', 'y']", *copy))
    async with harness.worker(stage.actions):
        run = await harness.start(
            definition(
                box("all", *nested, **STRICT),
                output={"each": "steps.each.output.results.map(r, r.steps.b)"},
                on_failure="pause",
            )
        )
        await stage.sees("all.slow", "all.each[0].b")
        await eventually(lambda: "all.each[1].b" in stage.began)
        await run.send_event("go")
        await reaches(run, "all", "failed")
        stopped = sorted(stage.stopped)
        stage.held.clear()
        await run.retry_step("all", "mended", by="op")
        await reaches(run, "all", "running")
        await run.send_event("go")
        outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message
    assert stopped == ["all.each[0].b", "all.slow"]
    assert outcome.data == {"each": ["x", "y"]}
    began = {path: stage.began.count(path) for path in set(stage.began)}
    assert began == {
        **{"all.good": 1, "all.bad": 2, "all.slow": 2},
        **{"all.each[0].a": 1, "all.each[0].b": 2, "all.each[1].a": 2, "all.each[1].b": 2},
    }


async def test_a_run_that_is_cancelled_while_a_container_is_being_ended_undoes_all_of_it(harness: Harness) -> None:
    stage = Stage({"all#0.bad": 1}, "all#0.slow", "all#0.bad")
    stage.may_stop.clear()
    body = (deed("first"), deed("slow", "first"), act("bad", "first"), deed("last", "slow"))
    async with harness.worker(stage.actions):
        run = await harness.start(definition(loop("all", *body, rounds=1, error_handlers=["mend"]), act("mend")))
        await stage.sees("all#0.slow", "all#0.bad")
        stage.held.discard("all#0.bad")
        await eventually(lambda: stage.stopped)
        await run.cancel()
        await eventually(lambda: _status(run, "rolling_back"))
        stage.may_stop.set()
        outcome = await outcome_of(run)

    assert outcome.failure == "Cancelled", outcome.message
    assert stage.undone == ["all#0.slow", "all#0.first"]
    assert {"mend", "all#0.last"}.isdisjoint(stage.began)


async def _status(run: Any, status: str) -> bool:
    return str((await run.state()).status) == status
