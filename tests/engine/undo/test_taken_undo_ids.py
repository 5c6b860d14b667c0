"""Whoever may start runs can take the ids under which effects are undone: that neither keeps them from being undone, nor undoes them twice."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import WorkflowHandle

from advanced_workflow.client.reruns.plan import plan_rerun
from advanced_workflow.client.reruns.rollback import retry_rollback
from advanced_workflow.client.runs import Run, get_run
from advanced_workflow.workflows.contract.paths import attempt_in, undo_run_id
from advanced_workflow.workflows.errors import OperationRefused
from tests.engine.stage import Stage, Step, deed, reaches, refusal_of, waits
from tests.harness import Definition, Harness, definition, eventually, outcome_of

ONCE = {"max_attempts": 1}
SUB: Step = {"step_id": "sub", "step_type": "sub_workflow", "workflow": "child"}
BAD: Step = {"step_id": "bad", "action": "bad", "dependencies": ["later"], "retry_policy": ONCE}
PARENT = definition(SUB, waits("later", "sub"), BAD)
LOOKS_UNDONE = definition({"step_id": "back", "step_type": "rollback"})
"""Its report is that of a rollback in which nothing failed."""


def child(*steps: Step) -> Definition:
    return definition(*steps, workflow_id="child")


async def start(harness: Harness, type: str, argument: Any, id: str, **more: Any) -> WorkflowHandle[Any, Any]:
    """As a stranger does; what never ends is ended by force, and no run of a stranger is replayed."""
    queue = more.pop("task_queue", harness.task_queue)
    return await harness.client.start_workflow(type, argument, id=id, task_queue=queue, **more)


async def take(harness: Harness, run: str, execution_id: str) -> list[WorkflowHandle[Any, Any]]:
    """Take the first ids with all kinds of runs, of which some never end."""
    ids = [undo_run_id(run, execution_id, attempt) for attempt in range(1, 8)]
    request = {"of": {"workflow_id": run, "run_id": execution_id}, "run": run}
    forged = {"run": run, "execution_id": execution_id, "by": "nobody", "by_execution": "x"}
    ended = [
        await start(harness, "AdvancedWorkflow", {"workflow": LOOKS_UNDONE}, ids[0]),
        await start(harness, "AdvancedWorkflowTakeover", forged, ids[1], memo=forged),
        await start(harness, "AdvancedWorkflowUndo", {"of": "nothing"}, ids[2]),
    ]
    for one in ended:
        await eventually(lambda one=one: _has_ended(one))
    return [
        await start(harness, "AdvancedWorkflowUndo", request, ids[3], task_queue="nobody-is-here"),
        await start(harness, "AdvancedWorkflowUndo", request, ids[4], start_delay=timedelta(days=900)),
        await start(harness, "AdvancedWorkflowUndo", request, ids[5], cron_schedule="0 0 29 2 *"),
        await start(harness, "AdvancedWorkflow", {"workflow": definition(waits("never"))}, ids[6]),
    ]


async def _has_ended(handle: WorkflowHandle[Any, Any]) -> bool:
    return (await handle.describe()).close_time is not None


async def test_a_parent_undoes_its_child_whoever_has_taken_the_ids_for_that(harness: Harness) -> None:
    stage = Stage({"bad": 1})
    async with harness.worker({**stage.actions, "bad": stage.actions["work"]}, [child(deed("make"))]):
        run = await harness.start(PARENT)
        await reaches(run, "later", "waiting")
        inner = get_run(harness.client, f"{run.id}/sub")
        strangers = await take(harness, inner.id, (await inner.result()).execution_id)
        await run.send_event("later")
        outcome = await outcome_of(run)
        for one in strangers:
            await one.terminate()

    assert outcome.failure == "WorkflowFailed", outcome.message
    assert outcome.report.rollback is not None
    assert [(one.path, one.outcome) for one in outcome.report.rollback.entries] == [("make", "undone")]
    assert stage.undone == ["make"]


async def test_an_operator_undoes_and_repeats_a_run_whoever_has_taken_the_ids_for_that(harness: Harness) -> None:
    stage = Stage()
    async with harness.worker(stage.actions):
        run = await harness.start(definition(deed("make"), waits("later", "make")))
        await reaches(run, "later", "waiting")
        await run.handle.terminate("by force")
        strangers = await take(harness, run.id, run.run_id or "")
        planned = await plan_rerun(harness.client, run.id)
        report = await retry_rollback(harness.client, run.id)
        with pytest.raises(OperationRefused, match="nothing left"):
            await retry_rollback(harness.client, run.id)
        for one in strangers:
            await one.terminate()

    assert planned.kept == ("make",)
    assert report.complete
    assert stage.undone == ["make"]


async def test_nothing_is_undone_out_of_turn(harness: Harness) -> None:
    stage = Stage({"a.rollback[0]": 1})
    async with harness.worker(stage.actions):
        lives = await harness.start(definition(waits("later")))
        run = await harness.start(definition(deed("a"), deed("b", "a"), waits("later", "b")))
        await reaches(run, "later", "waiting")
        await run.handle.terminate("by force")
        await reaches(lives, "later", "waiting")
        own, first = _about(run), undo_run_id(run.id, run.run_id or "")
        report = await retry_rollback(harness.client, run.id)
        after_first = {"of": {"workflow_id": first, "run_id": await _run_id(harness, first)}, "run": "x"}
        tries = [
            ("any", own, {}),
            (f"{first}~2", own, {}),  # What the first attempt undid would be undone again.
            (f"{first}~9", after_first, {}),  # There is no third.
            (f"{first}~1", own, {}),
            (undo_run_id(run.id, run.run_id or "", completed=True), own, {}),
            (undo_run_id(lives.id, lives.run_id or ""), _about(lives), {}),
        ]
        errors = [await refusal_of(await start(harness, "AdvancedWorkflowUndo", wanted, id)) for id, wanted, _ in tries]
        second = await retry_rollback(harness.client, run.id)
        assert (await lives.progress()).status == "running"
        await lives.handle.terminate()

    assert not report.complete
    assert [one.type for one in errors] == [*["NotItsTurn"] * 5, "StillRunning"]
    assert second.complete
    assert stage.undone == ["b", "a"]


def _about(run: Run) -> dict[str, Any]:
    return {"of": {"workflow_id": run.id, "run_id": run.run_id}, "run": run.id}


async def _run_id(harness: Harness, id: str) -> str:
    return (await harness.client.get_workflow_handle(id).describe()).run_id


async def test_what_a_child_completed_after_its_parent_was_ended_is_undone_with_it(harness: Harness) -> None:
    stage = Stage(None, "make")
    async with harness.worker(stage.actions, [child(deed("make"))]):
        run = await harness.start(definition(SUB))
        await stage.sees("make")
        await run.handle.terminate("by force")
        stage.held.clear()
        await get_run(harness.client, f"{run.id}/sub").result()
        report = await retry_rollback(harness.client, run.id)

    assert report.complete
    assert stage.undone == ["make"]


def test_an_id_tells_which_attempt_it_is_of() -> None:
    for run in ("order", "order~3/sub~2", "x" * 990):
        first = undo_run_id(run, "0123456789abcdef")
        assert [attempt_in(undo_run_id(run, "0123456789abcdef", n)) for n in (1, 2, 40)] == [
            (first, 1),
            (first, 2),
            (first, 40),
        ]
        # None of these is an id that anybody gives.
        for other in (f"{first}~1", f"{first}~02", f"{first}~x", f"{first}~0"):
            assert attempt_in(other) == (other, 1)
