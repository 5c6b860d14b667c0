"""Starting, approving and inspecting runs with nothing but Temporal's own command, as any client in any language could."""

from __future__ import annotations

import asyncio
import json
import os
from asyncio.subprocess import PIPE
from base64 import b64decode
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from temporalio.client import WorkflowHistory

from advanced_workflow.activities.library import orders as order_actions
from advanced_workflow.activities.library.orders.database import PATH_SETTING
from advanced_workflow.client.dev.server_binary import find_server_binary
from advanced_workflow.workflows.definition.text.load import LIBRARY, load
from tests.harness import Actions, Harness, definition, eventually, replayer
from tests.library.outcomes import order_summary
from tests.patience import PATIENCE_SECONDS

ORDERS: Actions = {f"orders.{name}": getattr(order_actions, name) for name in order_actions.__all__}
ORDER_INPUT = (LIBRARY / "order-fulfilment" / "input.json").read_text(encoding="utf-8")
ASK = {"step_id": "ask", "step_type": "human_approval", "approval": {"prompt": "Pay?", "approvers": ["ann"]}}


@dataclass
class Temporal:
    """The command `temporal`, against one run."""

    binary: Path
    harness: Harness
    run: str

    async def __call__(self, *arguments: str, fails: bool = False) -> str:
        """Give what it printed; on standard error when it must fail."""
        address = self.harness.client.service_client.config.target_host
        process = await asyncio.create_subprocess_exec(
            self.binary,
            *(*arguments, "--address", address),
            stdout=PIPE,
            stderr=PIPE,
            env={**os.environ, "TEMPORAL_CONFIG_FILE": os.devnull},
        )
        output, errors = await asyncio.wait_for(process.communicate(), PATIENCE_SECONDS)
        assert bool(process.returncode) == fails, errors.decode()
        return (errors if fails else output).decode()

    async def json(self, *arguments: str) -> Any:
        return json.loads(await self(*arguments, "--output", "json"))

    async def start(self, workflow_type: str, *inputs: str) -> None:
        given = [part for one in inputs for part in ("--input", one)]
        queue = self.harness.task_queue
        await self(
            *("workflow", "start", "--workflow-id", self.run, "--type", workflow_type, "--task-queue", queue, *given)
        )
        self.harness.handles.append(self.harness.client.get_workflow_handle(self.run))

    async def query(self, name: str, *more: str) -> Any:
        return (await self.json("workflow", "query", "--workflow-id", self.run, "--type", name, *more))["queryResult"][
            0
        ]

    async def result(self) -> dict[str, Any]:
        """Wait for the end, which must be completion."""
        return (await self.json("workflow", "result", "--workflow-id", self.run))["result"]

    async def closing_event(self) -> dict[str, Any]:
        last = (await self.json("workflow", "show", "--workflow-id", self.run))["events"][-1]
        return next(value for key, value in last.items() if key.endswith("EventAttributes"))


@pytest.fixture
async def temporal(harness: Harness) -> Temporal:
    return Temporal(await find_server_binary(), harness, f"by-hand-{uuid4().hex[:8]}")


@asynccontextmanager
async def orders(harness: Harness) -> AsyncGenerator[None, None]:
    library = load(LIBRARY / "order-fulfilment" / "definition.yaml").workflow.model_dump(
        mode="json", exclude_defaults=True
    )
    async with harness.worker(ORDERS, definitions=[library]):
        yield


async def test_an_order_is_started_queried_approved_by_signal_and_replayed_from_its_export(
    temporal: Temporal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PATH_SETTING, str(tmp_path / "orders.db"))
    async with orders(temporal.harness):
        await temporal.start("order-fulfilment", ORDER_INPUT, '{"started_by": "sam"}')
        [pending] = await eventually(lambda: temporal.query("pending_approvals"))
        state = await temporal.query("state", "--input", '{"step_id": "approve_order"}')
        progress = await temporal.query("progress")
        pinned = await temporal.query("definition")
        decision = {"step_id": "approve_order", "approver": "fiona", "digest": pending["digest"]}
        await temporal(
            *(
                "workflow",
                "signal",
                "--workflow-id",
                temporal.run,
                "--name",
                "approve_step",
                "--input",
                json.dumps(decision),
            )
        )
        result = await temporal.result()

    assert pending["subject"]["order_id"] == "A-1001"
    assert [(one["step_id"], one["status"]) for one in state["steps"]] == [("approve_order", "waiting")]
    assert (progress["status"], progress["waiting"], progress["completed"]) == ("running", 1, 3)
    assert pinned["definition"]["workflow_id"] == "order-fulfilment"
    assert result["result"]["approved_by"] == "fiona"
    assert result["definition_sha256"] == pinned["sha256"]
    assert order_summary(tmp_path / "orders.db")["payments"] == {"charged": 1}
    export = await temporal("workflow", "show", "--workflow-id", temporal.run, "--output", "json")
    await replayer().replay_workflow(WorkflowHistory.from_json(temporal.run, export))


async def test_a_run_that_waits_is_found_by_whom_it_waits_for(temporal: Temporal) -> None:
    group = f"group:{temporal.run}"
    request = {"workflow": definition({**ASK, "approval": {"approvers": [group]}})}
    async with temporal.harness.worker():
        await temporal.start("AdvancedWorkflow", json.dumps(request))
        query = f'AdwWaitingFor = "{group}"'
        [found] = await eventually(lambda: temporal.json("workflow", "list", "--query", query))
        described = await temporal("workflow", "describe", "--workflow-id", temporal.run)
        await temporal("workflow", "cancel", "--workflow-id", temporal.run)
        await temporal("workflow", "result", "--workflow-id", temporal.run, fails=True)
        still_found = await eventually(lambda: _none(temporal, query))

    assert found["execution"]["workflowId"] == temporal.run
    assert group in described
    assert still_found


async def test_a_definition_given_on_the_command_line_is_decided_by_update(temporal: Temporal) -> None:
    request = {"workflow": definition(ASK, output={"by": "steps.ask.output.approver"})}
    update = ("workflow", "update", "execute", "--workflow-id", temporal.run, "--name", "decide_step", "--input")
    async with temporal.harness.worker():
        await temporal.start("AdvancedWorkflow", json.dumps(request))
        await eventually(lambda: temporal.query("pending_approvals"))
        refused = await temporal(*update, '{"step_id": "ask", "approver": "bob", "decision": "approve"}', fails=True)
        receipt = await temporal.json(*update, '{"step_id": "ask", "approver": "ann", "decision": "approve"}')
        result = await temporal.result()

    assert "'bob' is not among the approvers of step 'ask': ann." in refused
    assert receipt["result"]["state"] == "decided"
    assert result["result"] == {"by": "ann"}


async def test_a_rejection_by_signal_fails_the_run_with_its_report(
    temporal: Temporal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PATH_SETTING, str(tmp_path / "orders.db"))
    reject = ("workflow", "signal", "--workflow-id", temporal.run, "--name", "reject_step", "--input")
    async with orders(temporal.harness):
        await temporal.start("order-fulfilment", ORDER_INPUT)
        await temporal(*reject, '{"step_id": "approve_order", "approver": "olga", "comment": "too much"}')
        await temporal("workflow", "result", "--workflow-id", temporal.run, fails=True)
        failure = (await temporal.closing_event())["failure"]

    assert failure["message"] == "step 'approve_order' was rejected by olga: too much"
    assert failure["applicationFailureInfo"]["type"] == "ApprovalRejected"
    [details] = failure["applicationFailureInfo"]["details"]["payloads"]
    report = json.loads(b64decode(details["data"]))
    assert [one["action"] for one in report["rollback"]["entries"]] == ["orders.refund_payment", "orders.release_stock"]
    assert order_summary(tmp_path / "orders.db")["payments"] == {"refunded": 1}


async def _none(temporal: Temporal, query: str) -> bool:
    return await temporal.json("workflow", "list", "--query", query) == []
