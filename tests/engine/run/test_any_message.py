"""Messages and starts of every shape: refused visibly, and no run is stopped by them."""

from __future__ import annotations

import asyncio
import base64
import json
import zlib
from typing import Any

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import WorkflowFailureError, WorkflowQueryFailedError, WorkflowUpdateFailedError
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

from advanced_workflow.workflows.contract import AD_HOC_WORKFLOW_TYPE, ROLLBACK_WORKFLOW_TYPE, UNDO_WORKFLOW_TYPE
from advanced_workflow.workflows.engine.run.snapshot import UNPACKED_LIMIT, earlier_part
from advanced_workflow.workflows.errors import DataInvalid
from tests.harness import Harness, definition, eventually, outcome_of

TASK_FAILED = EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED
SCHEDULED = EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED


def raw(data: bytes, encoding: bytes = b"json/plain", **more: bytes) -> RawValue:
    return RawValue(Payload(metadata={"encoding": encoding, **more}, data=data))


def js(value: Any) -> RawValue:
    return raw(json.dumps(value).encode())


NULL = raw(b"", b"binary/null")
DECISION = js({"step_id": "ask", "approver": "mallory"})
# Whatever is sent, and however many of it: none of these fits any message.
ODD: dict[str, list[RawValue]] = {
    "two": [DECISION, DECISION],
    "five, two of them unreadable": [js(1), raw(b"\0", b"x"), NULL, raw(b"\0", b"binary/plain"), js({})],
    "bytes": [raw(b"\xff\0", b"binary/plain")],
    "encrypted": [raw(b"\0\1\2", b"binary/encrypted", **{"encryption-key-id": b"k"})],
    "compressed": [raw(zlib.compress(b"{}"), b"binary/zlib")],
    "no encoding": [RawValue(Payload(data=b"{}"))],
    "an encoding that is no text": [raw(b"{}", b"\xff\xfe")],
    "a protobuf": [raw(b"\x08\x01", b"binary/protobuf", messageType=b"temporal.api.common.v1.Payload")],
    "no JSON": [raw(b"{")],
    "nothing at all": [raw(b"")],
    "300 deep": [raw(b'{"event": "e", "step_id": "ask", "approver": "a", "data": ' + b"[" * 300 + b"]" * 300 + b"}")],
    "10,000 deep": [raw(b"[" * 10_000 + b"]" * 10_000)],
    "infinity by its digits": [raw(b'{"event": "e", "data": 1e999}')],
    "NaN": [raw(b'{"event": "e", "data": NaN}')],
    "400 digits": [raw(b'{"event": "e", "data": ' + b"9" * 400 + b"}")],
    "5,000 digits": [raw(b'{"event": "e", "data": ' + b"9" * 5000 + b"}")],
    "a list": [js([1])],
    "a number": [js(7)],
    "text": [js("ask")],
    "a field that is long": [js({"x" * 200_000: 1})],
}
SIGNALS = ("approve_step", "reject_step", "event", "no-such-signal")
UPDATES = ("decide_step", "pause", "resume", "retry_step", "skip_step", "no-such-update")
QUERIES = ("state", "progress", "pending_approvals", "checkpoint", "definition", "no-such-query")


async def test_no_message_stops_a_run_and_each_is_in_the_log(harness: Harness) -> None:
    async with harness.worker():
        run = await harness.start(definition({"step_id": "ask", "step_type": "human_approval"}))
        await eventually(run.pending_approvals)
        for odd in ODD.values():
            for name in SIGNALS:
                await run.handle.signal(name, args=odd)
        await run.handle.signal("event")
        await run.handle.signal("wake", args=[js(1), raw(b"\0", b"x")])
        sent = len(ODD) * len(SIGNALS) + 1
        state = await eventually(lambda: _log_of(run, sent))
        await run.approve("ask", approver="ann")
        outcome = await outcome_of(run)
    [history] = await harness.histories()

    assert outcome.failure is None, outcome.message
    assert {one.code for one in state.rejected_decisions} == {"InvalidDecision"}
    sentences = [one.message for one in state.rejected_decisions]
    assert any("'approve_step' takes one argument and 2 were sent" in one for one in sentences)
    assert any("no signal 'no-such-signal'; it takes: approve_step" in one for one in sentences)
    assert all(0 < len(one) <= 8_000 and "\n" not in one for one in sentences)
    assert TASK_FAILED not in {event.event_type for event in history.events}


async def test_updates_and_queries_of_every_shape_are_answered_with_a_sentence(harness: Harness) -> None:
    refused: list[str] = []
    async with harness.worker():
        run = await harness.start(definition({"step_id": "ask", "step_type": "human_approval"}))
        await eventually(run.pending_approvals)
        for odd in ODD.values():
            for name in UPDATES:
                with pytest.raises(WorkflowUpdateFailedError) as update:
                    await run.handle.execute_update(name, args=odd)
                assert isinstance(update.value.cause, ApplicationError)
                refused.append(update.value.cause.message)
            for name in QUERIES:
                with pytest.raises(WorkflowQueryFailedError) as query:
                    await run.handle.query(name, args=odd)
                refused.append(str(query.value))
        await run.approve("ask", approver="ann")
        outcome = await outcome_of(run)
    [history] = await harness.histories()

    assert outcome.failure is None, outcome.message
    assert all(0 < len(one) <= 8_000 and "\n" not in one for one in refused)
    assert TASK_FAILED not in {event.event_type for event in history.events}


STARTS: list[tuple[str, list[RawValue]]] = [
    *(("known", odd) for name, odd in ODD.items() if name != "two"),
    ("known", [js({}), js({}), NULL, js(1)]),
    *((AD_HOC_WORKFLOW_TYPE, odd) for odd in ODD.values()),
    (AD_HOC_WORKFLOW_TYPE, [js({"workflow": definition({"step_id": "a"})}), js({})]),
    (UNDO_WORKFLOW_TYPE, [js({}), js({})]),
    (UNDO_WORKFLOW_TYPE, []),
    (ROLLBACK_WORKFLOW_TYPE, [js({}), js({})]),
    (ROLLBACK_WORKFLOW_TYPE, [raw(b"\0", b"binary/plain")]),
]


async def test_a_start_of_any_shape_fails_the_run_before_anything_begins(harness: Harness) -> None:
    known = definition({"step_id": "a"}, workflow_id="known", input_schema={"type": "object", "required": ["n"]})
    async with harness.worker({"a": lambda: 1}, [known]):
        for number, (workflow_type, arguments) in enumerate(STARTS):
            handle = await harness.client.start_workflow(
                workflow_type, args=arguments, id=f"odd-{number}-{harness.task_queue}", task_queue=harness.task_queue
            )
            harness.handles.append(handle)
        ends = await asyncio.gather(*(one.result() for one in harness.handles), return_exceptions=True)
    histories = await harness.histories()

    for (workflow_type, arguments), end in zip(STARTS, ends, strict=True):
        assert isinstance(end, WorkflowFailureError), (workflow_type, arguments, end)
        assert isinstance(end.cause, ApplicationError)
        assert end.cause.type in ("InputInvalid", "DataInvalid")
        assert 0 < len(end.cause.message) <= 8_000
    for history in histories:
        assert not {TASK_FAILED, SCHEDULED} & {event.event_type for event in history.events}


async def test_the_web_ui_has_a_form_for_each_message(harness: Harness) -> None:
    async with harness.worker({"a": lambda: 1}):
        run = await harness.start(definition({"step_id": "a"}))
        await run.result()
        metadata = await run.handle.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)

    shown = {one.name: one.description for one in metadata.definition.signal_definitions}
    assert list(shown) == ["approve_step", "event", "reject_step", "wake"]
    assert all(shown.values())
    assert {one.name for one in metadata.definition.update_definitions} == set(UPDATES) - {"no-such-update"}
    assert set(QUERIES) - {"no-such-query"} <= {one.name for one in metadata.definition.query_definitions}


def test_what_a_run_carries_on_never_unpacks_to_more_than_its_bound() -> None:
    bomb = base64.b64encode(zlib.compress(b'{"a":"' + b" " * UNPACKED_LIMIT + b'"}')).decode()
    with pytest.raises(DataInvalid, match="leave it out"):
        earlier_part({"format": "adw-1", "data": bomb})
    whole = base64.b64encode(zlib.compress(b"[]")).decode()
    with pytest.raises(DataInvalid, match="leave it out"):
        earlier_part({"format": "adw-1", "data": whole})


async def _log_of(run: Any, many: int) -> Any:
    state = await run.state()
    return state if len(state.rejected_decisions) >= many else None
