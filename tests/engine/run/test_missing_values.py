"""References to stored values that are not there: refused visibly, and in each replay; what the run is made of is waited for."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from temporalio import activity, workflow
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowFailureError, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker

from advanced_workflow.client.connection import connect
from advanced_workflow.client.dev.server import DevServer
from advanced_workflow.client.runs import Run
from advanced_workflow.client.settings import Settings
from advanced_workflow.workflows.engine.graph import plan
from advanced_workflow.workflows.engine.run.workflow_types import WORKFLOWS
from tests.harness import Harness, definition, eventually, outcome_of, recording, replayer

ASK = {"step_id": "ask", "step_type": "human_approval"}
HEARD = definition(
    {"step_id": "wait", "step_type": "wait", "wait": {"event": "go"}}, output={"got": "steps.wait.output"}
)
NOT_THERE = "is a reference to a stored value that is not there; store it where the workers' ADW_STORAGE says"
VALUE = {"event": "go", "data": "v" * 40_000}
THRESHOLD = 33_000
_NOT_OURS = "child"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "payloads"
    folder.mkdir()
    return folder


async def harness_with(server: DevServer, settings: Settings) -> AsyncIterator[Harness]:
    harness = Harness(await connect(address=server.address, settings=settings))
    yield harness
    plan.forget()
    await replay(harness)


@pytest.fixture
async def storing(server: DevServer, folder: Path) -> AsyncIterator[Harness]:
    async for one in harness_with(server, Settings(storage=f"file://{folder}", storage_threshold=THRESHOLD)):
        yield one


@pytest.fixture
async def without(server: DevServer) -> AsyncIterator[Harness]:
    async for one in harness_with(server, Settings()):
        yield one


async def replay(harness: Harness) -> None:
    """With the storage as it is now."""
    for history in await harness.histories():
        if history.events[0].workflow_execution_started_event_attributes.workflow_type.name == _NOT_OURS:
            continue
        again = replayer(data_converter=harness.client.data_converter, namespace=harness.client.namespace)
        await again.replay_workflow(history)


def forged(digest: str = "0" * 64) -> RawValue:
    """A reference that can be written by anybody."""
    return RawValue(
        Payload(
            metadata={"encoding": b"json/protobuf", "messageType": b"temporal.api.sdk.v1.ExternalStorageReference"},
            data=json.dumps({"driverName": "adw.file", "claimData": {"sha256": digest}}).encode(),
        )
    )


def objects(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def lose(folder: Path) -> Callable[[], None]:
    """Lose what is stored, and not the storage; gives what brings it back."""
    kept = [(path, path.read_bytes()) for path in objects(folder)]
    for path, _ in kept:
        path.unlink()

    def restore() -> None:
        for path, content in kept:
            path.write_bytes(content)

    return restore


def unmount(folder: Path) -> Callable[[], None]:
    """Leave nothing but the place where the storage was mounted; gives what mounts it again."""
    away = folder.rename(folder.with_name("away"))
    folder.mkdir()

    def mount() -> None:
        folder.rmdir()
        away.rename(folder)

    return mount


async def refused(run: Run, count: int = 1) -> list[str] | None:
    log = (await run.state()).rejected_decisions
    return [one.message for one in log] if len(log) == count else None


async def test_a_signal_whose_value_is_lost_is_refused_and_stays_refused_once_it_is_there_again(
    storing: Harness, folder: Path
) -> None:
    run = await storing.start(HEARD)
    async with storing.worker():
        await eventually(run.progress)
    await run.handle.signal("event", VALUE)
    restore = lose(folder)

    async with storing.worker():
        [message] = await eventually(lambda: refused(run))
    restore()
    plan.forget()
    async with storing.worker():
        again = await refused(run)
        await run.handle.signal("event", {**VALUE, "data": VALUE["data"] + "2"})
        outcome = await outcome_of(run)
    lose(folder)()

    assert message.startswith(f"signal 'event' {NOT_THERE}")
    assert again == [message]
    assert outcome.data == {"got": VALUE["data"] + "2"}


async def test_where_the_storage_does_not_answer_nothing_is_refused(storing: Harness, folder: Path) -> None:
    run = await storing.start(HEARD)
    await run.handle.signal("event", VALUE)
    put_back = unmount(folder)

    async with storing.worker():
        failure = await eventually(lambda: task_failure(run.handle))
        put_back()
        outcome = await outcome_of(run, state=True)

    assert "is missing, and so is the storage; is ADW_STORAGE the same here" in failure
    assert outcome.data == {"got": VALUE["data"]}
    assert outcome.state is not None
    assert outcome.state.rejected_decisions == []


@pytest.mark.parametrize("stored", [True, False])
async def test_no_forged_reference_stops_a_run(stored: bool, storing: Harness, without: Harness) -> None:
    """Neither where a worker has a storage nor where it has none."""
    here = storing if stored else without
    async with here.worker(definitions=[definition(ASK)]):
        run = await here.start(definition(ASK))
        await eventually(run.pending_approvals)
        for name in ("event", "approve_step", "no-such-signal"):
            await run.handle.signal(name, forged())
        await run.handle.signal("event", args=[forged(), forged("1" * 64)])
        messages = await eventually(lambda: refused(run, 4))
        with pytest.raises(WorkflowUpdateFailedError) as update:
            await run.handle.execute_update("decide_step", forged())
        with pytest.raises(Exception, match=NOT_THERE):
            await run.handle.query("state", forged())
        starts = [await failed_start(here, args) for args in ([forged()], [{}, forged()], [{}, {}, forged()])]
        await run.approve("ask", approver="ann")
        outcome = await outcome_of(run)
    [history] = await here.histories()

    assert NOT_THERE in messages[0]
    assert NOT_THERE in str(update.value.cause)
    assert [text.partition(" is ")[0] for text in starts] == ["argument 1", "argument 2", "argument 3"]
    assert all(NOT_THERE in text for text in starts)
    assert outcome.failure is None
    assert not [one for one in history.events if one.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED]


def refund(undone: list[str]) -> list[Callable[..., Any]]:
    """The undo of `pay`, as a plain activity."""

    @activity.defn(name="refund")
    async def refund(undo: dict[str, Any]) -> None:
        undone.append(f"{undo['step_id']} {undo['outcome']}")

    return [refund]


async def failed_start(harness: Harness, args: list[Any]) -> str:
    handle = await harness.client.start_workflow(
        "test", args=args, id=f"test-{uuid4().hex[:8]}", task_queue=harness.task_queue
    )
    with pytest.raises(WorkflowFailureError) as caught:
        await handle.result()
    assert isinstance(caught.value.cause, ApplicationError)
    assert caught.value.cause.type == "StorageFailed"
    return caught.value.cause.message


async def test_a_start_whose_input_is_lost_fails_with_nothing_done_and_its_history_replays(
    storing: Harness, folder: Path
) -> None:
    called: list[str] = []
    step = definition({"step_id": "pay", "rollback_actions": ["refund"]})
    run = await storing.start(step, VALUE)
    restore = lose(folder)

    async with storing.worker({"pay": recording(called), "refund": recording(called)}):
        outcome = await outcome_of(run)
    restore()

    assert outcome.failure == "StorageFailed"
    assert "argument" in outcome.message
    assert called == []


async def test_an_update_that_was_accepted_is_never_taken_back(storing: Harness, folder: Path) -> None:
    run = await storing.start(definition(ASK, {"step_id": "wait", "step_type": "wait", "wait": {"event": "end"}}))
    async with storing.worker():
        await eventually(run.pending_approvals)
        await run.approve("ask", approver="ann", comment="c" * THRESHOLD)
    restore = lose(folder)

    async with storing.worker():
        await run.send_event("end")
        failure = await eventually(lambda: task_failure(run.handle))
        restore()
        outcome = await outcome_of(run)

    assert "is missing; is ADW_STORAGE the same here" in failure
    assert outcome.failure is None


async def test_a_result_that_is_lost_is_the_failure_of_its_step_whose_effect_stands(
    storing: Harness, folder: Path
) -> None:
    undone: list[str] = []
    queue = f"other-{uuid4().hex[:8]}"
    step = {"step_id": "pay", "agent_capability": queue, "rollback_actions": ["refund"]}

    @activity.defn(name="pay")
    async def pay() -> Any:
        return forged()

    async with storing.worker(), Worker(storing.client, task_queue=queue, activities=[pay, *refund(undone)]):
        run = await storing.start(definition(step))
        outcome = await outcome_of(run)

    error: Any = outcome.report.steps["pay"]["error"]
    assert error["type"] == "StorageFailed"
    assert error["message"].startswith(f"the result of action 'pay' {NOT_THERE}")
    assert undone == ["pay completed"]


@pytest.mark.parametrize(
    "detail",
    [
        forged(),
        RawValue(Payload(metadata={"encoding": b"binary/encrypted"}, data=b"\0")),
        RawValue(Payload(metadata={"encoding": b"json/plain"}, data=b"{")),
    ],
    ids=["a reference", "another encoding", "no JSON"],
)
async def test_an_error_whose_details_cannot_be_read_leaves_its_effect_open(storing: Harness, detail: RawValue) -> None:
    """It might have said there that there is one."""
    undone: list[str] = []
    queue = f"other-{uuid4().hex[:8]}"
    step = {"step_id": "pay", "agent_capability": queue, "rollback_actions": ["refund"]}

    @activity.defn(name="pay")
    async def pay() -> None:
        raise ApplicationError("no", detail, type="Refused", non_retryable=True)

    async with storing.worker(), Worker(storing.client, task_queue=queue, activities=[pay, *refund(undone)]):
        run = await storing.start(definition(step))
        outcome = await outcome_of(run)

    error: Any = outcome.report.steps["pay"]["error"]
    assert (error["type"], error["message"]) == ("Refused", "no")
    assert undone == ["pay unknown"]


@workflow.defn(name=_NOT_OURS, sandboxed=False)
class _Child:
    """In the place of a run of ours: its result, or the report in its failure, is lost."""

    @workflow.run
    async def run(self, args: Any, options: Any) -> Any:
        if args == {"end": "fails"}:
            raise ApplicationError("no", forged(), type="WorkflowFailed")
        return forged()


@pytest.mark.parametrize("ends", ["completes", "fails"])
async def test_a_child_of_which_nothing_can_be_read_may_have_left_effects(
    ends: str, storing: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.harness.WORKFLOWS", [*WORKFLOWS, _Child])
    sub = {"step_id": "sub", "step_type": "sub_workflow", "workflow": "child", "input_mapping": {"end": f"'{ends}'"}}
    child = definition({"step_id": "pay"}, workflow_id="child")
    async with storing.worker({"pay": lambda: None}, [child]):
        run = await storing.start(definition({**sub, "rollback_timeout": 1}, retry_policy={"max_attempts": 1}))
        outcome = await outcome_of(run)

    error: Any = outcome.report.steps["sub"]["error"]
    assert error["type"] == ("StorageFailed" if ends == "completes" else "WorkflowFailed")
    assert outcome.failure == "RollbackIncomplete"
    assert outcome.report.rollback is not None
    assert [one.path for one in outcome.report.rollback.entries] == ["sub"]


async def test_a_state_that_is_lost_is_never_refused(storing: Harness, folder: Path) -> None:
    storing.continue_after = 20
    names = [f"s{number}" for number in range(8)]
    steps = [
        {"step_id": name, "dependencies": [before] if before else []}
        for before, name in zip([None, *names], names, strict=False)
    ]
    wait = {"step_id": "wait", "step_type": "wait", "wait": {"event": "end"}, "dependencies": [names[-1]]}
    seen: list[str] = []

    def noise() -> str:
        return base64.b64encode(random.randbytes(30_000)).decode()

    async with storing.worker(dict.fromkeys(names, noise)):
        run = await storing.start(definition(*steps, wait, output={"sizes": "size(steps.s0.output)"}))
        await eventually(lambda: waits_in_a_later_history(run))
    restore = lose(folder)

    async with storing.worker(dict.fromkeys(names, noise)):
        await run.send_event("end")
        seen.append(await eventually(lambda: task_failure(run.handle)))
        restore()
        outcome = await outcome_of(run)

    assert "is missing; is ADW_STORAGE the same here" in seen[0]
    assert outcome.data == {"sizes": 40_000}


async def waits_in_a_later_history(run: Run) -> bool:
    progress = await run.progress()
    described = await run.handle.describe()
    return described.run_id != run.handle.first_execution_run_id and progress.waiting_for != []


async def task_failure(handle: WorkflowHandle[Any, Any]) -> str | None:
    """What the server wrote down about the last workflow task that failed."""
    failed = EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED
    events = [event async for event in handle.fetch_history_events() if event.event_type == failed]
    return events[-1].workflow_task_failed_event_attributes.failure.message if events else None
