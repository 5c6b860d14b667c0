from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from temporalio import activity
from temporalio.api.common.v1 import Payloads, WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import SignalWorkflowExecutionRequest
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.common import RawValue
from temporalio.converter import WorkflowSerializationContext
from temporalio.worker import Worker

from advanced_workflow.client.connection import connect
from advanced_workflow.client.dev.server import DevServer
from advanced_workflow.client.reruns.rollback import retry_rollback
from advanced_workflow.client.runs import Run, get_run
from advanced_workflow.client.settings import Settings
from advanced_workflow.client.storage import StorageFailed
from advanced_workflow.workflows.contract import UndoInput
from advanced_workflow.workflows.engine.graph import plan
from advanced_workflow.workflows.errors import PayloadTooLarge
from tests.harness import Harness, definition, eventually, outcome_of, recording, replayer
from tests.patience import TooSlow, given_time

INPUT: dict[str, Any] = {"text": "i" * 2_500_000}
RESULT: dict[str, Any] = {"text": "r" * 2_200_000}
ONCE = {"max_attempts": 1}
INLINE_LIMIT = 100_000
"""Characters of a history as JSON that holds no large value."""


class StoringHarness(Harness):
    """Replays with the client's own converter: the histories hold references."""

    async def replay(self) -> None:
        plan.forget()
        for history in await self.histories():
            assert len(history.to_json()) < INLINE_LIMIT
            # Whose values a reference may give is told by namespace and run.
            again = replayer(data_converter=self.client.data_converter, namespace=self.client.namespace)
            await again.replay_workflow(history)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "payloads"
    folder.mkdir()
    return folder


@pytest.fixture
async def storing(server: DevServer, folder: Path) -> AsyncIterator[StoringHarness]:
    client = await connect(
        address=server.address, settings=Settings(storage=f"file://{folder}", payload_limit=16_000_000)
    )
    harness = StoringHarness(client)
    yield harness
    await harness.replay()


def grow() -> dict[str, str]:
    return RESULT


def fails() -> None:
    raise ValueError("no")


def sizes_in(folder: Path) -> list[int]:
    return [path.stat().st_size for path in folder.rglob("*") if path.is_file()]


def lose(folder: Path) -> None:
    folder.rename(folder.with_name("lost"))


def restore(folder: Path) -> None:
    folder.with_name("lost").rename(folder)


async def test_a_large_input_and_a_large_result_go_through_the_storage(storing: StoringHarness, folder: Path) -> None:
    outcome = await storing.run(
        definition({"step_id": "grow"}, output={"sizes": "[size(input.text), size(steps.grow.output.text)]"}),
        INPUT,
        actions={"grow": grow},
    )

    assert outcome.data == {"sizes": [2_500_000, 2_200_000]}
    assert sum(sizes_in(folder)) > 4_700_000


async def test_a_large_mapped_input_a_large_output_and_a_large_undo_go_through_the_storage(
    storing: StoringHarness,
) -> None:
    received: list[int] = []
    undone: list[tuple[Any, Any]] = []
    steps = [
        {"step_id": "copy", "input_mapping": {"text": "input.text"}, "rollback_actions": ["uncopy"]},
        {"step_id": "fails", "dependencies": ["copy"]},
    ]

    def copy(text: str) -> dict[str, str]:
        received.append(len(text))
        return {"text": text}

    def uncopy(undo: UndoInput) -> None:
        undone.append((undo.input, undo.output))

    outcome = await storing.run(
        definition(*steps, retry_policy=ONCE), INPUT, actions={"copy": copy, "fails": fails, "uncopy": uncopy}
    )

    assert received == [2_500_000]
    assert outcome.undone() == ["copy"]
    assert undone == [(INPUT, INPUT)]


async def test_a_large_result_of_the_run_and_a_large_state_can_be_read(storing: StoringHarness) -> None:
    async with storing.worker({"grow": grow}):
        run = await storing.start(definition({"step_id": "grow"}, output={"all": "steps.grow.output"}))
        report = await run.result()
        state = await run.state("grow")

    assert report.result == {"all": RESULT}
    assert state.steps[0].execution_data["output"] == RESULT


async def test_large_events_go_through_the_storage(storing: StoringHarness) -> None:
    wait = {"step_id": "wait", "step_type": "wait", "wait": {"event": "arrived"}}
    async with storing.worker():
        run = await storing.start(definition(wait, output={"size": "size(steps.wait.output.text)"}))
        await run.send_event("arrived", RESULT)
        outcome = await outcome_of(run)

    assert outcome.data == {"size": 2_200_000}


async def test_any_client_and_any_worker_with_the_storage_take_part(storing: StoringHarness) -> None:
    """The client uses Temporal's own call, the action is a plain Temporal activity on another worker."""
    queue = f"other-{uuid4().hex[:8]}"
    step = {"step_id": "measure", "agent_capability": queue, "input_mapping": {"factor": "2"}}
    registered = definition(step, output={"sizes": "[size(input.text), size(steps.measure.output.text)]"})

    @activity.defn(name="measure")
    async def measure(_: Any) -> Any:
        return RESULT

    async with storing.worker(definitions=[registered]), Worker(storing.client, task_queue=queue, activities=[measure]):
        handle = await start_plainly(storing, INPUT)
        report = await handle.result()

    assert report["result"] == {"sizes": [2_500_000, 2_200_000]}


async def test_a_reference_to_a_value_of_another_run_is_refused_in_a_message_and_in_a_start(
    storing: StoringHarness,
) -> None:
    """As whoever sees a history could send it: with the payload of that history in the place of a value."""
    wait = {"step_id": "wait", "step_type": "wait", "wait": {"event": "arrived"}}
    theirs = WorkflowSerializationContext(namespace="default", workflow_id="payroll")
    [stolen] = await storing.client.data_converter.with_context(theirs).encode([RESULT])
    async with storing.worker(definitions=[definition(wait)]):
        run = await storing.start(definition(wait))
        await storing.client.workflow_service.signal_workflow_execution(
            SignalWorkflowExecutionRequest(
                namespace="default",
                workflow_execution=WorkflowExecution(workflow_id=run.id),
                signal_name="event",
                input=Payloads(payloads=[stolen]),
            )
        )
        await eventually(lambda: refused_in(run))
        [refused] = (await run.state()).rejected_decisions
        await run.send_event("arrived")
        outcome = await outcome_of(run)
        forged = await storing.client.start_workflow(
            "test", RawValue(stolen), id=f"forged-{uuid4().hex[:8]}", task_queue=storing.task_queue
        )
        with pytest.raises(WorkflowFailureError) as caught:
            await forged.result()

    assert "is a reference to a value that was stored for another run" in refused.message
    assert outcome.failure is None
    assert "argument 1 is a reference to a value that was stored for another run" in str(caught.value.cause)


async def refused_in(run: Run) -> bool:
    return bool((await run.state()).rejected_decisions)


async def test_a_run_whose_value_is_missing_waits_until_it_is_restored(storing: StoringHarness, folder: Path) -> None:
    registered = definition({"step_id": "a"}, output={"size": "size(input.text)"})
    handle = await start_plainly(storing, INPUT)
    lose(folder)

    async with storing.worker({"a": lambda: None}, [registered]):
        failure = await eventually(lambda: task_failure(handle))
        restore(folder)
        report = await handle.result()

    assert f"storage folder {folder}: object " in failure
    assert "is missing, and so is the storage; " in failure
    assert report["result"] == {"size": 2_500_000}


async def test_a_worker_without_the_storage_leaves_what_has_begun_to_those_who_have_it(
    storing: StoringHarness, server: DevServer
) -> None:
    """A start that it is the first to read it refuses: see `test_missing_values.py`."""
    wait = {"step_id": "wait", "step_type": "wait", "wait": {"event": "go"}}
    registered = definition(wait, output={"size": "size(input.text)"})
    handle = await start_plainly(storing, INPUT)
    run = get_run(storing.client, handle.id)
    async with storing.worker(definitions=[registered]):
        await eventually(run.progress)

    bare = Harness(await connect(address=server.address, settings=Settings()), storing.task_queue)
    async with bare.worker(definitions=[registered]):
        await run.send_event("go")
        failure = await eventually(lambda: task_failure(handle))
    async with storing.worker(definitions=[registered]):
        report = await handle.result()

    assert "ADW_STORAGE is not set; give it the one that clients and other workers have" in failure
    assert report["result"] == {"size": 2_500_000}


async def test_a_result_that_cannot_be_stored_has_an_unknown_outcome(storing: StoringHarness, folder: Path) -> None:
    undone: list[str] = []

    def grow_and_lose_the_folder() -> dict[str, str]:
        lose(folder)
        return RESULT

    outcome = await storing.run(
        definition({"step_id": "grow", "rollback_actions": ["shrink"]}, retry_policy=ONCE),
        actions={"grow": grow_and_lose_the_folder, "shrink": recording(undone)},
    )
    restore(folder)

    error: Any = outcome.report.steps["grow"]["error"]
    assert error["type"] == "StorageFailed"
    assert error["message"].startswith(f"storage folder {folder}: a value of 2,200,")
    assert undone == ["grow unknown"]


async def test_an_input_that_cannot_be_read_back_is_told_by_the_step(storing: StoringHarness, folder: Path) -> None:
    queue = f"other-{uuid4().hex[:8]}"
    step = {"step_id": "copy", "agent_capability": queue, "input_mapping": {"text": "input.text"}}
    async with storing.worker():
        run = await storing.start(definition(step, retry_policy=ONCE), INPUT)
        await eventually(lambda: scheduled(run.handle))
        lose(folder)
        async with storing.worker({"copy": lambda text: text}, task_queue=queue):
            outcome = await outcome_of(run)
    restore(folder)

    error: Any = outcome.report.steps["copy"]["error"]
    assert error["type"] == "StorageFailed"
    assert "is missing, and so is the storage; " in error["message"]


async def test_an_undo_that_is_tried_again_gets_its_large_input(storing: StoringHarness) -> None:
    async def once(seconds: float) -> None:
        received: list[Any] = []
        ready = asyncio.Event()

        def undo(undo: UndoInput) -> None:
            received.append(undo.output)
            if not ready.is_set():
                raise ValueError("not yet")

        steps = [
            {"step_id": "grow", "rollback_actions": ["undo"], "rollback_timeout": seconds},
            {"step_id": "fails", "dependencies": ["grow"]},
        ]
        async with storing.worker({"grow": grow, "fails": fails, "undo": undo}):
            run = await storing.start(definition(*steps, retry_policy=ONCE))
            outcome = await outcome_of(run)
            if not received:
                raise TooSlow
            ready.set()
            report = await retry_rollback(storing.client, run.id)

        assert outcome.failure == "RollbackIncomplete"
        assert report.complete
        assert len(received) > 1
        assert all(one == RESULT for one in received)

    await given_time(once, 1)


async def test_a_client_without_the_storage_is_told_what_it_lacks(storing: StoringHarness, client: Client) -> None:
    async with storing.worker({"grow": grow}):
        run = await storing.start(definition({"step_id": "grow"}, output={"all": "steps.grow.output"}))
        await run.result()

        with pytest.raises(StorageFailed, match=f"run '{run.id}': .*; set ADW_STORAGE as the workers have it"):
            await get_run(client, run.id).result()


async def test_without_storage_a_large_input_starts_nothing(harness: Harness) -> None:
    with pytest.raises(PayloadTooLarge, match="input_data: 2,500,011 bytes are more than the 2,080,768"):
        await harness.start(definition({"step_id": "a"}), INPUT)

    assert harness.handles == []


async def test_without_storage_a_large_result_fails_its_step(harness: Harness) -> None:
    outcome = await harness.run(definition({"step_id": "grow"}, retry_policy=ONCE), actions={"grow": grow})

    assert outcome.failure == "WorkflowFailed"
    error: Any = outcome.report.steps["grow"]["error"]
    assert error["type"] == "PayloadTooLarge"


async def start_plainly(harness: Harness, input_data: Any) -> WorkflowHandle[Any, Any]:
    """Start the registered definition as any Temporal client would."""
    handle = await harness.client.start_workflow(
        "test", args=[input_data, {}], id=f"test-{uuid4().hex[:8]}", task_queue=harness.task_queue
    )
    harness.handles.append(handle)
    return handle


async def scheduled(handle: WorkflowHandle[Any, Any]) -> bool:
    """Whether an action waits for its worker."""
    return bool((await handle.describe()).raw_description.pending_activities)


async def task_failure(handle: WorkflowHandle[Any, Any]) -> str | None:
    """What the server wrote down about the last workflow task that failed."""
    failed = EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED
    events = [event async for event in handle.fetch_history_events() if event.event_type == failed]
    return events[-1].workflow_task_failed_event_attributes.failure.message if events else None
