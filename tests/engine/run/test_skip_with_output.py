"""What an operator gives in place of an output: of a step, and of the run itself."""

from __future__ import annotations

from typing import Any

import pytest

from advanced_workflow.client.runs import Run
from advanced_workflow.workflows.errors import OperationRefused
from tests.engine.stage import Stage, act, ends, loop, output_of, reaches, says, waits
from tests.harness import Harness, definition, eventually, outcome_of, recording

HELD = {"on_failure": "pause", "retry_policy": {"max_attempts": 1}}
SHA_OF_7 = "7902699be42c8a8e46fbbb4501726517e86b22c56a189f7625a6da49081b2451"


async def test_a_held_step_that_is_skipped_with_an_output_gives_it_to_those_after_it(harness: Harness) -> None:
    stage = Stage({"pay": 1})
    async with harness.worker(stage.actions):
        run = await harness.start(
            definition(
                act("pay", output_mapping={"result": "workflow.paid"}),
                act("ship", "pay", **says("steps.pay.output + 1")),
                output={"paid": "workflow.paid", "status": "steps.pay.status", "shipped": "steps.ship.output"},
                **HELD,
            )
        )
        await reaches(run, "pay", "failed")
        await run.skip_step("pay", "paid by hand", by="op", output=7)
        outcome = await outcome_of(run, state=True)

    assert outcome.data == {"paid": 7, "status": "skipped", "shipped": 8}
    assert ends(outcome, "pay") == ["skipped_by_operator"]
    assert output_of(outcome, "pay") == 7
    assert outcome.state is not None
    assert [(one.operation, one.step_id, one.output_sha256) for one in outcome.state.audit] == [
        ("skip_step", "pay", SHA_OF_7)
    ]


async def test_a_waiting_and_a_pending_step_may_be_given_an_output_null_too(harness: Harness) -> None:
    stage = Stage()
    async with harness.worker(stage.actions):
        run = await harness.start(
            definition(
                waits("w"),
                act("later", "w"),
                output={"w": "steps.w.output", "later": "steps.later.output", "has": "has(steps.w.output)"},
            )
        )
        await reaches(run, "w", "waiting")
        await run.skip_step("later", "known", by="op", output={"a": [1]})
        await run.skip_step("w", "known", by="op", output=None)
        outcome = await outcome_of(run)

    assert outcome.data == {"w": None, "later": {"a": [1]}, "has": True}
    assert stage.began == []


async def test_an_output_that_the_mapping_cannot_use_is_refused_and_nothing_changes(harness: Harness) -> None:
    stage = Stage({"pay": 1})
    async with harness.worker(stage.actions):
        run = await harness.start(
            definition(act("pay", output_mapping={"result.id": "workflow.id"}), output={"id": "workflow.id"}, **HELD)
        )
        await reaches(run, "pay", "failed")
        with pytest.raises(OperationRefused, match=r"'pay' cannot be given this output: .*id"):
            await run.skip_step("pay", "wrong", by="op", output={"no": 1})
        refused = await run.state()
        await run.skip_step("pay", "right", by="op", output={"id": "p1"})
        outcome = await outcome_of(run)

    assert (refused.audit, refused.status) == ([], "paused")
    assert outcome.data == {"id": "p1"}


async def test_an_output_for_a_pending_step_that_does_not_fit_in_the_end_holds_the_run(harness: Harness) -> None:
    stage = Stage()
    async with harness.worker(stage.actions):
        run = await harness.start(
            definition(waits("w"), act("pay", "w", output_mapping={"result.id": "workflow.id"}), **HELD)
        )
        await reaches(run, "w", "waiting")
        await run.skip_step("pay", "known", by="op", output=1)
        await run.send_event("w")
        await reaches(run, "pay", "failed")
        held = await run.progress()
        await run.skip_step("pay", "known", by="op", output={"id": 2})
        outcome = await outcome_of(run)

    assert held.waiting_for == ["pay: an operator: retry_step or skip_step"]
    assert outcome.data == {"id": 2}
    assert stage.began == []


async def test_a_failing_output_holds_the_run_and_nothing_is_undone(harness: Harness) -> None:
    undone: list[str] = []
    stage = Stage({"pay": 1})
    async with harness.worker({**stage.actions, "undo": recording(undone)}):
        run = await harness.start(
            definition(
                act("reserve", rollback_actions=["undo"]),
                act("pay", "reserve"),
                output={"paid": "steps.pay.output.id"},
                **HELD,
            )
        )
        await reaches(run, "pay", "failed")
        await run.skip_step("pay", "paid by hand", by="op")
        held = await eventually(lambda: _held_output(run))
        with pytest.raises(OperationRefused, match="'output' cannot be left out"):
            await run.skip_step("output", "no matter", by="op")
        await run.retry_step("output", "once more", by="op")
        await eventually(lambda: _held_output(run))
        await run.skip_step("output", "paid by hand", by="op", output={"paid": "p1"})
        outcome = await outcome_of(run, state=True)

    assert held == {
        "status": "paused",
        "waiting_for": ["output: an operator: retry_step, or skip_step with an output"],
        "type": "ExpressionError",
    }
    assert undone == []
    assert outcome.data == {"paid": "p1"}
    assert outcome.state is not None
    assert [(one.operation, one.step_id) for one in outcome.state.audit] == [
        ("skip_step", "pay"),
        ("retry_step", "output"),
        ("skip_step", "output"),
    ]
    assert outcome.state.output_error is None


async def test_a_held_output_holds_again_in_a_new_history(harness: Harness) -> None:
    harness.continue_after = 100
    stage = Stage()
    async with harness.worker(stage.actions):
        run = await harness.start(
            definition(loop("l", rounds=18), output={"no": "workflow.nowhere"}, on_failure="pause")
        )
        await eventually(lambda: _is_another(run))
        latest = Run(run.client, run.client.get_workflow_handle(run.id), "tester")
        await eventually(lambda: _held_output(latest))
        await latest.skip_step("output", "known", by="op", output=3)
        outcome = await outcome_of(run)

    assert outcome.data == 3


async def test_without_pause_a_failing_output_fails_the_run_and_names_itself(harness: Harness) -> None:
    stage = Stage()
    outcome = await harness.run(
        definition(act("a", rollback_actions=["undo"]), output={"total": "steps.a.output.no"}), actions=stage.actions
    )

    assert outcome.failure == "WorkflowFailed"
    assert "output.total: " in outcome.message
    assert outcome.undone() == ["a"]


async def test_every_expression_of_a_step_that_fails_holds_the_run(harness: Harness) -> None:
    """One step a field, one after the other; each reads what is not there."""
    no = "workflow.nowhere"
    given: list[dict[str, Any]] = [
        act("input", **says(no)),
        act("output_", output_mapping={no: "workflow.x"}),
        act("condition", conditions=[{"expression": f"{no} == 1"}]),
        {"step_id": "route", "step_type": "conditional", "conditions": [{"expression": no, "next_steps": ["end"]}]},
        {"step_id": "items", "step_type": "parallel", "for_each": no, "parallel_steps": [act("copy")]},
        {"step_id": "again", "step_type": "loop", "action": "work", "loop_condition": no},
        {"step_id": "wait", "step_type": "wait", "wait": {"until": no}},
        {"step_id": "ask", "step_type": "human_approval", "approval": {"subject": {"a": no}}},
        act("join", join=no),
        {"step_id": "child", "step_type": "sub_workflow", "workflow": "test", "input_mapping": {"a": no}},
    ]
    names = [one["step_id"] for one in given]
    chain = [{**one, "dependencies": names[number - 1 : number]} for number, one in enumerate(given)]
    async with harness.worker(Stage().actions):
        run = await harness.start(definition(*chain, act("end"), **HELD))
        for name in names:
            await reaches(run, name, "failed")
            choice: dict[str, Any] = {"output": {"routed": []}} if name == "route" else {}
            await run.skip_step(name, "known", by="op", **choice)
        outcome = await outcome_of(run)

    assert set(ends(outcome, *names)) == {"skipped_by_operator"}
    assert outcome.failure is None, outcome.message


async def _held_output(run: Run) -> dict[str, Any] | None:
    state, progress = await run.state(), await run.progress()
    if state.output_error is None:
        return None
    return {"status": state.status, "waiting_for": progress.waiting_for, "type": state.output_error.type}


async def _is_another(run: Run) -> bool:
    latest = run.client.get_workflow_handle(run.id)
    return (await latest.describe()).run_id != run.handle.first_execution_run_id


async def test_a_skipped_conditional_routes_where_the_operator_says(harness: Harness) -> None:
    routes = [{"expression": "input.missing", "next_steps": ["a"]}, {"default": True, "next_steps": ["b", "c"]}]
    stage = Stage()
    async with harness.worker(stage.actions):
        run = await harness.start(
            definition(
                {"step_id": "choose", "step_type": "conditional", "conditions": routes},
                *(act(one) for one in "abc"),
                **HELD,
            )
        )
        await reaches(run, "choose", "failed")
        with pytest.raises(OperationRefused, match=r"needs the choice.* with some of a, b, c"):
            await run.skip_step("choose", "by hand", by="op")
        with pytest.raises(OperationRefused, match="needs the choice"):
            await run.skip_step("choose", "by hand", by="op", output={"routed": ["z"]})
        await run.skip_step("choose", "by hand", by="op", output={"routed": ["b"]})
        outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message
    assert ends(outcome, "choose", "a", "b", "c") == ["skipped_by_operator", "not_routed", "completed", "not_routed"]
