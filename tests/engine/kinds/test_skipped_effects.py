"""An operator goes on without a step that did something: what it did is undone, or stands and is told."""

from __future__ import annotations

from typing import Any

import pytest

from advanced_workflow.client.runs import Run
from tests.engine.stage import Stage, act, box, deed, ends, fan, loop, reaches
from tests.harness import Harness, Outcome, definition, eventually, outcome_of
from tests.patience import never_ends

ALL = {"parallel_failure_threshold": 1.0}
FAILS = {"all[1].b": 1, "all.b": 1, "all#1.b": 1, "all#1": 1}
HELD = {"on_failure": "pause"}
PASS = (deed("a"), act("b", "a"))
CONTAINERS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "copies": (fan("all", "[0, 1]", *PASS, retry_policy=ALL), ["all[1].a", "all[0].a"]),
    "container": (box("all", *PASS, retry_policy=ALL), ["all.a"]),
    "rounds": (loop("all", *PASS, rounds=3), ["all#1.a", "all#0.a"]),
    "rounds of an action": (loop("all", rounds=3, rollback_actions=["undo"]), ["all#0"]),
}


def told(outcome: Outcome) -> dict[str, str]:
    report = outcome.report.rollback
    return {one.path: one.outcome for one in report.entries if one.outcome != "not_needed"} if report else {}


async def held(harness: Harness, stage: Stage, container: dict[str, Any], **more: Any) -> Run:
    run = await harness.start(
        definition(deed("first"), {**container, "dependencies": ["first"]}, act("after", "all"), **HELD)
    )
    await reaches(run, "all", "failed")
    await run.skip_step("all", "by hand", by="op", **more)
    return run


@pytest.mark.parametrize("kind", CONTAINERS)
async def test_a_container_that_is_given_up_is_undone_by_itself(harness: Harness, kind: str) -> None:
    container, effects = CONTAINERS[kind]
    stage = Stage(FAILS)
    async with harness.worker(stage.actions):
        outcome = await outcome_of(await held(harness, stage, container))

    assert outcome.failure is None, outcome.message
    assert sorted(stage.undone) == sorted(effects)
    assert told(outcome) == dict.fromkeys(effects, "undone")
    assert ends(outcome, "all", "after") == ["skipped_by_operator", "completed"]
    assert outcome.report.steps["all"]["tolerated"] == {"undone": len(effects)}


@pytest.mark.parametrize("fails_later", [False, True])
async def test_what_an_operator_gives_a_result_for_stands_and_is_told(harness: Harness, fails_later: bool) -> None:
    stage = Stage({"all.b": 1, "after": 9 if fails_later else 0})
    container = box("all", *PASS, retry_policy=ALL)
    async with harness.worker(stage.actions):
        run = await held(harness, stage, container, output={"done": "by hand"})
        if fails_later:
            await reaches(run, "after", "failed")
            await run.cancel()
        outcome = await outcome_of(run)

    if fails_later:
        assert stage.undone == ["all.a", "first"]
        return
    assert stage.undone == []
    assert told(outcome) == {"all.a": "kept"}
    assert outcome.report.steps["all"]["tolerated"] == {"kept": 1}


async def test_what_may_have_been_done_by_a_step_that_is_skipped_is_told(harness: Harness) -> None:
    async def pay() -> None:
        await never_ends()

    step = deed("all", action="pay", timeout=0.5, retry_policy={"max_attempts": 1})
    stage = Stage()
    async with harness.worker({**stage.actions, "pay": pay}):
        outcome = await outcome_of(await held(harness, stage, step))

    assert outcome.failure is None, outcome.message
    assert stage.undone == []
    assert told(outcome) == {"all": "kept"}


async def test_a_container_that_cannot_be_undone_holds_the_run_again(harness: Harness) -> None:
    stage = Stage({"all.b": 1, "all.a.rollback[0]": 1})
    container = box("all", *PASS, retry_policy=ALL)
    async with harness.worker(stage.actions):
        run = await held(harness, stage, container)

        async def again() -> bool:
            error = (await run.state("all")).steps[0].error_info
            return error is not None and error.type == "RollbackIncomplete"

        await eventually(again)
        await run.skip_step("all", "let it be", by="op")
        outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message
    assert told(outcome) == {"all.a": "failed"}
