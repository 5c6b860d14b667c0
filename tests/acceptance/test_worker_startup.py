from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from google.protobuf.duration_pb2 import Duration
from temporalio import workflow
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest, RegisterNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from advanced_workflow.client.connection import connect
from advanced_workflow.client.dev.server import DevServer
from advanced_workflow.client.errors import WorkerStartRefused
from advanced_workflow.client.ports import find_free_ports
from advanced_workflow.client.serve.search_attributes import known_search_attributes
from tests.harness import eventually
from tests.patience import PATIENCE_SECONDS

ROOT = Path(__file__).parents[2]
ACTIONS = """
import asyncio
from advanced_workflow import action

@action
async def slow(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "done"
"""


@workflow.defn
class CallSlow:
    @workflow.run
    async def run(self, queue: str, seconds: float) -> Any:
        return await workflow.execute_activity(
            "slow",
            {"seconds": seconds},
            task_queue=queue,
            start_to_close_timeout=timedelta(seconds=2 * PATIENCE_SECONDS),
        )


@pytest.fixture
def actions(tmp_path: Path) -> Path:
    (tmp_path / "my_actions.py").write_text(ACTIONS, encoding="ascii")
    return tmp_path


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ADW_", "TEMPORAL_"))}
    return {**kept, "PYTHONPATH": str(ROOT), **more}


async def spawn(*arguments: str, cwd: Path = ROOT, **more: str) -> Process:
    program = str(ROOT / "worker.py")
    return await asyncio.create_subprocess_exec(
        sys.executable, program, *arguments, stdout=PIPE, stderr=PIPE, cwd=cwd, env=environment(**more)
    )


async def finish(*arguments: str, cwd: Path = ROOT, **more: str) -> tuple[int | None, str, str]:
    process = await spawn(*arguments, cwd=cwd, **more)
    output, errors = await asyncio.wait_for(process.communicate(), PATIENCE_SECONDS)
    return process.returncode, output.decode(), errors.decode()


@contextlib.asynccontextmanager
async def running(cwd: Path = ROOT, **more: str) -> AsyncGenerator[tuple[Process, str]]:
    process = await spawn(cwd=cwd, **more)
    assert process.stdout
    try:
        ready = (await asyncio.wait_for(process.stdout.readline(), PATIENCE_SECONDS)).decode()
        yield process, ready
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def pollers(client: Client, queue: str, kind: TaskQueueType.ValueType) -> int:
    request = DescribeTaskQueueRequest(
        namespace=client.namespace, task_queue=TaskQueue(name=queue), task_queue_type=kind
    )
    return len((await client.workflow_service.describe_task_queue(request)).pollers)


async def test_a_worker_says_when_it_is_ready_and_stops_when_asked(client: Client, server: DevServer) -> None:
    queue = f"main-{uuid4()}"
    more = {"TEMPORAL_ADDRESS": server.address, "ADW_TASK_QUEUE": queue, "ADW_CAPABILITIES": f"gpu-{queue}"}
    async with running(ROOT, **more) as (process, ready):
        assert ready.startswith(f"worker ready: queue {queue}, gpu-{queue}, ")
        assert ready.endswith(f"namespace default, pid {process.pid}\n")
        for polled, kind in [
            (queue, TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW),
            (queue, TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY),
            (f"gpu-{queue}", TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY),
        ]:
            await eventually(lambda polled=polled, kind=kind: pollers(client, polled, kind))
            assert await pollers(client, polled, kind) == 1
        assert await pollers(client, f"gpu-{queue}", TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW) == 0

        process.send_signal(signal.SIGTERM)
        output, _ = await asyncio.wait_for(process.communicate(), PATIENCE_SECONDS)

    assert process.returncode == 0
    assert output.decode().splitlines()[-1] == "worker stopped"


async def has_started(handle: Any) -> bool:
    pending = (await handle.describe()).raw_description.pending_activities
    return any(activity.HasField("last_started_time") for activity in pending)


@contextlib.asynccontextmanager
async def action_in_flight(client: Client, process_queue: str, seconds: float) -> AsyncGenerator[Any]:
    queue = f"calls-{uuid4()}"
    async with Worker(client, task_queue=queue, workflows=[CallSlow], workflow_runner=UnsandboxedWorkflowRunner()):
        handle: Any = await client.start_workflow(
            "CallSlow", args=[process_queue, seconds], id=f"slow-{uuid4()}", task_queue=queue
        )
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not await has_started(handle):  # noqa: ASYNC110 - the server gives no event for it
                await asyncio.sleep(0.05)
        yield handle
        with contextlib.suppress(RPCError):  # the test may have ended it
            await handle.terminate()


async def test_an_action_in_flight_may_finish_when_the_worker_stops(
    client: Client, server: DevServer, actions: Path
) -> None:
    queue = f"main-{uuid4()}"
    more = {"TEMPORAL_ADDRESS": server.address, "ADW_TASK_QUEUE": queue, "ADW_ACTIONS": "my_actions"}
    async with running(actions, **more) as (process, _), action_in_flight(client, queue, 1.5) as handle:
        process.send_signal(signal.SIGINT)
        await asyncio.wait_for(process.wait(), PATIENCE_SECONDS)

        assert process.returncode == 0
        assert await asyncio.wait_for(handle.result(), PATIENCE_SECONDS) == "done"


async def test_a_second_signal_leaves_at_once(client: Client, server: DevServer, actions: Path) -> None:
    queue = f"main-{uuid4()}"
    more = {"TEMPORAL_ADDRESS": server.address, "ADW_TASK_QUEUE": queue, "ADW_ACTIONS": "my_actions"}
    more["ADW_SHUTDOWN_TIMEOUT"] = str(PATIENCE_SECONDS)
    async with running(actions, **more) as (process, _), action_in_flight(client, queue, PATIENCE_SECONDS):
        process.send_signal(signal.SIGTERM)
        assert process.stdout
        assert (await process.stdout.readline()).startswith(b"worker stopping")
        process.send_signal(signal.SIGTERM)

        assert await asyncio.wait_for(process.wait(), PATIENCE_SECONDS) == 130


async def test_check_leaves_with_zero_when_the_worker_could_start(server: DevServer) -> None:
    code, output, errors = await finish("--check", TEMPORAL_ADDRESS=server.address, ADW_SEARCH_ATTRIBUTES="required")

    assert (code, errors) == (0, "")
    assert output.startswith("worker can start: queue advanced-workflow, ")


async def test_an_unreachable_server_refuses_the_start() -> None:
    [port] = find_free_ports(1)

    code, output, errors = await finish(TEMPORAL_ADDRESS=f"127.0.0.1:{port}")

    assert (code, output) == (2, "")
    assert errors.startswith(f"adw-worker: Temporal server 127.0.0.1:{port}: connection refused")
    assert errors.count("\n") == 1


async def test_other_packages_with_folders_named_as_ours_do_not_matter(tmp_path: Path) -> None:
    for folder in ("activities", "client", "workflows"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "__init__.py").write_text("raise RuntimeError('imported by mistake')\n", encoding="ascii")

    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    code, output, errors = await finish("--list-actions", PYTHONPATH=path, ADW_LIBRARY="on")

    assert (code, errors) == (0, "")
    assert "orders.charge_card" in output


@pytest.fixture(scope="module")
async def bare_namespace(server: DevServer, client: Client) -> str:
    """A namespace that knows no search attributes of the project."""
    name = "bare"
    await client.workflow_service.register_namespace(
        RegisterNamespaceRequest(namespace=name, workflow_execution_retention_period=Duration(seconds=86_400))
    )
    return name


async def test_unknown_search_attributes_refuse_the_start_only_where_they_are_required(
    server: DevServer, bare_namespace: str, caplog: pytest.LogCaptureFixture
) -> None:
    client = await connect(address=server.address, namespace=bare_namespace)

    with pytest.raises(
        WorkerStartRefused,
        match="create --name AdwWaitingFor --type KeywordList --name AdwVersion --type Keyword --namespace bare",
    ):
        await known_search_attributes(client, "required")
    assert not caplog.records
    assert await known_search_attributes(client, "off") == frozenset()
    assert not caplog.records
    assert await known_search_attributes(client, "auto") == frozenset()
    assert [record.levelname for record in caplog.records] == ["WARNING"]


async def test_known_search_attributes_are_used(client: Client) -> None:
    assert await known_search_attributes(client, "required") == {"AdwWaitingFor", "AdwVersion"}
    assert await known_search_attributes(client, "off") == frozenset()


async def asked(address: str, path: str) -> tuple[int, str]:
    """Status and text of a page of the worker's; status 0 where nobody answers."""
    host, _, port = address.partition(":")
    try:
        reader, writer = await asyncio.open_connection(host, int(port))
    except OSError:
        return 0, ""
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    head, _, text = (await reader.read()).decode().partition("\r\n\r\n")
    writer.close()
    return int(head.split()[1]), text


async def test_a_worker_is_ready_while_its_server_answers(tmp_path: Path) -> None:
    server_port, port = find_free_ports(2)
    address = f"127.0.0.1:{port}"

    async def readiness(status: int) -> str | None:
        found, text = await asked(address, "/ready")
        return text if found == status else None

    server = DevServer(database=tmp_path / "runs.db", port=server_port)
    async with server, running(tmp_path, TEMPORAL_ADDRESS=server.address, ADW_HEALTH=address) as (process, _):
        assert await asked(address, "/ready") == (200, "ready\n")
        assert await asked(address, "/live") == (200, "live\n")
        assert (await asked(address, "/else"))[0] == 404

        await server.stop()
        why = await eventually(lambda: readiness(503))
        assert why
        assert why.startswith("the Temporal server does not answer: ")
        assert await asked(address, "/live") == (200, "live\n")

        await server.start()
        assert await eventually(lambda: readiness(200))
        assert process.returncode is None
        _, _, errors = await finish(TEMPORAL_ADDRESS=server.address, ADW_HEALTH=address)
    assert errors.startswith(f"adw-worker: ADW_HEALTH: '{address}' cannot be used: ")


async def test_a_worker_refuses_in_the_format_of_its_log() -> None:
    address = f"127.0.0.1:{find_free_ports(1)[0]}"

    code, output, errors = await finish(
        TEMPORAL_ADDRESS=address, ADW_LOG_FORMAT="json", ADW_CONNECT_TIMEOUT="1", ADW_ACTIONS="no_such"
    )

    assert (code, output) == (2, "")
    [line] = errors.splitlines()
    told = json.loads(line)
    assert (told["level"], told["message"][:12]) == ("ERROR", "adw-worker: ")
