from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.api.sdk.v1 import WorkflowMetadata

from advanced_workflow.activities.action.errors import ActionError
from advanced_workflow.client.reruns.rollback import retry_rollback
from advanced_workflow.client.service.listing import waiting_for
from advanced_workflow.workflows.contract import UndoInput
from advanced_workflow.workflows.contract.paths import undo_run_id
from advanced_workflow.workflows.errors import OperationRefused, WorkflowError
from tests.harness import Harness, definition, eventually, outcome_of, recording

ONCE = {"max_attempts": 1}


def nothing() -> None:
    return None


async def test_a_registered_definition_is_a_workflow_type_of_its_own(harness: Harness) -> None:
    greet = {
        **definition(
            {"step_id": "greet", "input_mapping": {"name": "input.name"}, "output_mapping": {"result": "workflow.said"}}
        ),
        "workflow_id": "greeting",
    }
    async with harness.worker({"greet": lambda name: f"Hello, {name}"}, [greet]):
        run = await harness.start("greeting", {"name": "Ann"})
        outcome = await outcome_of(run)

    assert outcome.report.result == {"said": "Hello, Ann"}
    assert (await run.handle.describe()).workflow_type == "greeting"
    assert outcome.report.workflow_id == "greeting"


async def test_a_live_run_keeps_its_definition_when_the_worker_gets_another(harness: Harness) -> None:
    wait = {"step_id": "w", "step_type": "wait", "wait": {"event": "go"}}
    old = {**definition(wait, {"step_id": "old", "dependencies": ["w"]}), "workflow_id": "pinned"}
    new = {**definition(wait, {"step_id": "new", "dependencies": ["w"]}), "workflow_id": "pinned", "version": "2.0"}
    async with harness.worker({"old": nothing}, [old], max_cached_workflows=0):
        run = await harness.start("pinned")
        await eventually(lambda: _status(run, "w", "waiting"))
        pinned = await run.definition()
    async with harness.worker({"old": nothing, "new": nothing}, [new], max_cached_workflows=0):
        await run.send_event("go")
        outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message
    assert set(outcome.report.steps) == {"w", "old"}
    assert outcome.report.version == "1.0"
    assert outcome.report.definition_sha256 == pinned.sha256
    assert [step.step_id for step in pinned.definition.steps] == ["w", "old"]


async def test_an_unknown_workflow_type_fails_with_what_there_is(harness: Harness) -> None:
    async with harness.worker({}, [{**definition({"step_id": "a"}), "workflow_id": "greeting"}]):
        outcome = await outcome_of(await harness.start("greetings"))

    assert outcome.failure == "DefinitionNotFound"
    assert "greeting" in outcome.message


async def test_every_query_answers_while_the_run_waits(harness: Harness) -> None:
    async with harness.worker({"pay": lambda: 5}):
        run = await harness.start(
            definition(
                {"step_id": "pay", "output_mapping": {"result": "workflow.paid"}},
                {
                    "step_id": "ask",
                    "step_type": "human_approval",
                    "dependencies": ["pay"],
                    "approval": {"approvers": ["ann"]},
                },
            )
        )
        await eventually(lambda: _status(run, "ask", "waiting"))
        state, one, lean = await run.state(), await run.state("pay"), await run.state(include_data=False)
        progress, approvals = await run.progress(), await run.pending_approvals()
        with pytest.raises(WorkflowError, match="nowhere"):
            await run.state("nowhere")
        await run.approve("ask", approver="ann")
        await outcome_of(run)

    assert state.workflow == {"paid": 5}
    assert [(step.path, step.status) for step in state.steps] == [("pay", "completed"), ("ask", "waiting")]
    assert [step.execution_data for step in one.steps] == [{"output": 5}]
    assert [step.execution_data for step in lean.steps] == [{}, {}]
    assert (progress.total, progress.completed, progress.waiting) == (2, 1, 1)
    assert progress.waiting_for == ["ask: approval by ann"]
    assert [(one.step_id, one.required) for one in approvals] == [("ask", 1)]


async def test_who_is_waited_for_can_be_searched(harness: Harness) -> None:
    approval = {"approvers": ["group:finance", "ann"]}
    async with harness.worker():
        run = await harness.start(definition({"step_id": "ask", "step_type": "human_approval", "approval": approval}))
        found = await eventually(lambda: _found(harness, "group:finance", run.id))
        await run.approve("ask", approver="ann")
        await outcome_of(run)
        await eventually(lambda: _gone(harness, "group:finance", run.id))

    assert found


async def test_without_search_attributes_the_run_goes_on(harness: Harness) -> None:
    harness.search_attributes = False
    async with harness.worker():
        run = await harness.start(definition({"step_id": "ask", "step_type": "human_approval"}))
        await eventually(lambda: _status(run, "ask", "waiting"))
        await run.approve("ask", approver="ann")
        outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message
    events = [one.event_type for one in (await harness.histories())[0].events]
    assert EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES not in events


async def test_a_step_costs_the_same_events_as_in_a_workflow_by_hand(harness: Harness) -> None:
    steps = [{"step_id": f"s{n}", "action": "work", "dependencies": [f"s{n - 1}"] if n else []} for n in range(10)]
    outcome = await harness.run(definition(*steps), actions={"work": nothing})

    assert outcome.failure is None, outcome.message
    kinds = [one.event_type for one in (await harness.histories())[0].events]
    assert kinds.count(EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED) == 10
    assert kinds.count(EventType.EVENT_TYPE_MARKER_RECORDED) == 1
    assert kinds.count(EventType.EVENT_TYPE_TIMER_STARTED) == 1
    # started, first task (3), marker, the version, timer, then 6 for each step less the last task's completion, and the end.
    assert len(kinds) == 1 + 3 + 3 + 10 * 6 + 1


async def test_current_details_show_the_steps_and_what_to_send(harness: Harness) -> None:
    steps = [
        {"step_id": "pay", "name": "Pay | now"},
        {"step_id": "w", "step_type": "wait", "wait": {"event": "go", "timeout": 3000}},
        {"step_id": "ask", "step_type": "human_approval", "approval": {"prompt": "Ship it?", "approvers": ["ann"]}},
    ]
    async with harness.worker({"pay": nothing}):
        run = await harness.start(definition(*steps))
        await eventually(lambda: _status(run, "pay", "completed"))
        await eventually(lambda: _status(run, "ask", "waiting"))
        details = await eventually(lambda: _details(run, "completed"))
        decision, event = (json.loads(one) for one in re.findall(r"```json\n(.*?)\n```", details, re.DOTALL))
        await run.handle.signal("event", event)
        await run.handle.execute_update("decide_step", decision)
        outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message
    assert "| Pay \\| now (`pay`) | completed |" in details
    assert "event 'go'" in details
    assert "asks: Ship it?" in details
    rows = [one.user_metadata.summary.data.decode() for one in (await run.handle.fetch_history()).events]
    assert "\"w: waits for event 'go'\"" in rows


async def test_sla_targets_are_measured(harness: Harness) -> None:
    async def slow() -> None:
        await asyncio.sleep(0.3)

    targets = {"max_execution_time": 3600, "max_step_time": 0.1, "min_success_rate": 0.9}
    outcome = await harness.run(definition({"step_id": "slow"}, sla_targets=targets), actions={"slow": slow})

    assert {name: one.met for name, one in outcome.report.sla.items()} == {
        "max_execution_time": True,
        "max_step_time": False,
        "min_success_rate": True,
    }


async def test_a_result_too_large_fails_and_undoes(harness: Harness) -> None:
    undone: list[str] = []
    step = {"step_id": "grow", "rollback_actions": ["undo"], "output_mapping": {"result": "workflow.text"}}
    outcome = await harness.run(definition(step), actions={"grow": lambda: "x" * 1_200_000, "undo": recording(undone)})

    assert outcome.failure == "WorkflowFailed"
    assert outcome.report.error is not None
    assert outcome.report.error.type == "PayloadTooLarge"
    assert undone == ["grow completed"]


async def test_failed_undos_are_tried_again_on_request(harness: Harness) -> None:
    broken = {"a", "b"}
    undone: list[str] = []

    def undo(undo: UndoInput) -> None:
        if undo.step_id in broken:
            raise ActionError("not now", retryable=False)
        undone.append(undo.idempotency_key.split(":")[1])

    def fails() -> None:
        raise ActionError("no")

    actions: dict[str, Any] = {"work": nothing, "bad": fails, "undo": undo}
    async with harness.worker(actions):
        run = await harness.start(
            definition(
                {"step_id": "a", "action": "work", "rollback_actions": ["undo"]},
                {"step_id": "b", "action": "work", "rollback_actions": ["undo"], "dependencies": ["a"]},
                {"step_id": "c", "action": "work", "rollback_actions": ["undo"], "dependencies": ["b"]},
                {"step_id": "bad", "dependencies": ["c"]},
                retry_policy=ONCE,
            )
        )
        outcome = await outcome_of(run)
        broken.remove("b")
        second = await retry_rollback(harness.client, run.id)
        broken.remove("a")
        third = await retry_rollback(harness.client, run.id)
        for attempt in (1, 2):
            name = undo_run_id(run.id, outcome.report.execution_id, attempt)
            harness.handles.append(harness.client.get_workflow_handle(name))
        with pytest.raises(OperationRefused, match="nothing left"):
            await retry_rollback(harness.client, run.id)

    assert outcome.failure == "RollbackIncomplete"
    assert [(one.path, one.outcome) for one in second.entries] == [("b", "undone"), ("a", "failed")]
    assert [(one.path, one.outcome) for one in third.entries] == [("a", "undone")]
    assert undone == ["c", "b", "a"]


async def test_a_run_that_undid_everything_has_nothing_to_roll_back(harness: Harness) -> None:
    async with harness.worker({"a": nothing}):
        run = await harness.start(definition({"step_id": "a"}))
        await outcome_of(run)
        with pytest.raises(OperationRefused, match="nothing left"):
            await retry_rollback(harness.client, run.id)


async def test_a_worker_that_ends_leaves_waiting_runs_for_the_next(harness: Harness) -> None:
    wait = {"step_id": "w", "step_type": "wait", "wait": {"event": "go"}}
    run = await harness.start(definition({"step_id": "a"}, wait))
    async with harness.worker({"a": nothing}):
        await eventually(lambda: _status(run, "a", "completed"))
    async with harness.worker({"a": nothing}):
        await run.send_event("go")
        outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message


async def _status(run: Any, path: str, status: str) -> bool:
    return any(one.path == path and one.status == status for one in (await run.state()).steps)


async def _details(run: Any, part: str) -> str | None:

    metadata = await run.handle.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)
    return metadata.current_details if part in metadata.current_details else None


async def _found(harness: Harness, who: str, id: str) -> bool:
    return id in [one.id for one in await _collect(waiting_for(harness.client, who))]


async def _gone(harness: Harness, who: str, id: str) -> bool:
    return not await _found(harness, who, id)


async def _collect(runs: Any) -> list[Any]:
    return [one async for one in runs] if hasattr(runs, "__aiter__") else list(await runs)
