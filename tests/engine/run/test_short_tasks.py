"""What one workflow task does is bounded, however much there is to do."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from time import thread_time
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.client import Client, WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.worker import Replayer
from temporalio.worker._workflow_instance import _WorkflowInstanceImpl as WorkflowInstance

from advanced_workflow.activities.builtin import runs
from advanced_workflow.activities.worker import prepare
from advanced_workflow.workflows import contract
from advanced_workflow.workflows.contract import NEXT_TASK_ACTIVITY, SIGNAL_WAKE
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow
from advanced_workflow.workflows.engine.run.workflow_types import WORKFLOWS
from advanced_workflow.workflows.engine.state import task_budget
from advanced_workflow.workflows.engine.temporal import next_task
from advanced_workflow.workflows.engine.temporal.interceptor import EngineInterceptor
from advanced_workflow.workflows.engine.temporal.runner import EngineRunner
from tests.engine import allowed
from tests.engine.arena import arena
from tests.engine.cases import Batch, batches, children_of
from tests.engine.run import test_random_races
from tests.engine.stage import loop
from tests.examples import profile
from tests.harness import Harness, Outcome, definition, eventually, outcome_of

LOCAL_STEPS = 250
"""More than one workflow task may run."""
READY_STEPS = 1_500
RUNS_AT_ONCE = 5


async def count(outcome: Outcome) -> Counter[str]:
    """How many timers and signals the history has, and workflow tasks that did something."""
    events = (await outcome.handle.fetch_history()).events
    return Counter(
        {
            "timers": sum(one.HasField("timer_started_event_attributes") for one in events),
            "ended": sum(
                one.activity_task_scheduled_event_attributes.activity_type.name == NEXT_TASK_ACTIVITY
                for one in events
                if one.HasField("activity_task_scheduled_event_attributes")
            ),
            "wakes": sum(
                one.workflow_execution_signaled_event_attributes.signal_name == SIGNAL_WAKE
                for one in events
                if one.HasField("workflow_execution_signaled_event_attributes")
            ),
            "tasks": sum(one.HasField("workflow_task_completed_event_attributes") for one in events),
        }
    )


def local_steps() -> dict[str, Any]:
    return definition(
        {
            "step_id": "again",
            "step_type": "loop",
            "action": "act",
            "execution": "local",
            "loop_condition": f"iteration < {LOCAL_STEPS}",
            "loop_max_iterations": LOCAL_STEPS,
        }
    )


def ready_steps(**more: Any) -> dict[str, Any]:
    return definition(*({"step_id": f"s{number:04}", "action": "act", **more} for number in range(READY_STEPS)))


async def test_many_local_steps_let_others_in_by_an_activity_that_does_nothing(harness: Harness) -> None:
    outcome = await harness.run(local_steps(), actions={"act": lambda: None})

    assert outcome.failure is None, outcome.message
    assert await count(outcome) == {"timers": 1, "ended": 1, "wakes": 0, "tasks": 2}, "one timer is the run's deadline"


@pytest.mark.parametrize("may_signal", [True, False])
async def test_a_run_of_former_rules_wakes_itself_by_a_signal_or_waits_for_a_timer(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, may_signal: bool
) -> None:
    def refuse() -> None:
        raise ApplicationError("this worker may not signal")

    monkeypatch.setattr(prepare, "RULES", 2)
    if not may_signal:
        monkeypatch.setattr(runs, "_caller", refuse)
    outcome = await harness.run(local_steps(), actions={"act": lambda: None})

    assert outcome.failure is None, outcome.message
    assert await count(outcome) == {"timers": 2 - may_signal, "ended": 0, "wakes": may_signal, "tasks": 2}


async def test_a_run_of_an_older_engine_keeps_its_ways(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    # It was prepared before rules had numbers, and its history has no marker.
    monkeypatch.setattr(prepare, "RULES", 1)
    for module in (next_task, task_budget):
        monkeypatch.setattr(module, "patched", lambda _: False)
    async with harness.worker({"act": lambda: None}):
        local = await outcome_of(await harness.start(local_steps()))
        ready = await outcome_of(await harness.start(ready_steps(conditions=["false"])))

    # Their histories are replayed after all tests, by the engine as it is.
    assert await count(local) == {"timers": 2, "ended": 0, "wakes": 0, "tasks": 2}
    assert (await count(ready))["wakes"] == 0
    assert (local.failure, ready.failure) == (None, None)


async def test_a_task_that_only_waited_for_a_local_step_makes_no_difference(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(task_budget, "TASK_LIMIT_STEPS", 10 * task_budget.LOCAL_STEPS)

    other_task = asyncio.Event()

    async def lasts() -> None:
        await other_task.wait()

    rounds = loop("again", action="act", rounds=25, after=["first"], execution="local")
    steps = definition({"step_id": "first", "action": "lasts", "execution": "local"}, rounds)
    request = {"workflow": AdvancedWorkflow.model_validate(steps).model_dump(mode="json", exclude_defaults=True)}
    harness = Unkept(client)
    async with harness.worker({"lasts": lasts, "act": lambda: None}):
        handle = await client.start_workflow(
            contract.AD_HOC_WORKFLOW_TYPE,
            request,
            id=f"short-{uuid4()}",
            task_queue=harness.task_queue,
            task_timeout=timedelta(seconds=1),
        )
        await eventually(lambda: has_tasks(handle, 2))
        other_task.set()
        await handle.result()

    harness.handles.append(handle)
    await harness.replay()  # It fails where the tasks of the replay do not end where those of the run did.


async def has_tasks(handle: WorkflowHandle[Any, Any], count: int) -> bool:
    history = await handle.fetch_history()
    return sum(one.HasField("workflow_task_completed_event_attributes") for one in history.events) >= count


async def test_many_ready_steps_start_in_several_tasks_and_all_are_settled(harness: Harness) -> None:
    outcome = await harness.run(ready_steps(conditions=["false"]), actions={"act": lambda: None})

    assert outcome.failure is None, outcome.message
    assert {str(one["status"]) for one in outcome.report.steps.values()} == {"skipped"}
    counted = await count(outcome)
    assert counted["timers"] == 1
    assert (
        counted["ended"] + 1
        == counted["tasks"]
        >= READY_STEPS * task_budget.STARTED_STEPS / task_budget.TASK_LIMIT_STEPS
    )


async def test_no_task_of_the_largest_definition_comes_near_the_two_seconds_it_has(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds: list[float] = []
    activate = WorkflowInstance.activate

    def measured(instance: WorkflowInstance, activation: WorkflowActivation) -> WorkflowActivationCompletion:
        began = thread_time()
        try:
            return activate(instance, activation)
        finally:
            seconds.append(thread_time() - began)

    monkeypatch.setattr(WorkflowInstance, "activate", measured)
    steps = [{"step_id": f"s{number}", "action": "act", "conditions": ["false"]} for number in range(10_000)]
    async with harness.worker({"act": lambda: None}):
        outcome = await outcome_of(await harness.start(definition(*steps, description="x" * 100_000)))

    assert outcome.failure is None, outcome.message
    assert max(seconds) < 1


async def test_a_cancel_ends_steps_for_which_there_was_no_room_yet(harness: Harness) -> None:
    started = asyncio.Event()

    async def act() -> None:
        started.set()

    many = [
        {"step_id": f"w{number:04}", "step_type": "wait", "wait": {"event": "never"}} for number in range(READY_STEPS)
    ]
    async with harness.worker({"act": act}):
        run = await harness.start(definition({"step_id": "first", "action": "act"}, *many))
        await started.wait()
        await run.cancel()
        outcome = await outcome_of(run)

    assert outcome.failure == "Cancelled"


@pytest.fixture(scope="module")
def tiny_tasks() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(task_budget, "TASK_LIMIT_STEPS", 3)
        yield


@profile(2, shrink=False)
@given(
    mixed=batches(RUNS_AT_ONCE),
    races=batches(RUNS_AT_ONCE, races=True),
)
@pytest.mark.timeout(0)
async def test_runs_whose_tasks_do_almost_nothing_end_as_any_other(
    tiny_tasks: None, client: Client, mixed: Batch, races: Batch
) -> None:
    async with arena(Unkept(client), definitions=children_of([*mixed, *races])) as actions:
        await asyncio.gather(
            *(allowed.check_run(actions, case, f"tiny-{number}") for number, case in enumerate(mixed)),
            *(test_random_races.check_run(actions, case, f"tiny-race-{number}") for number, case in enumerate(races)),
        )


class Unkept(Harness):
    """Replays here, where tasks are as small as they were; a process of its own would do more in each."""

    async def replay(self) -> None:
        replayer = Replayer(
            workflows=WORKFLOWS, unsandboxed_workflow_runner=EngineRunner(), interceptors=[EngineInterceptor()]
        )
        for history in await self.histories():
            await replayer.replay_workflow(history)
