"""What a failure left done that the run goes on after: undone by itself before its container settles, or kept, and reported."""

from __future__ import annotations

from typing import Any

import pytest

from advanced_workflow.client.reruns.rollback import retry_rollback
from advanced_workflow.workflows.contract import TOLERATED
from advanced_workflow.workflows.errors import OperationRefused
from tests.engine.hops import cut_short, execution, fill, went_on
from tests.engine.stage import Stage, act, box, deed, ends, fan, loop, output_of, reaches, says, waits
from tests.harness import Harness, Outcome, definition, eventually, outcome_of

LENIENT = {"retry_policy": {"continue_on_failure": True}}
KEEP = {"tolerated_failure": "keep"}


async def test_a_copy_that_failed_is_undone_before_the_fan_out_settles(harness: Harness) -> None:
    stage = Stage({"each[1].ship": 1})
    copy = (deed("pay"), deed("pack", "pay"), deed("ship", "pack"))
    outcome = await harness.run(
        definition(fan("each", "[0, 1]", *copy), act("after", "each", **says("steps.each.output.failed_steps"))),
        actions=stage.actions,
    )

    assert outcome.failure is None, outcome.message
    assert stage.undone == ["each[1].pack", "each[1].pay"]
    assert stage.done[-1] == "after"
    assert outcome.report.rollback is not None
    assert (outcome.report.rollback.reason, outcome.report.rollback.complete) == (TOLERATED, True)
    assert entries_of(outcome) == {"each[1].pay": "undone", "each[1].pack": "undone", "each[1].ship": "not_needed"}
    assert outcome.report.steps["each"]["tolerated"] == {"failed": 1, "of": 2, "what": "copies", "undone": 2}


async def test_a_run_that_fails_later_undoes_the_rest_and_nothing_twice(harness: Harness) -> None:
    stage = Stage({"each[1].ship": 1, "bad": 1})
    copy = (deed("pay"), deed("ship", "pay"))
    outcome = await harness.run(definition(fan("each", "[0, 1]", *copy), act("bad", "each")), actions=stage.actions)

    assert outcome.failure == "WorkflowFailed", outcome.message
    assert stage.undone == ["each[1].pay", "each[0].ship", "each[0].pay"]
    assert outcome.report.rollback is not None
    assert outcome.report.rollback.undone == 3


@pytest.mark.parametrize("fails", [False, True], ids=["completes", "fails"])
async def test_what_is_kept_is_reported_and_undone_only_with_the_rest(harness: Harness, fails: bool) -> None:
    stage = Stage({"each[1].ship": 1, "last": int(fails)})
    copy = (deed("pay"), deed("ship", "pay"))
    outcome = await harness.run(
        definition(fan("each", "[0, 1]", *copy, **KEEP), act("last", "each")), actions=stage.actions
    )

    assert outcome.failure == ("WorkflowFailed" if fails else None), outcome.message
    expected = {"each[1].pay": "undone" if fails else "kept", "each[1].ship": "not_needed"}
    undone = {"each[0].pay": "undone", "each[0].ship": "undone"}
    assert entries_of(outcome) == {**expected, **(undone if fails else {})}
    assert outcome.report.steps["each"]["tolerated"] == {"failed": 1, "of": 2, "what": "copies", "kept": 1}


async def test_what_a_child_did_is_kept_under_the_step_that_ran_it(harness: Harness) -> None:
    """And a child that has nothing to undo is not listed."""
    stage = Stage({"each[1].ship": 1})
    idle = definition(act("look"), workflow_id="idle")
    paying = definition(deed("pay"), workflow_id="paying")
    copy = (
        {"step_id": "ask", "step_type": "sub_workflow", "workflow": "idle"},
        {"step_id": "sell", "step_type": "sub_workflow", "workflow": "paying", "dependencies": ["ask"]},
        act("ship", "sell"),
    )
    async with harness.worker(stage.actions, [idle, paying]):
        outcome = await outcome_of(await harness.start(definition(fan("each", "[0, 1]", *copy, **KEEP))))

    assert outcome.failure is None, outcome.message
    assert (entries_of(outcome), stage.undone) == ({"each[1].sell": "kept"}, [])
    assert outcome.report.steps["each"]["tolerated"] == {"failed": 1, "of": 2, "what": "copies", "kept": 1}


async def test_only_the_branch_of_the_step_that_failed_is_undone(harness: Harness) -> None:
    stage = Stage({"all.ship": 1, "all.mend": 1, "all.lenient": 1})
    nested = (
        *(deed("pay"), loop("pack", deed("box"), after=("pay",)), deed("ship", "pack", error_handlers=["mend"])),
        *(deed("mend"), deed("tell"), deed("note", "tell")),
        *(deed("first"), act("lenient", "first", **LENIENT)),
    )
    outcome = await harness.run(definition(box("all", *nested), act("after", "all")), actions=stage.actions)

    assert outcome.failure is None, outcome.message
    assert stage.undone == ["all.pack#1.box", "all.pack#0.box", "all.pay"]
    assert outcome.report.steps["all"]["tolerated"] == {"failed": 1, "of": 8, "what": "steps", "undone": 3}


@pytest.mark.parametrize(
    ("container", "undone"),
    [
        (loop("all", deed("a"), act("b", "a"), rounds=2), ["all#1.a", "all#0.a"]),
        (loop("all", rounds=2, rollback_actions=["undo"]), ["all#0"]),
        (box("all", deed("a"), act("b", "a"), act("c", "b")), ["all.a"]),
        (fan("all", "[0]", deed("a"), act("b", "a")), ["all[0].a"]),
    ],
    ids=["rounds", "rounds of an action", "container", "copies"],
)
async def test_a_container_that_the_run_goes_on_without_is_undone_whole(
    harness: Harness, container: dict[str, Any], undone: list[str]
) -> None:
    stage = Stage({"all#1.b": 1, "all#1": 1, "all.b": 1, "all[0].b": 1})
    policy: dict[str, Any] = {"retry_policy": {"continue_on_failure": True}}
    if container["step_type"] == "parallel":
        policy["retry_policy"]["parallel_failure_threshold"] = 1.0
    outcome = await harness.run(
        definition(deed("before"), {**container, **policy, "dependencies": ["before"]}, act("after")),
        actions=stage.actions,
    )

    assert outcome.failure is None, outcome.message
    assert stage.undone == undone
    assert outcome.status_of("all") == "failed"
    assert outcome.report.steps["all"]["tolerated"] == {"undone": len(undone)}


async def test_a_container_that_error_handlers_recover_keeps_its_effects(harness: Harness) -> None:
    stage = Stage({"all#0.b": 1})
    container = loop("all", deed("a"), act("b", "a"), rounds=1, error_handlers=["mend"], **LENIENT)
    outcome = await harness.run(definition(container, act("mend"), act("after", "all")), actions=stage.actions)

    assert outcome.failure is None, outcome.message
    assert stage.done == ["all#0.a", "mend", "after"]
    assert stage.undone == []
    assert outcome.report.rollback is None


async def test_a_failure_that_left_nothing_is_no_rollback(harness: Harness) -> None:
    outcome = await harness.run(
        definition(fan("each", "[0, 1]", deed("ship"))), actions=Stage({"each[1].ship": 1}).actions
    )

    assert outcome.failure is None, outcome.message
    assert outcome.report.rollback is None
    assert outcome.report.steps["each"]["tolerated"] == {"failed": 1, "of": 2, "what": "copies"}


async def test_an_undo_that_fails_fails_the_container_and_the_copy_runs_again_as_new(harness: Harness) -> None:
    stage = Stage({"each[1].ship": 1, "each[1].pay.rollback[0]": 1})
    copy = (deed("pay"), act("ship", "pay"))
    async with harness.worker(stage.actions):
        run = await harness.start(definition(fan("each", "[0, 1]", *copy), on_failure="pause"))
        await reaches(run, "each", "failed")
        state = await run.state("each")
        await run.retry_step("each", "paid back by hand", by="op")
        outcome = await outcome_of(run, state=True)

    error = state.steps[0].error_info
    assert error is not None
    assert error.type == "RollbackIncomplete"
    assert "each[1].pay (undo)" in error.message
    assert outcome.failure is None, outcome.message
    assert stage.done.count("each[1].pay") == 2
    assert stage.done.count("each[0].pay") == 1
    assert output_of(outcome, "each")["successful_steps"] == 2
    assert outcome.report.rollback is None  # What the copy did stands.


async def test_a_branch_that_was_undone_runs_again_as_new_when_its_container_does(harness: Harness) -> None:
    stage = Stage({"all.ship": 1, "all.pay.rollback[0]": 1})
    nested = (deed("pay"), act("ship", "pay"), deed("other"), act("more", "other"))
    async with harness.worker(stage.actions):
        run = await harness.start(definition(box("all", *nested), on_failure="pause"))
        await reaches(run, "all", "failed")
        await run.retry_step("all", "mended", by="op")
        outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message
    assert {path: stage.done.count(path) for path in stage.done} == {
        **{"all.pay": 2, "all.ship": 1, "all.other": 1, "all.more": 1}
    }


async def test_what_was_undone_in_a_container_runs_as_new_in_a_round_that_an_operator_runs_again(
    harness: Harness,
) -> None:
    strict = {"retry_policy": {"continue_on_failure": True, "parallel_failure_threshold": 1.0}}
    pair = {name: (deed(f"a{name}"), act(f"b{name}", f"a{name}")) for name in ("1", "2", "3")}
    stage = Stage({"all#0.rounds#0.b1": 1, "all#0.box.b2": 1, "all#0.each[0].b3": 1, "all#0.last": 1})
    body = (
        loop("rounds", *pair["1"], rounds=1, **LENIENT),
        box("box", *pair["2"], **strict),
        fan("each", "[0]", *pair["3"], **strict),
        act("start"),
        waits("go", "start"),
        act("last", "go"),
    )
    async with harness.worker(stage.actions):
        run = await harness.start(definition(loop("all", *body, rounds=1), on_failure="pause"))
        for name in ("rounds", "box", "each"):
            await reaches(run, f"all#0.{name}", "failed")
        await run.send_event("go")
        await reaches(run, "all", "failed")
        undone = sorted(stage.undone)
        await run.retry_step("all", "mended", by="op")
        outcome = await outcome_of(run)

    paths = [f"all#0.{one}" for one in ("box.a2", "each[0].a3", "rounds#0.a1")]
    assert undone == paths
    assert outcome.failure is None, outcome.message
    assert [stage.done.count(path) for path in (*paths, "all#0.start")] == [2, 2, 2, 1]
    assert ends(outcome, "all#0.rounds#0.b1", "all#0.box.b2") == ["completed", "completed"]


@pytest.mark.parametrize("kind", ["copies", "container"])
async def test_undoing_by_itself_goes_on_in_a_new_history(harness: Harness, kind: str) -> None:
    copy = (deed("a"), deed("b", "a"), deed("c", "b"), act("d", "c"))
    inside = "all[0]" if kind == "copies" else "all"
    stage = Stage({f"{inside}.d": 1}, f"{inside}.b.rollback[0]")
    whole = fan("all", "[0, 1]", *copy) if kind == "copies" else box("all", *copy, **LENIENT)
    async with cut_short(harness).worker(stage.actions):
        run = await harness.start(definition(whole, act("after"), {**act("end"), "dependencies": ["all", "after"]}))
        before = await execution(run)
        await reaches(run, "after", "completed")
        await eventually(lambda: f"{inside}.c" in stage.undone)
        await fill(run)
        stage.held.clear()
        await went_on(run, before)
        outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message
    assert stage.undone == [f"{inside}.{one}" for one in "cba"]
    tolerated: Any = outcome.report.steps["all"]["tolerated"]
    assert tolerated["undone"] == 3


def entries_of(outcome: Outcome) -> dict[str, str]:
    assert outcome.report.rollback is not None
    assert len({one.activity_id for one in outcome.report.rollback.entries}) == len(outcome.report.rollback.entries)
    return {one.path: one.outcome.value for one in outcome.report.rollback.entries}


@pytest.mark.parametrize("again", [0, 1])
async def test_what_could_not_be_undone_is_open_no_longer_once_its_step_ran_again(harness: Harness, again: int) -> None:
    """Then it stands with the run, or was undone with the rest; undoing it later would undo what is wanted, or twice."""
    stage = Stage({"each[1].ship": 1 + again, "each[1].pay.rollback[0]": 1})
    copy = (deed("pay"), act("ship", "pay"))
    async with harness.worker(stage.actions):
        run = await harness.start(definition(fan("each", "[0, 1]", *copy), on_failure="pause"))
        await reaches(run, "each", "failed")
        await run.retry_step("each", "the bank is open again", by="op")
        outcome = await outcome_of(run)
        with pytest.raises(OperationRefused, match="nothing left to undo"):
            await retry_rollback(harness.client, run.id)

    assert outcome.failure is None, outcome.message
    assert stage.undone == ["each[1].pay"] * again
    rollback = outcome.report.rollback
    assert (rollback is None) == (again == 0)
    assert rollback is None or (rollback.complete, rollback.failed, rollback.undone) == (True, 0, 1)
