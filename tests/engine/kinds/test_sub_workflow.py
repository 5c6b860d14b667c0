from __future__ import annotations

import asyncio
from typing import Any

from advanced_workflow.activities.action.errors import ActionError
from advanced_workflow.client.reruns.rollback import retry_rollback
from advanced_workflow.client.runs import get_run
from advanced_workflow.workflows.contract import UndoInput
from tests.harness import Definition, Harness, definition, eventually, outcome_of, recording
from tests.patience import PATIENCE_SECONDS, never_ends

ONCE = {"max_attempts": 1}


def work(given: dict[str, Any] | None = None) -> dict[str, Any]:
    return given or {}


def fails() -> None:
    raise ActionError("the card was declined", type="CardDeclined", retryable=False)


def child(*steps: dict[str, Any], **more: Any) -> Definition:
    own = steps or (
        {"step_id": "make", "action": "work", "input_mapping": {"n": "input.n"}, "rollback_actions": ["undo"]},
    )
    return definition(*own, **{"workflow_id": "child", **more})


def calls(**more: Any) -> dict[str, Any]:
    return {"step_id": "sub", "step_type": "sub_workflow", "workflow": "child", **more}


async def test_a_child_runs_under_its_own_type_and_its_result_is_the_output(harness: Harness) -> None:
    workflow = definition(calls(input_mapping={"n": "input.n + 1"}), output={"made": "steps.sub.output.made"})
    async with harness.worker({"work": work, "undo": recording([])}, [child(output={"made": "steps.make.output.n"})]):
        outcome = await outcome_of(await harness.start(workflow, {"n": 2}), state=True)
        described = await harness.client.get_workflow_handle(f"{outcome.handle.id}/sub").describe()

    assert outcome.data == {"made": 3}
    assert described.workflow_type == "child"
    assert outcome.state is not None
    assert outcome.state.steps[0].execution_data["run"] == f"{outcome.handle.id}/sub"


async def test_what_a_child_and_its_own_children_did_is_undone_with_the_parent_newest_first(harness: Harness) -> None:
    undone: list[str] = []
    middle = child(
        {"step_id": "before", "action": "work", "rollback_actions": ["undo"]},
        {"step_id": "deep", "step_type": "sub_workflow", "workflow": "grandchild", "dependencies": ["before"]},
    )
    deepest = child({"step_id": "inner", "action": "work", "rollback_actions": ["undo"]}, workflow_id="grandchild")
    workflow = definition(
        {"step_id": "first", "action": "work", "rollback_actions": ["undo"]},
        calls(dependencies=["first"], rollback_actions=["undo"]),
        {"step_id": "bad", "dependencies": ["sub"], "retry_policy": ONCE},
    )
    actions = {"work": work, "undo": recording(undone), "bad": fails}
    async with harness.worker(actions, [middle, deepest]):
        outcome = await outcome_of(await harness.start(workflow))

    assert outcome.failure == "WorkflowFailed"
    assert undone == ["inner completed", "before completed", "sub completed", "first completed"]
    assert outcome.report.rollback is not None
    (run,) = {one.run for one in outcome.report.rollback.entries if one.path == "before"}
    assert run is not None
    assert run.startswith(f"{outcome.handle.id}/sub-rollback-")


async def test_a_child_that_fails_has_undone_itself_and_its_failure_chooses_the_handler(harness: Harness) -> None:
    undone: list[str] = []
    failing = child(
        {"step_id": "make", "action": "work", "rollback_actions": ["undo"]},
        {"step_id": "pay", "action": "fails", "dependencies": ["make"]},
    )
    workflow = definition(
        calls(error_handlers=[{"handler": "other", "on": ["Busy"]}, {"handler": "ask", "on": ["CardDeclined"]}]),
        {"step_id": "other", "action": "work"},
        {"step_id": "ask", "action": "work"},
    )
    async with harness.worker({"work": work, "fails": fails, "undo": recording(undone)}, [failing]):
        outcome = await outcome_of(await harness.start(workflow))

    assert outcome.failure is None, outcome.message
    assert undone == ["make completed"]
    assert outcome.status_of("ask") == "completed"
    assert outcome.status_of("other") == "skipped"


async def test_what_a_child_could_not_undo_makes_the_parent_incomplete_and_can_be_tried_again(harness: Harness) -> None:
    stuck = True

    def undo(undo: UndoInput) -> str:
        if stuck:
            raise ActionError("not now", type="Stuck", retryable=False)
        return undo.step_id

    failing = child(
        {"step_id": "make", "action": "work", "rollback_actions": ["undo"]},
        {"step_id": "pay", "action": "fails", "dependencies": ["make"]},
    )
    async with harness.worker({"work": work, "fails": fails, "undo": undo}, [failing]):
        run = await harness.start(definition(calls()))
        outcome = await outcome_of(run)
        stuck = False
        report = await retry_rollback(harness.client, run.id)

    assert outcome.failure == "RollbackIncomplete"
    assert outcome.report.error is not None
    assert outcome.report.error.type == "CardDeclined"
    assert "step 'pay' failed with CardDeclined: " in outcome.report.error.message
    assert outcome.report.error.message.endswith("; not everything it did was undone.")
    assert outcome.message.count("tries these again") == 1  # What the child could not undo is named by the parent.
    assert report.complete
    assert [(one.path, one.outcome) for one in report.entries] == [("make", "undone")]


async def test_a_child_of_another_version_or_that_nobody_has_is_refused_before_anything_runs(harness: Harness) -> None:
    first = {"step_id": "first", "action": "work"}
    async with harness.worker({"work": work}, [child(version="2.0")]):
        other = await outcome_of(
            await harness.start(definition(first, calls(dependencies=["first"], workflow_version="1.0")))
        )
        unknown = await outcome_of(
            await harness.start(definition(first, calls(dependencies=["first"], workflow="nobody")))
        )

    assert (other.failure, unknown.failure) == ("DefinitionInvalid", "DefinitionInvalid")
    assert "definition 'child' has no version '1.0'; it has '2.0'" in other.message
    assert "there is no definition 'nobody'" in unknown.message


async def test_a_childs_approval_is_decided_in_the_child_by_people_who_did_not_start_the_parent(
    harness: Harness,
) -> None:
    asks = child({"step_id": "ok", "step_type": "human_approval"}, output={"by": "steps.ok.output.approver"})
    async with harness.worker({}, [asks]):
        run = await harness.start(definition(calls(), output={"by": "steps.sub.output.by"}))
        inner = harness.client.get_workflow_handle(f"{run.id}/sub")

        async def asked() -> Any:
            return await inner.query("pending_approvals")

        await eventually(asked)
        await inner.signal("approve_step", {"step_id": "ok", "approver": "tester"})
        await inner.signal("approve_step", {"step_id": "ok", "approver": "ann"})
        outcome = await outcome_of(run)
        rejected = (await inner.query("state"))["rejected_decisions"]

    assert outcome.data == {"by": "ann"}
    assert [one["code"] for one in rejected] == ["SelfApproval"]


async def test_cancelling_the_parent_cancels_the_child_and_waits_for_its_rollback(harness: Harness) -> None:
    undone: list[str] = []
    started = asyncio.Event()

    async def hangs() -> None:
        started.set()
        await never_ends()

    slow = child(
        {"step_id": "make", "action": "work", "rollback_actions": ["undo"]},
        {"step_id": "slow", "action": "hangs", "dependencies": ["make"]},
    )
    async with harness.worker({"work": work, "hangs": hangs, "undo": recording(undone)}, [slow]):
        run = await harness.start(definition(calls()))
        await asyncio.wait_for(started.wait(), PATIENCE_SECONDS)
        await run.cancel("the order is wrong", by="ann")

        async def closed() -> str | None:
            summary = await run.summary()
            return summary.status if summary.close_time else None

        status = await eventually(closed)
        inner = get_run(harness.client, f"{run.id}/sub")
        acts = [(await one.state()).audit for one in (run, inner)]
        inner_status = (await inner.summary()).status

    assert (status, inner_status) == ("canceled", "canceled")
    said = [[(one.operation, one.by, one.reason) for one in audit] for audit in acts]
    assert said == [[("cancel", "ann", "the order is wrong")]] * 2
    assert undone == ["make completed"]


async def test_a_child_is_tried_again_where_the_step_says_so_and_ended_at_its_timeout(harness: Harness) -> None:
    tries = 0

    def flaky() -> None:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise ActionError("busy", type="Busy", retryable=False)

    async def hangs() -> None:
        await never_ends()

    again = calls(retry_policy={"max_attempts": 3, "delay": 0.1})
    late = {"step_id": "late", "step_type": "sub_workflow", "workflow": "slow", "timeout": 1}
    late |= {"dependencies": ["sub"], "retry_policy": {"continue_on_failure": True}}
    definitions = [
        child({"step_id": "flaky", "retry_policy": ONCE}),
        child({"step_id": "slow", "action": "hangs"}, workflow_id="slow"),
    ]
    async with harness.worker({"flaky": flaky, "hangs": hangs}, definitions):
        outcome = await outcome_of(await harness.start(definition(again, late)))

    assert outcome.failure is None, outcome.message
    assert tries == 3
    assert outcome.report.model_dump()["steps"]["late"]["error"]["type"] == "Timeout"


async def test_a_definition_may_run_itself_with_less(harness: Harness) -> None:
    countdown = definition(
        {
            "step_id": "more",
            "step_type": "sub_workflow",
            "workflow": "countdown",
            "conditions": ["input.n > 0"],
            "input_mapping": {"n": "input.n - 1"},
        },
        {"step_id": "one", "action": "work", "input_mapping": {"n": "input.n"}},
        workflow_id="countdown",
        output={"sum": "input.n + (has(steps.more.output) ? steps.more.output.sum : 0)"},
    )
    async with harness.worker({"work": work}, [countdown]):
        outcome = await outcome_of(await harness.start("countdown", {"n": 3}))

    assert outcome.data == {"sum": 6}
