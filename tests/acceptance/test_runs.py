from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.common import RawValue, RetryPolicy, SearchAttributeKey, WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from advanced_workflow.client import runs
from advanced_workflow.client.connection import connect
from advanced_workflow.client.dev.server import DevServer
from advanced_workflow.client.errors import (
    NoAnswer,
    NotAnAdvancedWorkflow,
    RequestFailed,
    RunCancelled,
    RunClosed,
    RunExists,
    RunFailed,
    RunNotFound,
)
from advanced_workflow.client.runs import Run, get_run, start
from advanced_workflow.client.service.errors import ERRORS_BY_CODE
from advanced_workflow.client.service.listing import list_runs, waiting_for
from advanced_workflow.client.settings import load_settings
from advanced_workflow.client.web_ui import web_ui_url
from advanced_workflow.workflows.contract import SEARCH_ATTRIBUTE_WAITING_FOR, ExecutionOptions, RunStatus
from advanced_workflow.workflows.definition.step import WorkflowStep
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow
from advanced_workflow.workflows.errors import (
    DataInvalid,
    InvalidDecision,
    NotAnApprover,
    OperationRefused,
    PayloadTooLarge,
    TooLate,
)
from tests.patience import PATIENCE_SECONDS

QUEUE = "runs-test"
WAITING_FOR = SearchAttributeKey.for_keyword_list(SEARCH_ATTRIBUTE_WAITING_FOR)
TIME = "2026-01-01T00:00:00Z"
RESULT: dict[str, Any] = {
    "execution_id": "e",
    "workflow_id": "speaks",
    "version": "1.0",
    "definition_sha256": "0",
    "status": "completed",
    "start_time": TIME,
    "end_time": TIME,
    "duration_seconds": 0.0,
    "added_by_a_newer_worker": True,
}
IDENTITY = {key: RESULT[key] for key in ("execution_id", "workflow_id", "version", "definition_sha256", "start_time")}
APPROVAL = {
    "step_id": "ask",
    "path": "ask",
    "name": "Ask",
    "prompt": "Go?",
    "required": 1,
    "digest": "d",
    "requested_at": TIME,
    "on_timeout": "reject",
}


@activity.defn(name="flaky")
async def flaky() -> None:
    raise ApplicationError("out of paper", type="PrinterError")


@workflow.defn(dynamic=True)
class Contract:
    """Speaks the run contract under any workflow type; ends as its input's `end` says, or waits to be told."""

    @workflow.init
    def __init__(self, args: Sequence[RawValue]) -> None:
        convert = workflow.payload_converter().from_payload
        self.arguments: list[Any] = [convert(argument.payload) for argument in args]
        self.received: list[Any] = []

    @workflow.run
    async def run(self, args: Sequence[RawValue]) -> Any:
        data = self.arguments[0].get("input_data") if len(args) == 1 else self.arguments[0]
        end = (data or {}).get("end")
        if end == "fail":
            raise ApplicationError("step 'pay' failed.", {**RESULT, "status": "failed"}, type="WorkflowFailed")
        if end == "fail early":
            raise ApplicationError("no such definition.", type="DefinitionNotFound")
        if end == "foreign":
            return "not a run result"
        if end == "flaky":
            policy = RetryPolicy(initial_interval=timedelta(seconds=30), maximum_attempts=4)
            await workflow.execute_activity(
                flaky, activity_id="print[1]", start_to_close_timeout=timedelta(seconds=9), retry_policy=policy
            )
        if end == "waits":
            workflow.upsert_search_attributes([WAITING_FOR.value_set(["group:finance", "ann's"])])
        await workflow.wait_condition(lambda: bool(self.received))
        return {**RESULT, "result": [*self.received, *self.arguments]}

    @workflow.query
    def state(self, request: dict[str, Any]) -> Any:
        return {**IDENTITY, "status": "running", "workflow": {"asked": request}}

    @workflow.query
    def progress(self) -> Any:
        return {"status": "running", "total": 3, "completed": 2}

    @workflow.query
    def pending_approvals(self) -> Any:
        return [APPROVAL]

    @workflow.query
    def definition(self) -> Any:
        return {"sha256": "0", "definition": {"workflow_id": "speaks"}}

    @workflow.update
    def decide_step(self, decision: dict[str, Any]) -> Any:
        self.received.append(decision)
        return {"step_id": decision["step_id"], "state": "decided", "approvals": 1, "required": 1}

    @decide_step.validator
    def refuse(self, decision: dict[str, Any]) -> None:
        refusals = {"mallory": "NotAnApprover", "late": "TooLate", "odd": "SomethingUnforeseen"}
        if decision["approver"] in refusals:
            raise ApplicationError("no.", type=refusals[decision["approver"]])

    @workflow.update
    def pause(self, request: dict[str, Any]) -> None:
        raise ApplicationError("the run is paused already.", type="OperationRefused")

    @workflow.update
    def resume(self, request: dict[str, Any]) -> None:
        self.received.append({"resume": request})

    @workflow.update
    def retry_step(self, request: dict[str, Any]) -> None:
        self.received.append({"retry": request})

    @workflow.update
    def skip_step(self, request: dict[str, Any]) -> None:
        self.received.append({"skip": request})

    @workflow.signal
    def approve_step(self, payload: Any) -> None:
        self.received.append({"approve": payload})

    @workflow.signal
    def reject_step(self, payload: Any) -> None:
        self.received.append({"reject": payload})

    @workflow.signal
    def event(self, payload: Any) -> None:
        self.received.append({"event": payload})


@workflow.defn
class Silent:
    """Speaks no contract."""

    @workflow.run
    async def run(self, data: Any, options: Any) -> None:
        await workflow.wait_condition(lambda: False)


@pytest.fixture(scope="module")
async def client(server: DevServer) -> AsyncIterator[Client]:
    client = await connect(address=server.address)
    async with Worker(
        client,
        task_queue=QUEUE,
        workflows=[Contract, Silent],
        activities=[flaky],
        workflow_runner=UnsandboxedWorkflowRunner(),
    ):
        yield client


async def begin(
    client: Client, end: str | None = None, workflow: str | AdvancedWorkflow = "speaks", **more: Any
) -> Run:
    settings = load_settings(task_queue=QUEUE, user="ann")
    return await start(client, workflow, {"end": end}, settings=settings, **more)


async def test_a_registered_definition_gets_input_and_options(client: Client) -> None:
    run = await begin(client, options=ExecutionOptions(groups={"finance": ["bob"]}))
    await run.send_event("go", {"n": 1}, event_id="e1")

    result = await run.result()

    assert result.status is RunStatus.COMPLETED
    assert result.result == [
        {"event": {"event": "go", "data": {"n": 1}, "event_id": "e1"}},
        {"end": None},
        {"groups": {"finance": ["bob"]}, "started_by": "ann"},
    ]
    assert (await run.summary()).workflow_type == "speaks"
    assert run.id.startswith("speaks-")


async def test_a_definition_in_hand_goes_as_one_argument_and_names_the_run(client: Client) -> None:
    step = WorkflowStep(step_id="one", action="act")
    definition = AdvancedWorkflow(workflow_id="here", name="Made here", steps=(step,))
    run = await begin(client, workflow=definition, options=ExecutionOptions(started_by="zoe"))
    await run.signal_approval("one")

    result = await run.result()

    assert isinstance(result.result, list)
    argument = result.result[-1]
    assert isinstance(argument, dict)
    assert AdvancedWorkflow.model_validate(argument.pop("workflow")) == definition
    assert argument == {"input_data": {"end": None}, "execution_options": {"started_by": "zoe"}}
    assert (await run.summary()).workflow_type == "AdvancedWorkflow"
    assert await (await run.handle.describe()).static_summary() == "Made here"


async def test_a_failed_run_raises_its_code_and_its_report(client: Client) -> None:
    run = await begin(client, "fail")

    with pytest.raises(RunFailed, match=r"step 'pay' failed\.") as caught:
        await run.result()

    assert caught.value.failure_type == "WorkflowFailed"
    assert caught.value.result
    assert caught.value.result.status is RunStatus.FAILED


async def test_a_run_that_failed_before_it_began_has_no_report(client: Client) -> None:
    with pytest.raises(RunFailed, match="no such definition") as caught:
        await (await begin(client, "fail early")).result()

    assert caught.value.failure_type == "DefinitionNotFound"
    assert caught.value.result is None


async def test_a_cancelled_run_raises_and_its_state_can_still_be_asked(client: Client) -> None:
    run = await begin(client)
    await run.progress()
    await run.cancel()

    with pytest.raises(RunCancelled, match="cancelled"):
        await run.result()

    assert (await run.summary()).status == "canceled"
    assert (await run.state()).workflow_id == "speaks"
    await run.cancel()  # a closed run is left as it is


async def test_a_terminated_run_raises(client: Client) -> None:
    run = await begin(client)
    await run.handle.terminate(reason="enough")

    with pytest.raises(RunFailed, match="enough") as caught:
        await run.result()

    assert caught.value.failure_type == "Terminated"
    assert (await run.summary()).status == "terminated"


async def test_queries_answer_as_models(client: Client) -> None:
    run = await begin(client)

    assert (await run.state("pay", include_data=False)).workflow == {"asked": {"step_id": "pay", "include_data": False}}
    assert (await run.progress()).completed == 2
    assert [approval.digest for approval in await run.pending_approvals()] == ["d"]
    assert (await run.definition()).definition.workflow_id == "speaks"


async def test_a_decision_is_the_current_user_s_unless_somebody_is_named(client: Client) -> None:
    run = await begin(client)

    receipt = await run.reject("ask", comment="no", form={"why": None})

    assert receipt.state == "decided"
    result = (await run.result()).result
    assert isinstance(result, list)
    assert result[0] == {
        "step_id": "ask", "approver": "ann", "decision": "reject", "comment": "no", "form": {"why": None}
    }  # fmt: skip


@pytest.mark.parametrize(
    ("approver", "refusal"), [("mallory", NotAnApprover), ("late", TooLate), ("odd", RequestFailed)]
)
async def test_a_refused_decision_raises_the_run_s_own_refusal(
    client: Client, approver: str, refusal: type[Exception]
) -> None:
    run = await begin(client)

    with pytest.raises(refusal):
        await run.approve("ask", approver=approver)


async def test_a_decision_of_the_wrong_shape_is_not_sent(client: Client) -> None:
    run = await begin(client)

    with pytest.raises(InvalidDecision, match="approve 'ask': groups"):
        await run.approve("ask", groups="finance")  # pyright: ignore[reportArgumentType]
    with pytest.raises(DataInvalid, match=r"decide_step\.form\.amount"):
        await run.approve("ask", form={"amount": float("inf")})


async def test_a_signalled_decision_carries_no_decision_word(client: Client) -> None:
    run = await begin(client)
    await run.signal_rejection("ask", approver="bob", decision_id="1")

    result = (await run.result()).result

    assert isinstance(result, list)
    assert result[0] == {"reject": {"step_id": "ask", "approver": "bob", "decision_id": "1"}}


@pytest.mark.parametrize("operation", ["resume", "retry", "skip"])
async def test_an_operator_s_act_says_who_and_why(client: Client, operation: str) -> None:
    run = await begin(client)
    match operation:
        case "resume":
            await run.resume("fixed", by="op")
        case "retry":
            await run.retry_step("ask", "fixed", by="op")
        case _:
            await run.skip_step("ask", "fixed", by="op")

    result = (await run.result()).result

    assert isinstance(result, list)
    step = {} if operation == "resume" else {"step_id": "ask"}
    assert result[0] == {operation: {"by": "op", "reason": "fixed", **step}}


async def test_a_refused_operation_raises(client: Client) -> None:
    run = await begin(client)

    with pytest.raises(OperationRefused, match="paused already"):
        await run.pause("look")


async def test_a_closed_run_takes_no_more_messages(client: Client) -> None:
    run = await begin(client, "fail")
    with pytest.raises(RunFailed):
        await run.result()

    with pytest.raises(RunClosed, match="has ended"):
        await run.send_event("late")
    with pytest.raises(RunClosed, match="has ended"):
        await run.approve("ask")
    assert (await run.progress()).total == 3


async def test_an_unknown_run_is_not_found(client: Client) -> None:
    run = get_run(client, "nobody")

    for ask in (run.state, run.result, run.cancel, run.attempts, run.summary):
        with pytest.raises(RunNotFound, match="'nobody'"):
            await ask()


async def test_a_run_of_something_else_is_told_apart(client: Client) -> None:
    silent = await begin(client, workflow="Silent")
    with pytest.raises(NotAnAdvancedWorkflow):
        await silent.state()
    with pytest.raises(NotAnAdvancedWorkflow):
        await silent.approve("ask")
    with pytest.raises(NotAnAdvancedWorkflow):
        await (await begin(client, "foreign")).result()


async def test_without_a_worker_a_call_gives_up(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "ANSWER_TIMEOUT", timedelta(seconds=0.5))
    run = await begin(client, task_queue="nobody-serves-this")

    with pytest.raises(NoAnswer, match="no worker answered state"):
        await run.state()
    with pytest.raises(NoAnswer, match="no worker answered decide_step"):
        await run.approve("ask")


async def test_a_second_run_of_an_id_is_refused_while_the_first_is_running(client: Client) -> None:
    id = f"order-{uuid4()}"
    first = await begin(client, id=id)

    with pytest.raises(RunExists, match=id):
        await begin(client, id=id)

    await first.handle.terminate()
    second = await begin(client, id=id)
    assert second.run_id != first.run_id
    await second.handle.terminate()
    with pytest.raises(RunExists, match=id):
        await begin(client, id=id, id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE)


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (float("nan"), "input_data: nan"),
        ({"a": [1, {"b": float("-inf")}]}, r"input_data\.a\[1\]\.b: -inf"),
        ({"a": b"x"}, r"input_data\.a: bytes"),
        ({1: "x"}, "key 1 is not a string"),
        ({"a": (1, 2)}, r"input_data\.a: tuple"),
        ("\ud800", "lone surrogate"),
    ],
)
async def test_data_that_is_not_json_is_refused_before_anything_starts(client: Client, data: Any, place: str) -> None:
    id = f"bad-{uuid4()}"

    with pytest.raises(DataInvalid, match=place):
        await start(client, "speaks", data, id=id)

    with pytest.raises(RunNotFound):
        await get_run(client, id).summary()


async def test_too_much_or_too_deep_data_is_refused(client: Client) -> None:
    with pytest.raises(PayloadTooLarge, match="2,097"):
        await start(client, "speaks", "x" * 2_097_152)
    deep: Any = []
    for _ in range(5000):
        deep = [deep]
    with pytest.raises(DataInvalid, match="nested"):
        await start(client, "speaks", deep)


async def test_a_pending_action_shows_its_attempt_and_last_failure(client: Client) -> None:
    run = await begin(client, "flaky")

    async with asyncio.timeout(PATIENCE_SECONDS):
        while not (attempts := await run.attempts()) or attempts["print[1]"].last_failure is None:  # noqa: ASYNC110
            await asyncio.sleep(0.05)

    attempt = attempts["print[1]"]
    assert (attempt.action, attempt.attempt, attempt.max_attempts) == ("flaky", 2, 4)
    assert attempt.state == "scheduled"
    assert attempt.last_failure == "PrinterError: out of paper"
    assert attempt.next_attempt_at
    assert not attempt.worker_lost


async def test_runs_can_be_listed_by_queue_and_by_whom_they_wait_for(client: Client) -> None:
    run = await begin(client, "waits")
    elsewhere = await begin(client, task_queue="nobody-serves-this")

    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await waiting_for(client, "ann's"):  # noqa: ASYNC110 - lists lag behind
            await asyncio.sleep(0.05)

    [found] = await waiting_for(client, "group:finance")
    assert (found.id, found.status, found.waiting_for) == (run.id, "running", ("group:finance", "ann's"))
    assert await waiting_for(client, "ann' OR 'a' = 'a") == []
    here = {listed.id for listed in await list_runs(client, "ExecutionStatus = 'Running'", task_queue=QUEUE)}
    assert run.id in here
    assert elsewhere.id not in here
    assert len(await list_runs(client, limit=2)) == 2
    with pytest.raises(RequestFailed, match="list query"):
        await list_runs(client, "nonsense")


def test_every_code_of_the_contract_has_its_class() -> None:
    assert ERRORS_BY_CODE["NotAnApprover"] is NotAnApprover
    assert len(ERRORS_BY_CODE) > 20
    assert all(code == kind.code for code, kind in ERRORS_BY_CODE.items())
    assert all(str(kind("why")) == "why" for kind in ERRORS_BY_CODE.values())


def test_a_web_ui_link_quotes_what_it_is_given() -> None:
    assert web_ui_url("http://127.0.0.1:8233/", "default", "a/b c", "r1") == (
        "http://127.0.0.1:8233/namespaces/default/workflows/a%2Fb%20c/r1/timeline"
    )
    assert web_ui_url("http://ui", "shop", "a").endswith("/namespaces/shop/workflows/a")
