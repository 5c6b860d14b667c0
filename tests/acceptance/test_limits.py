"""What cannot run fails clearly: the right type, one sentence, and nothing was started."""

from __future__ import annotations

import json
from typing import Any

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

from advanced_workflow.workflows.contract import PAYLOAD_LIMIT_BYTES
from advanced_workflow.workflows.errors import DataInvalid, PayloadTooLarge
from tests.harness import Harness, definition, eventually, outcome_of, recording

ACTIVITY_SCHEDULED = 10
TIMER_STARTED = 17
STRICT = {**definition({"step_id": "a"}, input_schema={"type": "object", "required": ["n"]}), "workflow_id": "strict"}
ONE = {"workflow_id": "one", "steps": [{"step_id": "a", "action": "a"}]}


def nothing() -> None:
    return None


def raw(data: bytes, encoding: bytes = b"json/plain") -> RawValue:
    return RawValue(Payload(metadata={"encoding": encoding}, data=data))


def ad_hoc(workflow: object, **more: object) -> list[RawValue]:
    return [raw(json.dumps({"workflow": workflow, **more}).encode())]


def deep(levels: int) -> dict[str, Any]:
    step: dict[str, Any] = {"step_id": "leaf", "action": "a"}
    loop = {"step_type": "loop", "loop_condition": "iteration < 1"}
    for level in range(levels):
        inside = {**loop, "body": [step]} if level % 2 else {"step_type": "parallel", "parallel_steps": [step]}
        step = {"step_id": f"level_{level}", **inside}
    return {"workflow_id": "deep", "steps": [step]}


def with_step(**fields: Any) -> dict[str, Any]:
    return {"workflow_id": "w", "steps": [{"step_id": "a", "action": "a"}, {"step_id": "s", **fields}]}


# Name -> workflow type, arguments, failure type, part of the sentence.
REFUSED: dict[str, tuple[str, list[RawValue], str, str]] = {
    "unknown type": ("strict-orders", [], "DefinitionNotFound", "this worker has no definition 'strict-orders'"),
    "input that is missing": ("strict", [], "InputInvalid", "input_data does not fit the input_schema of 'strict'"),
    "input that does not fit": ("strict", [raw(b"{}")], "InputInvalid", "'n' is a required property"),
    "options that do not fit": ("strict", [raw(b'{"n": 1}'), raw(b'{"me": 1}')], "InputInvalid", "execution_options"),
    "NaN": ("strict", [raw(b'{"n": NaN}')], "DataInvalid", "NaN is not a JSON number"),
    "Infinity": ("strict", [raw(b'{"n": -Infinity}')], "DataInvalid", "-Infinity is not a JSON number"),
    "a number too large": ("strict", [raw(b'{"n": 1e999}')], "DataInvalid", "inf"),
    "no JSON": ("strict", [raw(b"{n: 1}")], "DataInvalid", "argument 1 is not valid JSON"),
    "JSON nested without end": ("strict", [raw(b"[" * 100_000)], "DataInvalid", "argument 1 is nested too deeply"),
    "bytes": ("strict", [raw(b"\xff\x00", b"binary/plain")], "DataInvalid", "send plain JSON"),
    "text of another encoding": ("strict", [raw(b'"\xff"')], "DataInvalid", "argument 1 is not valid JSON"),
    "a converter's encoding": ("strict", [raw(b"x", b"json/encrypted")], "DataInvalid", "'json/encrypted'"),
    "ad hoc: no argument": ("AdvancedWorkflow", [], "InputInvalid", "the argument does not fit"),
    "ad hoc: text": ("AdvancedWorkflow", [raw(b'"orders"')], "InputInvalid", "the argument does not fit"),
    "ad hoc: bytes": ("AdvancedWorkflow", [raw(b"\x00", b"binary/plain")], "DataInvalid", "send plain JSON"),
    "ad hoc: no definition": ("AdvancedWorkflow", [raw(b"{}")], "InputInvalid", "workflow: it is missing"),
    "ad hoc: unknown key": (
        "AdvancedWorkflow",
        ad_hoc(ONE, inputs={}),
        "InputInvalid",
        "inputs: there is no such field",
    ),
    "ad hoc: null": ("AdvancedWorkflow", ad_hoc(None), "InputInvalid", "workflow"),
    "ad hoc: no steps": ("AdvancedWorkflow", ad_hoc({"workflow_id": "w"}), "DefinitionInvalid", "empty_workflow"),
    "ad hoc: unknown field": ("AdvancedWorkflow", ad_hoc({**ONE, "stepz": []}), "DefinitionInvalid", "stepz"),
    "too deep": ("AdvancedWorkflow", ad_hoc(deep(33)), "DefinitionInvalid", "steps nest deeper than 32 levels"),
    "an expression too long": (
        "AdvancedWorkflow",
        ad_hoc(with_step(action="a", conditions=["true" + " && true" * 10_000])),
        "DefinitionInvalid",
        "steps[1].conditions[0]",
    ),
    "a definition too large": (
        "AdvancedWorkflow",
        ad_hoc({**ONE, "description": "x" * 1_100_000}),
        "DefinitionInvalid",
        "too_large",
    ),
    "approval escalation": (
        "AdvancedWorkflow",
        ad_hoc(with_step(step_type="human_approval", approval={"escalation": {"after": 1, "to": ["ann"]}})),
        "NotSupportedYet",
        "steps[1].approval.escalation",
    ),
    "a join that nothing can meet": (
        "AdvancedWorkflow",
        ad_hoc(with_step(action="a", dependencies=["a"], join=2)),
        "DefinitionInvalid",
        "steps[1].join: the join needs 2 steps, but it depends on 1",
    ),
    "a local step of another queue": (
        "AdvancedWorkflow",
        ad_hoc(with_step(action="a", execution="local", agent_capability="gpu")),
        "DefinitionInvalid",
        "steps[1].agent_capability: a local step runs in the run's own worker",
    ),
    "a lock that is held around the step": (
        "AdvancedWorkflow",
        ad_hoc(
            with_step(step_type="parallel", lock="l", parallel_steps=[{"step_id": "x", "action": "a", "lock": "l"}])
        ),
        "DefinitionInvalid",
        "steps[1].parallel_steps[0].lock: step 's' around this one holds the lock 'l'",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_a_run_that_cannot_start_fails_with_one_sentence_before_any_step(harness: Harness, name: str) -> None:
    workflow_type, arguments, failure_type, sentence = REFUSED[name]
    async with harness.worker({"a": nothing}, definitions=[STRICT]):
        failure = await failure_of(await begin(harness, workflow_type, arguments))

    assert failure.type == failure_type, failure.message
    assert sentence in failure.message
    assert "\n" not in failure.message
    assert len(failure.message) < 1000
    [history] = await harness.histories()
    assert not {ACTIVITY_SCHEDULED, TIMER_STARTED} & {event.event_type for event in history.events}


async def test_more_steps_than_the_limit_are_refused(harness: Harness) -> None:
    steps = [{"step_id": f"s{number}", "action": "a"} for number in range(10_001)]
    async with harness.worker({"a": nothing}):
        failure = await failure_of(
            await begin(harness, "AdvancedWorkflow", ad_hoc({"workflow_id": "w", "steps": steps}))
        )

    assert failure.type == "DefinitionInvalid"
    assert "there are more than 10,000 steps" in failure.message


@pytest.mark.parametrize(
    ("value", "error"),
    [("x" * PAYLOAD_LIMIT_BYTES, PayloadTooLarge), (float("nan"), DataInvalid), (b"x", DataInvalid)],
    ids=["too large", "NaN", "bytes"],
)
async def test_input_that_cannot_be_sent_is_refused_by_the_client(
    harness: Harness, client: Client, value: Any, error: type[Exception]
) -> None:
    with pytest.raises(error, match="input_data"):
        await harness.start(definition({"step_id": "a"}), {"value": value}, id="never-started")

    assert [run async for run in client.list_workflows("WorkflowId = 'never-started'")] == []


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ("x" * PAYLOAD_LIMIT_BYTES, "PayloadTooLarge"),
        (b"x", "DataInvalid"),
        (float("inf"), "DataInvalid"),
        ({1: 2}, "DataInvalid"),
    ],
    ids=["too large", "bytes", "Infinity", "a key that is no text"],
)
async def test_output_that_cannot_be_sent_fails_the_step_at_once_and_is_undone(
    harness: Harness, value: Any, error: str
) -> None:
    calls: list[str] = []
    undone: list[str] = []

    def answer() -> Any:
        calls.append("answer")
        return value

    outcome = await harness.run(
        definition({"step_id": "answer", "rollback_actions": ["undo"]}),
        actions={"answer": answer, "undo": recording(undone)},
    )

    assert outcome.failure == "WorkflowFailed"
    assert outcome.report.error is not None
    assert (outcome.report.error.type, outcome.report.error.step_id) == (error, "answer")
    assert calls == ["answer"]
    assert undone == ["answer unknown"]


async def test_large_inputs_of_steps_that_start_together_reach_them(harness: Harness) -> None:
    """Each is within the limit of a payload; together they are over the limit of one message to the server."""
    sizes: list[int] = []

    def measure(text: str) -> int:
        sizes.append(len(text))
        return len(text)

    steps = [
        {"step_id": f"s{number}", "action": "measure", "input_mapping": {"text": "input.text"}} for number in range(6)
    ]
    outcome = await harness.run(definition(*steps), {"text": "x" * 1_000_000}, actions={"measure": measure})

    assert outcome.failure is None, outcome.message
    assert sizes == [1_000_000] * 6


async def test_messages_that_are_not_json_are_refused_visibly_and_the_run_goes_on(harness: Harness) -> None:
    async with harness.worker():
        run = await harness.start(definition({"step_id": "ask", "step_type": "human_approval"}))
        await eventually(run.pending_approvals)
        await run.handle.signal("approve_step", raw(b"\x00", b"binary/plain"))
        await run.handle.signal("event", raw(b'{"event": "e", "data": NaN}'))
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await run.handle.execute_update("decide_step", raw(b"\x00", b"binary/plain"))
        await run.approve("ask", approver="ann")
        outcome = await outcome_of(run, state=True)

    assert outcome.failure is None, outcome.message
    assert outcome.state is not None
    assert [one.code for one in outcome.state.rejected_decisions] == ["InvalidDecision"] * 2
    assert isinstance(refused.value.cause, ApplicationError)
    assert "plain JSON" in refused.value.cause.message


async def begin(harness: Harness, workflow_type: str, arguments: list[RawValue]) -> WorkflowHandle[Any, Any]:
    """Start as a foreign client would, with arguments as they are."""
    handle: WorkflowHandle[Any, Any] = await harness.client.start_workflow(
        workflow_type, args=arguments, id=f"limits-{harness.task_queue}", task_queue=harness.task_queue
    )
    harness.handles.append(handle)
    return handle


async def failure_of(handle: WorkflowHandle[Any, Any]) -> ApplicationError:
    with pytest.raises(WorkflowFailureError) as raised:
        await handle.result()
    assert isinstance(raised.value.cause, ApplicationError)
    return raised.value.cause
