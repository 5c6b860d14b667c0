"""What a business run is: which runs share their idempotency keys, and when a run's time begins."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest

from advanced_workflow.activities.action import context
from advanced_workflow.activities.action.errors import ActionError
from advanced_workflow.client.runs import Run
from tests.engine.stage import Step, fan, reaches, waits
from tests.harness import Harness, Outcome, definition, eventually, outcome_of

NIGHTLY = definition({"step_id": "pay"}, workflow_id="nightly", timeout=1000)


class Till:
    """Notes the keys that a step pays under."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    @property
    def actions(self) -> dict[str, Any]:
        def pay() -> str:
            self.keys.append(context.idempotency_key())
            return self.keys[-1]

        return {"pay": pay}


async def test_each_run_of_a_cron_schedule_has_keys_of_its_own(harness: Harness) -> None:
    till = Till()
    async with harness.worker(till.actions, [NIGHTLY]):
        handle = await harness.client.start_workflow(
            "nightly", id=f"cron-{uuid4().hex[:8]}", task_queue=harness.task_queue, cron_schedule="@every 1s"
        )
        await eventually(lambda: len(till.keys) >= 3)
        await handle.terminate()

    assert len(set(till.keys)) == len(till.keys)


async def test_a_start_delay_does_not_count_against_the_timeout(skipping: Harness) -> None:
    till = Till()
    async with skipping.worker(till.actions, [NIGHTLY]):
        handle = await skipping.client.start_workflow(
            "nightly", id=f"late-{uuid4().hex[:8]}", task_queue=skipping.task_queue, start_delay=timedelta(seconds=4000)
        )
        outcome = await outcome_of(Run(skipping.client, handle, "tester"))
    started, task = [one.event_time.ToDatetime() for one in (await handle.fetch_history()).events[:2]]

    assert task - started >= timedelta(seconds=4000)
    assert outcome.failure is None, outcome.message
    assert outcome.report.duration_seconds < 1000
    assert len(till.keys) == 1


async def test_a_reset_run_keeps_its_keys(harness: Harness) -> None:
    till = Till()
    async with harness.worker(till.actions):
        outcome = await reset_while_it_waits(harness, {"step_id": "pay"})

    assert outcome.failure is None, outcome.message
    assert len(till.keys) == 2
    assert len(set(till.keys)) == 1


async def reset_while_it_waits(harness: Harness, first: Step) -> Outcome:
    """Reset a run that waits for an event after this step, and let it go once it waits again."""
    run = await harness.start(definition(first, waits("w", first["step_id"])))
    await reaches(run, "w", "waiting")
    again = await reset(harness, run)
    await reaches(again, "w", "waiting")
    await again.send_event("w")
    return await outcome_of(again)


async def reset(harness: Harness, run: Run) -> Run:
    """Reset a run to its first workflow task."""
    history = await run.handle.fetch_history()
    tasks = [one.event_id for one in history.events if one.HasField("workflow_task_completed_event_attributes")]
    description = await run.handle.describe()
    await harness.client.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace=harness.client.namespace,
            workflow_execution=WorkflowExecution(workflow_id=run.id, run_id=description.run_id),
            reason="test",
            workflow_task_finish_event_id=tasks[0],
            request_id=str(uuid4()),
        )
    )
    return Run(harness.client, harness.client.get_workflow_handle(run.id), "tester")


CHILD = definition(
    {"step_id": "pay"},
    {"step_id": "cw", "step_type": "wait", "wait": {"event": "go"}, "dependencies": ["pay"]},
    workflow_id="child",
)
KID = {"step_id": "k", "step_type": "sub_workflow", "workflow": "child"}


async def test_a_reset_run_takes_over_the_child_that_runs_for_it(harness: Harness) -> None:
    till = Till()
    async with harness.worker(till.actions, [CHILD]):
        run = await harness.start(definition(KID, output={"paid": "steps.k.output"}))
        child = Run(harness.client, harness.client.get_workflow_handle(f"{run.id}/k"), "tester")
        await reaches(child, "cw", "waiting")
        again = await reset(harness, run)
        await reaches(again, "k", "running")
        await child.send_event("go")
        outcome = await outcome_of(again)

    assert outcome.failure is None, outcome.message
    assert len(till.keys) == 1


async def test_a_reset_run_has_the_result_of_its_completed_child(harness: Harness) -> None:
    till = Till()
    paying = definition({"step_id": "pay"}, workflow_id="child")
    async with harness.worker(till.actions, [paying]):
        outcome = await reset_while_it_waits(harness, KID)

    assert outcome.failure is None, outcome.message
    assert len(till.keys) == 1


async def test_a_copy_that_is_run_again_keeps_the_result_of_its_completed_child(harness: Harness) -> None:
    till = Till()
    broken = [True]

    def bad() -> None:
        if broken.pop() if broken else False:
            raise ActionError("no", retryable=False)

    paying = definition({"step_id": "pay"}, workflow_id="child")
    copies = fan("each", "[1]", KID, {"step_id": "bad", "dependencies": ["k"]})
    async with harness.worker({**till.actions, "bad": bad}, [paying]):
        run = await harness.start(definition(copies, on_failure="pause"))
        await reaches(run, "each", "failed")
        await run.retry_step("each", "again")
        outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message
    assert len(till.keys) == 1


async def test_a_child_of_an_earlier_run_of_the_same_id_is_not_taken_over(harness: Harness) -> None:
    till = Till()
    paying = definition({"step_id": "pay"}, workflow_id="child")
    async with harness.worker(till.actions, [paying]):
        first = await harness.start(definition(KID))
        await outcome_of(first)
        second = await harness.start(definition(KID), id=first.id)
        outcome = await outcome_of(second)

    assert outcome.failure is None, outcome.message
    assert len(set(till.keys)) == 2
