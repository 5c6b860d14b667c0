"""`adw rollback` and the undoing of children: what is open is read from histories, and undone once whoever asks for it."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest

from advanced_workflow.activities.action import context
from advanced_workflow.activities.action.errors import ActionError
from advanced_workflow.client.reruns.rollback import retry_rollback
from advanced_workflow.client.runs import Run, get_run
from advanced_workflow.workflows.contract import RollbackReport, UndoInput
from advanced_workflow.workflows.engine.undo import saga
from advanced_workflow.workflows.errors import OperationRefused
from tests.engine.stage import Stage, Step, deed, fan, loop, reaches, says, waits
from tests.harness import Definition, Harness, definition, eventually, outcome_of, replayer

ONCE = {"max_attempts": 1}


class Ledger:
    """Undo actions that note the key of each effect they undo; `down` says for which steps they fail."""

    def __init__(self, *down: str) -> None:
        self.down = set(down)
        self.busy: set[str] = set()
        """Steps whose undo action is to be tried again."""
        self.waiting = False
        self.undone: list[str] = []
        self.outcomes: dict[str, str] = {}

    @property
    def actions(self) -> dict[str, Any]:
        def work(given: dict[str, Any] | None = None) -> Any:
            return (given or {}).get("value")

        def bad() -> None:
            raise ActionError("no", retryable=False)

        def undo(given: UndoInput) -> None:
            if given.step_id in self.down:
                raise ActionError("closed", retryable=False)
            if given.step_id in self.busy:
                self.waiting = True
                raise ValueError("busy")
            self.undone.append(given.idempotency_key.partition(":")[2])
            self.outcomes[given.step_id] = given.outcome

        return {"work": work, "bad": bad, "undo": undo}


def child(*steps: Step, workflow_id: str = "child") -> Definition:
    return definition(*steps, workflow_id=workflow_id)


def sub(step_id: str = "sub", *after: str, workflow: str = "child") -> Step:
    return {"step_id": step_id, "step_type": "sub_workflow", "workflow": workflow, "dependencies": list(after)}


def bad(*after: str) -> Step:
    return {"step_id": "bad", "action": "bad", "dependencies": list(after), "retry_policy": ONCE}


def told(report: RollbackReport | None) -> list[tuple[str, str, str]]:
    assert report is not None
    return [(one.path, one.action, one.outcome.value) for one in report.entries]


async def test_what_a_child_could_not_undo_is_undone_once_whoever_asks_first(harness: Harness) -> None:
    ledger = Ledger("make")
    failing = child(deed("make"), bad("make"))
    async with harness.worker(ledger.actions, [failing]):
        run = await harness.start(definition(deed("first"), sub("sub", "first")))
        outcome = await outcome_of(run)
        ledger.down.clear()
        reports = await asyncio.gather(
            *(retry_rollback(harness.client, id) for id in (run.id, f"{run.id}/sub", f"{run.id}/sub", run.id))
        )
        with pytest.raises(OperationRefused, match="nothing left"):
            await retry_rollback(harness.client, run.id)
        with pytest.raises(OperationRefused, match="nothing left"):
            await retry_rollback(harness.client, f"{run.id}/sub")

    assert outcome.failure == "RollbackIncomplete"
    assert ledger.undone == ["first", "make"]
    assert all(told(report) == [("make", "undo", "undone")] for report in reports)


async def test_a_child_undone_by_an_operator_is_not_undone_again_by_its_parent(harness: Harness) -> None:
    ledger = Ledger()
    held = child(deed("make"), waits("go", "make"))
    async with harness.worker(ledger.actions, [held]):
        run = await harness.start(definition(sub(), {**waits("later", "sub")}, bad("later"), sub("other")))
        inner = get_run(harness.client, f"{run.id}/sub")
        await reaches(inner, "go", "waiting")
        await inner.handle.terminate("by force")
        outcome = await outcome_of(run)

    assert outcome.failure == "WorkflowFailed"
    assert sorted(ledger.undone) == ["make", "make"]


async def test_a_child_ended_by_force_is_undone_from_its_history_and_its_own_children_too(harness: Harness) -> None:
    ledger = Ledger()
    done = child(deed("done"), workflow_id="done")
    grandchild = child(deed("deep"), waits("never", "deep"), workflow_id="grandchild")
    middle = child(deed("make"), sub("ready", "make", workflow="done"), sub("inner", "ready", workflow="grandchild"))
    async with harness.worker(ledger.actions, [done, grandchild, middle]):
        run = await harness.start(definition(deed("first"), sub("sub", "first")))
        deepest = get_run(harness.client, f"{run.id}/sub/inner")
        await reaches(deepest, "never", "waiting")
        await get_run(harness.client, f"{run.id}/sub").handle.terminate("by force")
        outcome = await outcome_of(run)

    assert outcome.failure == "WorkflowFailed", outcome.message
    assert outcome.report.error is not None
    assert outcome.report.error.type == "TerminatedError"
    assert outcome.report.rollback is not None
    assert outcome.report.rollback.complete
    assert sorted(ledger.undone) == ["deep", "done", "first", "make"]
    assert ledger.undone[-2:] == ["make", "first"]


async def test_a_child_whose_history_is_gone_leaves_its_parent_incomplete(harness: Harness) -> None:
    ledger = Ledger()
    held = child(deed("make"), waits("go", "make"))
    async with harness.worker(ledger.actions, [held]):
        run = await harness.start(definition(deed("first"), sub("sub", "first")))
        inner = get_run(harness.client, f"{run.id}/sub")
        await reaches(inner, "go", "waiting")
        await harness.client.workflow_service.delete_workflow_execution(
            DeleteWorkflowExecutionRequest(
                namespace=harness.client.namespace, workflow_execution=WorkflowExecution(workflow_id=inner.id)
            )
        )
        outcome = await outcome_of(run)

    harness.handles.remove(run.handle)
    await replayer().replay_workflow(await run.handle.fetch_history())
    assert outcome.failure == "RollbackIncomplete"
    assert ("sub", "", "failed") in told(outcome.report.rollback)
    assert outcome.report.rollback is not None
    errors = [one.error.message for one in outcome.report.rollback.entries if one.error]
    assert [f"the history of run '{inner.id}' is gone; undo it by hand." in one for one in errors] == [True]
    assert ledger.undone == ["first"]


async def test_a_terminated_run_is_undone_from_its_history_and_what_never_began_is_not(harness: Harness) -> None:
    stage = Stage(None, "slow")
    async with harness.worker(stage.actions):
        run = await harness.start(
            definition(
                deed("a"),
                loop("again", deed("turn"), after=["a"]),
                deed("slow", "again"),
                deed("later", "slow"),
                deed("other", "a"),
                retry_policy=ONCE,
            )
        )
        await stage.sees("slow")
        await reaches(run, "other", "completed")
        await run.handle.terminate("by force")
        stage.held.clear()
        report = await retry_rollback(harness.client, run.id)
        with pytest.raises(OperationRefused, match="nothing left"):
            await retry_rollback(harness.client, run.id)

    assert report.complete
    assert sorted(stage.undone) == ["a", "again#0.turn", "again#1.turn", "other", "slow"]
    assert [one for one in stage.undone if one != "other"] == ["slow", "again#1.turn", "again#0.turn", "a"]
    assert stage.undo_inputs["slow"]["outcome"] == "unknown"
    assert stage.undo_inputs["a"]["outcome"] == "completed"
    assert {one.idempotency_key.partition(":")[0] for one in report.entries} == {run.run_id}


async def test_a_step_that_a_run_had_not_sent_when_it_was_ended_is_not_undone(harness: Harness) -> None:
    stage, elsewhere = Stage(None, "slow"), f"{harness.task_queue}-other"
    slow = deed("slow", "a", agent_capability=elsewhere, **says("'made'"))
    async with harness.worker(stage.actions, task_queue=elsewhere):
        async with harness.worker(stage.actions):
            run = await harness.start(definition(deed("a"), slow, deed("next", "slow")))
            await stage.sees("slow")
        stage.held.clear()
        await eventually(lambda: _has_completed(run, 2))
        await run.handle.terminate("before it heard of it")
        async with harness.worker(stage.actions):
            report = await retry_rollback(harness.client, run.id)

    assert told(report) == [("slow", "undo", "undone"), ("a", "undo", "undone")]
    assert stage.undo_inputs["slow"]["output"] == "made"


async def test_a_run_that_was_ended_while_it_undid_is_undone_to_its_end(harness: Harness) -> None:
    ledger = Ledger("b")
    ledger.busy = {"a"}
    async with harness.worker(ledger.actions):
        run = await harness.start(definition(deed("a"), deed("b", "a"), deed("c", "b"), bad("c")))
        await eventually(lambda: ledger.waiting)
        await run.handle.terminate("by force")
        ledger.busy.clear()
        ledger.down.clear()
        report = await retry_rollback(harness.client, run.id)

    assert told(report) == [("b", "undo", "undone"), ("a", "undo", "undone")]
    assert ledger.undone == ["c", "b", "a"]


async def test_each_run_of_an_id_is_rolled_back_for_itself(harness: Harness) -> None:
    ledger = Ledger("a")
    reports: list[RollbackReport] = []
    id = f"order-{harness.task_queue}"
    runs: list[str | None] = []
    async with harness.worker(ledger.actions):
        for _ in (1, 2):
            ledger.down = {"a"}
            run = await harness.start(definition(deed("a"), bad("a")), id=id)
            assert (await outcome_of(run)).failure == "RollbackIncomplete"
            runs.append(run.run_id)
            ledger.down.clear()
            reports.append(await retry_rollback(harness.client, id))

    assert [told(one) for one in reports] == [[("a", "undo", "undone")]] * 2
    assert [one.entries[0].idempotency_key for one in reports] == [f"{run}:a" for run in runs]
    assert len(ledger.undone) == 2


async def test_all_failed_undos_are_tried_again_however_many_and_however_large(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saga, "LISTED", 1)
    ledger = Ledger("make", "big")
    numbers = random.Random(1)

    def big() -> str:
        return "".join(numbers.choices("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", k=1_100_000))

    steps = [fan("fan", "[0, 1]", deed("make"))]
    steps += [{**deed(f"big{number}", "fan"), "action": "big"} for number in range(2)]
    ledger.down |= {f"big{number}" for number in range(2)}
    async with harness.worker({**ledger.actions, "big": big}):
        run = await harness.start(definition(*steps, bad("big0", "big1")))
        outcome = await outcome_of(run)
        ledger.down = {"big1"}
        first = await retry_rollback(harness.client, run.id)
        ledger.down.clear()
        second = await retry_rollback(harness.client, run.id)

    assert outcome.report.rollback is not None
    assert (outcome.report.rollback.failed, len(outcome.report.rollback.entries)) == (4, 1)
    assert (first.complete, first.undone, first.failed) == (False, 3, 1)
    assert (second.complete, second.undone) == (True, 1)
    assert sorted(ledger.undone) == sorted([f"fan[{n}].make" for n in range(2)] + [f"big{n}" for n in range(2)])


async def test_an_undo_that_cannot_be_called_does_not_keep_others_from_it(harness: Harness) -> None:
    ledger = Ledger("a")
    mapped = deed("b", "a", rollback_mapping={"value": "result.missing"})
    async with harness.worker(ledger.actions):
        run = await harness.start(definition(deed("a"), mapped, bad("b")))
        outcome = await outcome_of(run)
        ledger.down.clear()
        report = await retry_rollback(harness.client, run.id)

    assert outcome.failure == "RollbackIncomplete"
    assert told(report) == [("b", "undo", "failed"), ("a", "undo", "undone")]
    assert ledger.undone == ["a"]


async def test_a_run_over_several_histories_is_undone_as_a_whole(harness: Harness) -> None:
    harness.continue_after = 40
    stage = Stage(None, "slow")
    async with harness.worker(stage.actions):
        run = await harness.start(definition(loop("again", deed("turn"), rounds=12), deed("slow", "again")))
        await stage.sees("slow")
        described = await harness.client.get_workflow_handle(run.id).describe()
        await harness.client.get_workflow_handle(run.id).terminate("by force")
        stage.held.clear()
        report = await retry_rollback(harness.client, run.id, run_id=run.run_id)

    assert described.run_id != run.run_id
    assert report.undone == 13
    assert stage.undone == ["slow", *(f"again#{number}.turn" for number in reversed(range(12)))]


async def test_an_undo_action_runs_under_the_keys_of_the_run_that_it_is_for(harness: Harness) -> None:
    keys: list[str] = []

    def undo(_: UndoInput) -> None:
        keys.append(context.idempotency_key())
        if len(keys) == 1:
            raise ActionError("closed", retryable=False)

    async with harness.worker({**Ledger().actions, "undo": undo}):
        run = await harness.start(definition(deed("a"), bad("a")))
        outcome = await outcome_of(run)
        await retry_rollback(harness.client, run.id)

    assert outcome.failure == "RollbackIncomplete"
    assert keys == [f"{run.run_id}:a.rollback[0]"] * 2


async def _has_completed(run: Run, activities: int) -> bool:
    events = (await run.handle.fetch_history()).events
    return sum(one.HasField("activity_task_completed_event_attributes") for one in events) == activities
