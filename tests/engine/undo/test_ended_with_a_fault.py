"""A run that was terminated while its workflow task failed: the server lets nobody ask it, and its history is read instead."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from temporalio import workflow
from temporalio.service import RPCError

from advanced_workflow.client.reruns.rollback import retry_rollback
from advanced_workflow.client.runs import Run, get_run
from advanced_workflow.client.service.asking import TASK_FAILS
from advanced_workflow.workflows.contract import AD_HOC_WORKFLOW_TYPE, QUERY_EFFECTS
from advanced_workflow.workflows.engine.actions import calls
from advanced_workflow.workflows.errors import OperationRefused
from tests.engine.stage import Stage, deed, loop, says
from tests.engine.undo.test_rollback_from_history import child, sub
from tests.harness import Definition, Harness, definition, eventually, outcome_of

Where = Callable[[Any], bool]
Break = Callable[[Where], None]


@pytest.fixture
def breaks(monkeypatch: pytest.MonkeyPatch) -> Break:
    """Has the engine raise what nobody foresaw where it would make such a call."""

    def break_at(where: Where) -> None:
        right = calls._start

        def start(call: Any, *arguments: Any) -> Any:
            if where(call):
                raise KeyError("nobody foresaw this")
            return right(call, *arguments)

        monkeypatch.setattr(calls, "_start", start)

    return break_at


async def started(harness: Harness, workflow: Definition) -> Run:
    """Start a run whose failing workflow task is soon tried again."""
    harness.faults = True
    handle = await harness.client.start_workflow(
        AD_HOC_WORKFLOW_TYPE,
        {"workflow": workflow, "input_data": {}},
        id=f"fault-{uuid4().hex[:8]}",
        task_queue=harness.task_queue,
        task_timeout=timedelta(seconds=1),
    )
    harness.handles.append(handle)
    return get_run(harness.client, handle.id)


async def ended_by_force(run: Run, before: Callable[[], None] = lambda: None) -> None:
    """Terminate it once the server passes no query on to it, and `before` is done."""

    async def is_refused() -> bool:
        try:
            await run.handle.query(QUERY_EFFECTS, rpc_timeout=timedelta(seconds=1))
        except RPCError as error:
            return TASK_FAILS in error.message
        return False

    await eventually(is_refused)
    before()
    await run.handle.terminate("its workflow task fails")


@pytest.mark.parametrize("repaired", [False, True], ids=["with the fault", "with a worker that is repaired"])
async def test_what_a_run_did_that_was_terminated_while_its_task_failed_is_undone_once(
    harness: Harness, breaks: Break, monkeypatch: pytest.MonkeyPatch, repaired: bool
) -> None:
    stage = Stage()
    breaks(lambda call: call.path == "b")
    async with harness.worker(stage.actions):
        run = await started(harness, definition(deed("a", **says("'paid'")), deed("b", "a"), deed("c", "a")))
        await ended_by_force(run)
        if repaired:
            monkeypatch.undo()
        state = await run.state()
        report = await retry_rollback(harness.client, run.id)
        with pytest.raises(OperationRefused, match="nothing left"):
            await retry_rollback(harness.client, run.id)

    assert stage.undone == ["a"]
    assert report.complete
    assert [one.path for one in report.entries] == ["a"]
    told = stage.undo_inputs["a"]
    assert (told["outcome"], told["output"]) == (("completed", "paid") if repaired else ("unknown", None))
    assert {one.path: one.status for one in state.steps}["a"] == ("completed" if repaired else "running")


async def test_what_a_local_step_did_in_the_failing_task_is_undone(harness: Harness, breaks: Break) -> None:
    stage = Stage()
    breaks(lambda call: call.path == "b")
    async with harness.worker(stage.actions):
        run = await started(harness, definition(deed("a"), deed("quick", "a", execution="local"), deed("b", "quick")))
        await ended_by_force(run)
        report = await retry_rollback(harness.client, run.id)

    assert "quick" in stage.done
    assert stage.undone == ["quick", "a"]
    assert report.complete


async def test_a_child_that_was_terminated_while_its_task_failed_is_undone_by_its_parent(
    harness: Harness, breaks: Break, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage()
    breaks(lambda call: call.path == "broken")
    async with harness.worker(stage.actions, [child(deed("made"), deed("broken", "made"))]):
        run = await started(harness, definition(deed("first"), sub("sub", "first")))
        await ended_by_force(get_run(harness.client, f"{run.id}/sub"), monkeypatch.undo)
        outcome = await outcome_of(run)

    assert outcome.failure == "WorkflowFailed", outcome.message
    assert stage.undone == ["made", "first"]


async def test_what_earlier_histories_did_is_undone_where_the_first_task_of_the_last_one_fails(
    harness: Harness, breaks: Break
) -> None:
    stage, harness.continue_after = Stage(), 40
    breaks(lambda _: workflow.info().continued_run_id is not None)
    async with harness.worker(stage.actions):
        run = await started(harness, definition(loop("each", deed("one"), rounds=30)))
        await ended_by_force(run)
        report = await retry_rollback(harness.client, run.id)

    assert stage.done
    assert stage.undone == stage.done[::-1]
    assert report.complete
