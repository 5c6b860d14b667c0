"""Whoever starts runs writes their arguments; what the engine hands to itself there counts only where the server says it did."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from temporalio.client import ActivityFailureError
from temporalio.exceptions import ApplicationError

from advanced_workflow.client.errors import RunFailed
from advanced_workflow.client.reruns.plan import plan_rerun, start_rerun
from advanced_workflow.client.runs import Run
from advanced_workflow.client.settings import Settings
from tests.engine.hops import NOISE, chain, cut_short, fill, went_on
from tests.engine.hops import execution as execution_of
from tests.engine.stage import refusal_of
from tests.harness import Harness, definition, eventually, outcome_of

GATE = {"step_id": "gate", "step_type": "human_approval", "approval": {"approvers": ["the-ceo"]}}
PAID = {"step_id": "pay", "action": "pay", "dependencies": ["gate"]}
PAY = definition(GATE, PAID)


async def _carried(harness: Harness, workflow: Any) -> Any:
    """What a real run carried on after its approval, to be put into the arguments of another."""
    cut_short(harness)
    async with harness.worker({"pay": lambda: "paid"}, [{**PAY, "workflow_id": "payment"}]):
        run = await harness.start(workflow)
        before = await execution_of(run)
        await fill(run)
        await went_on(run, before)
        await run.reject("gate", approver="the-ceo")
        await outcome_of(run)
    started = (await chain(harness, run))[-1].events[0].workflow_execution_started_event_attributes
    return harness.client.data_converter.payload_converter.from_payloads(started.input.payloads)


async def test_a_first_start_with_what_a_run_carried_on_isrefusal_of(harness: Harness) -> None:
    paid: list[str] = []
    registered = await _carried(harness, "payment")
    (ad_hoc,) = await _carried(harness, PAY)
    assert registered[2]["format"] == ad_hoc["carried"]["format"]
    async with harness.worker({"pay": lambda: paid.append("x")}, [{**PAY, "workflow_id": "payment"}]):
        for type, arguments in (
            ("payment", registered),
            ("AdvancedWorkflow", [ad_hoc]),
            ("payment", [None, None, {}]),
            ("payment", [None, None, {"format": "adw-1", "data": "eJyrrgUAAXUA+Q=="}]),  # {}
            ("AdvancedWorkflowUndo", [registered[2]]),
            ("AdvancedWorkflowUndo", [{"format": "adw-1", "data": "eJyrrgUAAXUA+Q=="}]),
        ):
            handle = await harness.client.start_workflow(
                type, args=arguments, id=f"forged-{uuid4().hex}", task_queue=harness.task_queue
            )
            harness.handles.append(handle)
            error = await refusal_of(handle)
            assert error.type in ("DataInvalid", "InputInvalid"), error

    assert paid == []


async def test_nobody_starts_the_type_that_takes_what_to_undo_from_its_arguments(harness: Harness) -> None:
    called: list[str] = []
    entry = {"path": "a", "step_id": "a", "action": "pay", "activity_id": "a", "idempotency_key": "k"}
    entry |= {"step_outcome": "completed", "task_queue": harness.task_queue, "timeout": 5, "total_timeout": 5}
    async with harness.worker({"pay": lambda: called.append("paid")}):
        handle = await harness.client.start_workflow(
            "AdvancedWorkflowRollback",
            {"execution_id": "x", "run": "r", "entries": [entry]},
            id=f"forged-{uuid4().hex}",
            task_queue=harness.task_queue,
        )
        harness.handles.append(handle)
        error = await refusal_of(handle)

    assert (error.type, "'adw rollback RUN'" in error.message) == ("InputInvalid", True)
    assert called == []


async def test_no_action_is_called_but_by_a_run(harness: Harness) -> None:
    """The server also starts activities without a workflow, where whoever starts them chooses the name and the input."""
    called: list[str] = []
    async with harness.worker({"pay": lambda: called.append("paid")}):
        for name, arguments in (("pay", []), ("adw.read_effects", [{"of": {"workflow_id": "x", "run_id": "y"}}])):
            with pytest.raises(ActivityFailureError) as caught:
                await harness.client.execute_activity(
                    name,
                    args=arguments,
                    id=f"forged-{uuid4().hex}",
                    task_queue=harness.task_queue,
                    start_to_close_timeout=timedelta(seconds=20),
                )
            assert isinstance(caught.value.cause, ApplicationError)
            assert caught.value.cause.type == "NotFromARun"

    assert called == []


async def test_the_runs_of_a_schedule_begin_anew_whatever_their_arguments_carry(harness: Harness) -> None:
    """The server starts the next run with the arguments of the one before, which failed, or had been carried on."""
    arguments = await _carried(harness, "payment")
    async with harness.worker({"pay": lambda: "paid"}, [{**PAY, "workflow_id": "payment"}]):
        handle = await harness.client.start_workflow(
            "payment",
            args=arguments,
            id=f"forged-{uuid4().hex}",
            task_queue=harness.task_queue,
            cron_schedule="@every 1s",
        )
        run = Run(harness.client, harness.client.get_workflow_handle(handle.id), user="tester")
        await eventually(lambda: _asks(run))
        state = await run.state()
        await _cancelled(run)

    # Nothing of the run that it pretends to continue.
    assert [(one.path, one.status) for one in state.steps] == [("gate", "waiting"), ("pay", "pending")]
    assert NOISE not in str(state)


async def _cancelled(run: Run) -> None:
    await run.cancel()
    with contextlib.suppress(RunFailed):
        await run.result()


async def _asks(run: Run) -> bool:
    return bool(await run.pending_approvals())


async def test_a_run_keeps_nothing_but_what_the_run_left_that_it_names(harness: Harness) -> None:
    """Kept results are in the arguments; the worker compares them with the run they are said to come from."""
    paid: list[str] = []
    payment, other = {**PAY, "workflow_id": "payment"}, {**PAY, "workflow_id": "other"}
    steals = {**payment, "steps": [GATE, {**PAID, "input_mapping": {"to": "'me'"}}]}
    async with harness.worker({"pay": lambda to=None: paid.append(to) or "paid"}, [payment, other]):
        run = await harness.start("payment")
        await eventually(run.pending_approvals)
        await run.approve("gate", approver="the-ceo")
        await outcome_of(run)
        paid.clear()
        planned = await plan_rerun(harness.client, run.id, from_step="pay")
        waiting = await harness.start("payment")
        true = planned.request.model_dump(mode="json")
        (record,) = true["records"]
        forged: list[tuple[str, dict[str, Any], str]] = [
            (
                "payment",
                {**true, "records": [{**record, "output": {**record["output"], "approver": "x"}}]},
                "is not what run",
            ),
            ("payment", {**true, "variables": {"approved": True}}, "is not what run"),
            ("payment", {**true, "undo": None}, "is not what run"),
            ("payment", {**true, "run": "nobody"}, "nobody"),
            ("payment", {**true, "run": waiting.id, "run_id": waiting.run_id}, "has not ended"),
            ("payment", {**true, "definition": steals}, "give it to the workers first"),
            ("other", {**true, "definition": other}, "is of type 'payment'"),
        ]
        for type, rerun, why in forged:
            handle = await harness.client.start_workflow(
                type, args=[None, {"rerun": rerun}], id=f"forged-{uuid4().hex}", task_queue=harness.task_queue
            )
            harness.handles.append(handle)
            error = await refusal_of(handle)
            assert why in error.message, error.message
        ad_hoc = {"workflow": steals, "execution_options": {"rerun": {**true, "definition": steals}}}
        handle = await harness.client.start_workflow(
            "AdvancedWorkflow", ad_hoc, id=f"forged-{uuid4().hex}", task_queue=harness.task_queue
        )
        harness.handles.append(handle)
        assert "is of type 'payment'" in (await refusal_of(handle)).message
        assert paid == []

        again = await start_rerun(harness.client, planned, task_queue=harness.task_queue, settings=Settings(user="x"))
        harness.handles.append(again.handle)
        assert (await outcome_of(again)).failure is None
        await _cancelled(waiting)

    assert paid == [None]
