from __future__ import annotations

from typing import Any

import pytest

from advanced_workflow.activities.action import context
from advanced_workflow.activities.action.errors import ActionError
from advanced_workflow.client.errors import RunCancelled
from advanced_workflow.client.reruns.plan import Rerun, plan_rerun, start_rerun
from advanced_workflow.client.reruns.rollback import retry_rollback
from advanced_workflow.client.runs import Run
from advanced_workflow.client.settings import Settings
from advanced_workflow.workflows.contract import UndoInput
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow
from advanced_workflow.workflows.errors import OperationRefused
from tests.harness import Definition, Harness, Outcome, definition, eventually, outcome_of

SETTINGS = Settings(user="tester")
ONCE = {"max_attempts": 1}


class Shop:
    """Actions that note what they are called for."""

    def __init__(self) -> None:
        self.called: list[str] = []
        self.undone: list[str] = []
        self.broken = True
        self.undo_broken = False

    @property
    def actions(self) -> dict[str, Any]:
        def work(given: dict[str, Any] | None = None) -> dict[str, Any]:
            self.called.append(context.step_path())
            return given or {"made": context.step_path()}

        def ship(given: dict[str, Any] | None = None) -> str:
            self.called.append(context.step_path())
            if self.broken:
                raise ActionError("no van", type="NoVan", retryable=False)
            return "shipped"

        def undo(undo: UndoInput) -> None:
            if self.undo_broken:
                raise ActionError("bank is closed", type="Closed", retryable=False)
            self.undone.append(undo.idempotency_key)

        return {"work": work, "ship": ship, "undo": undo}


def chain(**more: Any) -> Definition:
    return definition(
        {
            "step_id": "quote",
            "action": "work",
            "input_mapping": {"n": "input.n"},
            "output_mapping": {"result.n": "workflow.n"},
        },
        {
            "step_id": "pack",
            "action": "work",
            "dependencies": ["quote"],
            "output_mapping": {"result.made": "workflow.log[]"},
        },
        {"step_id": "ship", "action": "ship", "dependencies": ["pack"], "retry_policy": ONCE},
        {
            "step_id": "tell",
            "action": "work",
            "dependencies": ["ship"],
            "output_mapping": {"result.made": "workflow.log[]"},
        },
        **more,
    )


async def started(harness: Harness, planned: Rerun, **more: Any) -> Run:
    run = await start_rerun(harness.client, planned, task_queue=harness.task_queue, settings=SETTINGS, **more)
    harness.handles.append(run.handle)
    return run


async def again(harness: Harness, first: Outcome, **wanted: Any) -> tuple[Any, Outcome]:
    planned = await plan_rerun(harness.client, first.handle.id, **wanted)
    return planned, await outcome_of(await started(harness, planned), state=True)


async def test_a_failed_run_goes_on_where_it_failed(harness: Harness) -> None:
    shop = Shop()
    async with harness.worker(shop.actions):
        first = await outcome_of(await harness.start(chain(), {"n": 3}), state=True)
        shop.broken = False
        shop.called.clear()
        planned, outcome = await again(harness, first)

    assert first.failure == "WorkflowFailed"
    assert planned.kept == ("quote", "pack")
    assert shop.called == ["ship", "tell"]
    assert outcome.data == {"n": 3, "log": ["pack", "tell"]}
    assert outcome.status_of("quote") == "completed"
    assert outcome.state is not None
    assert outcome.state.rerun_of == first.handle.id


async def test_a_completed_run_begins_again_from_a_step_and_forgets_what_that_wrote(harness: Harness) -> None:
    shop = Shop()
    shop.broken = False
    async with harness.worker(shop.actions):
        first = await outcome_of(await harness.start(chain(), {"n": 3}))
        shop.called.clear()
        planned, outcome = await again(harness, first, from_step="ship")
        with pytest.raises(OperationRefused, match="completed all its steps; say where to begin"):
            await plan_rerun(harness.client, first.handle.id)
        with pytest.raises(OperationRefused, match="no step 'shop'"):
            await plan_rerun(harness.client, first.handle.id, from_step="shop")

    assert planned.again == {"ship": "it was named.", "tell": "it comes after 'ship', which runs again."}
    assert shop.called == ["ship", "tell"]
    assert outcome.data == {"n": 3, "log": ["pack", "tell"]}


async def test_a_step_that_reads_the_edited_input_and_all_after_it_run_again(harness: Harness) -> None:
    shop = Shop()
    async with harness.worker(shop.actions):
        first = await outcome_of(await harness.start(chain(), {"n": 3, "note": "x"}))
        shop.broken = False
        other = await plan_rerun(harness.client, first.handle.id, input_data={"n": 3, "note": "y"})
        shop.called.clear()
        planned, outcome = await again(harness, first, input_data={"n": 4, "note": "x"})

    assert other.kept == ("quote", "pack")
    assert planned.again["quote"] == "it reads input.n, which changed."
    assert planned.again["pack"] == "it comes after 'quote', which runs again."
    assert shop.called == ["quote", "pack", "ship", "tell"]
    assert outcome.data == {"n": 4, "log": ["pack", "tell"]}


async def test_the_corrected_definition_is_compared_with_what_was_kept(harness: Harness) -> None:
    shop = Shop()
    fixed = chain()
    fixed["steps"][1]["input_mapping"] = {"made": "'more'"}
    fixed["steps"][2]["action"] = "work"
    asks = chain()
    asks["steps"][3]["input_mapping"] = {"price": "steps.quote.output.price"}
    async with harness.worker(shop.actions):
        first = await outcome_of(await harness.start(chain(), {"n": 3}))
        wants = await plan_rerun(harness.client, first.handle.id, definition=AdvancedWorkflow.model_validate(asks))
        planned, outcome = await again(harness, first, definition=AdvancedWorkflow.model_validate(fixed))

    assert wants.again["quote"] == "'tell' reads steps.quote.output.price, which the kept result does not have."
    assert planned.kept == ("quote",)
    assert planned.again["pack"] == "its 'input_mapping' changed."
    assert outcome.failure is None, outcome.message


async def test_what_was_undone_runs_again_and_what_is_kept_is_undone_with_the_rest(harness: Harness) -> None:
    shop = Shop()
    undoable = chain()
    undoable["steps"][0]["rollback_actions"] = ["undo"]
    async with harness.worker(shop.actions):
        failed = await outcome_of(await harness.start(undoable, {"n": 3}))
        planned = await plan_rerun(harness.client, failed.handle.id)
        shop.broken = False
        completed = await outcome_of(await harness.start(undoable, {"n": 3}))
        shop.broken = True
        shop.undone.clear()
        _, outcome = await again(harness, completed, from_step="ship")

    assert planned.again["quote"] == "the rollback went over it."
    assert outcome.failure == "WorkflowFailed"
    assert shop.undone == [f"{completed.report.execution_id}:quote"]


async def test_containers_are_kept_whole_with_what_is_to_be_undone_inside(harness: Harness) -> None:
    shop = Shop()
    workflow = definition(
        {
            "step_id": "fan",
            "step_type": "parallel",
            "for_each": "input.items",
            "parallel_steps": [{"step_id": "make", "action": "work", "rollback_actions": ["undo"]}],
        },
        {
            "step_id": "loop",
            "step_type": "loop",
            "loop_condition": "iteration < 2",
            "dependencies": ["fan"],
            "body": [{"step_id": "turn", "action": "work", "rollback_actions": ["undo"]}],
        },
        {
            "step_id": "read",
            "action": "work",
            "dependencies": ["loop"],
            "input_mapping": {"last": "steps.turn.output.made"},
        },
        {"step_id": "ship", "action": "ship", "dependencies": ["read"], "retry_policy": ONCE},
        on_failure="pause",
    )
    async with harness.worker(shop.actions):
        run = await harness.start(workflow, {"items": [1, 2]})
        await _held(run)
        await run.skip_step("ship", "not today")
        first = await outcome_of(run)
        assert first.failure is None, first.message
        shop.called.clear()
        planned = await plan_rerun(harness.client, first.handle.id, from_step="read")
        workflow["on_failure"] = "rollback"
        planned, outcome = await again(
            harness, first, from_step="read", definition=AdvancedWorkflow.model_validate(workflow)
        )

    assert planned.kept == ("fan", "loop")
    assert shop.called == ["read", "ship"]
    assert outcome.failure == "WorkflowFailed"
    keys = [f"{first.report.execution_id}:{path}" for path in ("loop#1.turn", "loop#0.turn")]
    assert shop.undone[:2] == keys
    assert sorted(shop.undone[2:]) == [f"{first.report.execution_id}:fan[{index}].make" for index in (0, 1)]


async def test_a_registered_run_is_repeated_under_its_own_type(harness: Harness) -> None:
    shop = Shop()
    async with harness.worker(shop.actions, [chain(workflow_id="order")]):
        first = await outcome_of(await harness.start("order", {"n": 1}))
        shop.broken = False
        planned, outcome = await again(harness, first)
        described = await outcome.handle.describe()

    assert planned.registered
    assert described.workflow_type == "order"
    assert outcome.failure is None, outcome.message


async def _held(run: Run) -> None:
    async def held() -> bool:
        return (await run.progress()).status == "paused"

    await eventually(held)


async def test_effects_that_nobody_has_undone_keep_a_run_from_being_repeated(harness: Harness) -> None:
    shop = Shop()
    shop.undo_broken = True
    undoable = chain()
    undoable["steps"][0]["rollback_actions"] = ["undo"]
    async with harness.worker(shop.actions):
        first = await outcome_of(await harness.start(undoable, {"n": 3}), state=True)
        shop.broken = False
        shop.called.clear()
        planned = await plan_rerun(harness.client, first.handle.id)
        with pytest.raises(OperationRefused, match=r"undo for quote; 'adw rollback .*' undoes them, '--anyway' leaves"):
            await started(harness, planned)
        called = list(shop.called)
        outcome = await outcome_of(await started(harness, planned, anyway=True), state=True)
        shop.undo_broken = False
        report = await retry_rollback(harness.client, first.handle.id)
        _, after = await again(harness, first)

    assert first.failure == "RollbackIncomplete"
    assert called == []
    assert outcome.state is not None
    assert [(one.operation, one.by, one.reason) for one in outcome.state.audit] == [
        ("rerun_anyway", "tester", f"effects of run '{first.handle.id}' stay: undo for quote")
    ]
    assert report.complete
    assert after.failure is None, after.message
    assert after.state is not None
    assert after.state.audit == []


async def test_what_a_completed_run_could_not_undo_keeps_it_from_being_repeated(harness: Harness) -> None:
    shop = Shop()
    shop.undo_broken = True
    workflow = definition(
        {"step_id": "a", "action": "work", "rollback_actions": ["undo"]},
        {"step_id": "back", "step_type": "rollback", "dependencies": ["a"]},
        {"step_id": "b", "action": "work", "dependencies": ["back"]},
        on_failure="pause",
    )
    async with harness.worker(shop.actions):
        run = await harness.start(workflow)
        await _held(run)
        await run.skip_step("back", "undone by hand, nearly")
        first = await outcome_of(run)
        planned = await plan_rerun(harness.client, run.id, from_step="b")
        with pytest.raises(OperationRefused, match="left effects that nobody has undone: undo for a;"):
            await started(harness, planned)
        shop.undo_broken = False
        await retry_rollback(harness.client, run.id)
        after = await plan_rerun(harness.client, run.id, from_step="b")

    assert first.failure is None, first.message
    assert shop.undone == [f"{first.report.execution_id}:a"]
    assert not after.left.steps


async def test_what_a_run_ended_by_force_did_is_kept_or_undone_but_never_both(harness: Harness) -> None:
    shop = Shop()
    undoable = chain()
    for step in undoable["steps"][:2]:
        step["rollback_actions"] = ["undo"]
    undoable["steps"][2] = {"step_id": "ship", "step_type": "wait", "wait": {"event": "go"}, "dependencies": ["pack"]}
    async with harness.worker(shop.actions):
        runs = [await harness.start(undoable, {"n": 3}) for _ in range(2)]
        for run in runs:
            await _waits(run, "ship")
            await run.handle.terminate("by force")
        rolled_back, kept = runs
        from_pack = await plan_rerun(harness.client, kept.id, from_step="pack")
        await retry_rollback(harness.client, rolled_back.id)
        nothing = await plan_rerun(harness.client, rolled_back.id)
        planned = await plan_rerun(harness.client, kept.id)
        second = await started(harness, planned)
        await _waits(second, "ship")
        with pytest.raises(OperationRefused, match=f"belongs to '{second.id}' now"):
            await retry_rollback(harness.client, kept.id)
        await second.cancel()
        with pytest.raises(RunCancelled):
            await second.result()

    assert from_pack.left.steps == ["pack"]
    assert nothing.kept == ()
    assert set(nothing.again) == {"quote", "pack"}
    assert nothing.again["quote"] == "'adw rollback' went over it."
    assert planned.kept == ("quote", "pack")
    assert not planned.left.steps
    wanted = [f"{run.run_id}:{step}" for run in (rolled_back, kept) for step in ("pack", "quote")]
    assert shop.undone == wanted


async def test_effects_have_one_owner_however_many_repeat_the_run(harness: Harness) -> None:
    shop = Shop()
    shop.broken = False
    undoable = chain()
    undoable["steps"][0]["rollback_actions"] = ["undo"]
    async with harness.worker(shop.actions):
        completed = await outcome_of(await harness.start(undoable, {"n": 3}))
        shop.broken = True
        planned = await plan_rerun(harness.client, completed.handle.id, from_step="ship")
        both = [await started(harness, planned) for _ in range(2)]
        outcomes = [await outcome_of(one) for one in both]
        with pytest.raises(OperationRefused, match=r"belong to '.*', which kept its results; rerun that one"):
            await plan_rerun(harness.client, completed.handle.id, from_step="ship")
        shop.broken = False
        winner = next(one for one in outcomes if one.failure == "WorkflowFailed")
        retried, third = await again(harness, winner)

    assert sorted(str(one.failure) for one in outcomes) == ["EffectsTaken", "WorkflowFailed"]
    assert shop.undone == [f"{completed.report.execution_id}:quote"]
    assert retried.again["quote"] == "the rollback went over it."
    assert third.failure is None, third.message


async def _waits(run: Run, step_id: str) -> None:
    async def waits() -> bool:
        return any(one.path == step_id and one.status == "waiting" for one in (await run.state()).steps)

    await eventually(waits)
