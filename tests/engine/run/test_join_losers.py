"""Steps that lose a race: what becomes of them, their error handlers and their effects."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.engine.stage import Stage, act, box, deed, ends, reaches, waits
from tests.harness import Harness, definition, outcome_of
from tests.patience import PATIENCE_SECONDS, works_until_cancelled

RACE = {"join": "any", "cancel_rest": True}


@pytest.mark.parametrize("shared", [False, True])
async def test_a_loser_that_is_being_recovered_ends_with_its_handler(harness: Harness, shared: bool) -> None:
    mend = {"error_handlers": ["mend"]}
    stage = Stage({"a": 1, "bad": 1}, "mend", "a!mend")
    async with harness.worker(stage.actions):
        run = await harness.start(
            definition(
                act("a", **mend),
                act("other", **(mend if shared else {})),
                deed("mend"),
                waits("go"),
                act("j", "a", "go", **RACE),
                act("bad", "j"),
            )
        )
        await stage.sees("a!mend" if shared else "mend")
        await run.send_event("go")
        outcome = await outcome_of(run)

    assert outcome.failure == "WorkflowFailed"
    assert outcome.report.error is not None
    assert outcome.report.error.step_id == "bad"
    assert ends(outcome, "a", "mend") == ["not_needed", "not_needed"]
    assert stage.undone == ["a!mend" if shared else "mend"]


async def test_an_error_handler_is_not_given_up_while_its_owner_may_need_it(harness: Harness) -> None:
    stage = Stage({"a": 1}, "a")
    async with harness.worker(stage.actions):
        run = await harness.start(
            definition(
                act("a", error_handlers=["mend"]), act("mend"), act("x"), act("j", "mend", "x", **RACE), act("end", "a")
            )
        )
        await reaches(run, "j", "completed")
        state = await run.state("mend")
        stage.held.clear()
        outcome = await outcome_of(run)

    assert state.steps[0].status == "pending"
    assert outcome.failure is None, outcome.message
    assert ends(outcome, "mend", "a", "end") == ["completed"] * 3


async def test_a_failed_loser_holds_the_run_no_longer_once_another_won(harness: Harness) -> None:
    stage = Stage({"a": 1})
    async with harness.worker(stage.actions):
        run = await harness.start(definition(act("a"), waits("go"), act("j", "a", "go", **RACE), on_failure="pause"))
        await reaches(run, "a", "failed")
        await run.send_event("go")
        outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message
    assert ends(outcome, "a", "j") == ["not_needed", "completed"]


async def test_a_loser_that_ends_all_the_same_counts_as_it_ended(harness: Harness) -> None:
    stage, began = Stage({"bad": 1}), asyncio.Event()

    async def stubborn() -> str:
        began.set()
        try:
            await works_until_cancelled()
        except asyncio.CancelledError:
            return "done"
        return "late"

    stubborn_step: dict[str, Any] = {
        "step_id": "a",
        "action": "stubborn",
        "rollback_actions": ["undo"],
    }
    async with harness.worker({**stage.actions, "stubborn": stubborn}):
        run = await harness.start(
            definition(stubborn_step, waits("go"), act("j", "a", "go", **RACE), act("bad", "j", "a"))
        )
        await asyncio.wait_for(began.wait(), PATIENCE_SECONDS)
        await run.send_event("go")
        outcome = await outcome_of(run)

    assert outcome.failure == "WorkflowFailed"
    assert ends(outcome, "a") == ["completed"]
    assert stage.undo_inputs["a"]["output"] == "done"


async def test_a_race_that_is_over_is_not_run_again_with_its_container(harness: Harness) -> None:
    stage = Stage({"all.bad": 1}, "all.b")
    strict = {"retry_policy": {"parallel_failure_threshold": 1.0}}
    async with harness.worker(stage.actions):
        run = await harness.start(
            definition(
                box("all", act("j", "a", "b", **RACE), act("a"), act("b"), act("bad", "j"), **strict),
                on_failure="pause",
            )
        )
        await reaches(run, "all", "failed")
        await run.retry_step("all", "mended", by="op")
        outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message
    assert sorted(stage.began) == ["all.a", "all.b", "all.bad", "all.bad", "all.j"]
    assert ends(outcome, "all.b") == ["not_needed"]


async def test_a_child_that_loses_while_it_is_being_started_is_cancelled(harness: Harness) -> None:
    """Its start and the winner's end come in one workflow task, nearly always."""
    child = definition(waits("never"), workflow_id="child")
    stage = Stage()
    async with harness.worker(stage.actions, [child]):
        run = await harness.start(
            definition(
                act("a"), {"step_id": "k", "step_type": "sub_workflow", "workflow": "child"}, act("j", "a", "k", **RACE)
            )
        )
        outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message
    assert ends(outcome, "a", "k", "j") == ["completed", "not_needed", "completed"]
