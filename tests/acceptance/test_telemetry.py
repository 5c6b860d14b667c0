from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
import urllib.request
from asyncio.subprocess import PIPE
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc
import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2_grpc import (
    MetricsServiceServicer,
    add_MetricsServiceServicer_to_server,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from advanced_workflow.client.connection import connect
from advanced_workflow.client.dev.server import DevServer
from advanced_workflow.client.ports import find_free_ports
from advanced_workflow.client.runs import Run, start
from advanced_workflow.client.settings import Settings
from tests.forking import Forking
from tests.harness import ROOT, eventually, outcome_of
from tests.patience import PATIENCE_SECONDS

SECRET = "hunter2"
ACTIONS = """
from advanced_workflow import ActionError, action, context
from temporalio import activity

@action
def weigh(name: str) -> dict[str, float | str]:
    context.log.info("weighing")
    activity.logger.info("by the SDK's logger")
    return {"kilos": 12.5, "note": "x"}

@action
def flaky() -> None:
    if context.attempt() < 2:
        raise ActionError("busy")

@action
def refuse() -> None:
    raise ActionError("no", type="Refused", retryable=False)

@action
def unweigh(step_id: str, input: dict | None, output: dict | None, outcome: str, idempotency_key: str) -> None:
    pass
"""
PARCEL = """
workflow_id: parcel
sla_targets: {max_execution_time: 0.001}
steps:
- step_id: weigh
  action: weigh
  input_mapping: {name: input.name}
  custom_metrics: [kilos, note]
  rollback_actions: [unweigh]
- step_id: quiet
  action: flaky
  dependencies: [weigh]
  metrics_enabled: false
  retry_policy: {delay: 0.01}
- step_id: agree
  step_type: human_approval
  dependencies: [quiet]
- step_id: send
  action: refuse
  dependencies: [agree]
  conditions: ["input.send"]
"""


def environment(**settings: str) -> dict[str, str]:
    """This process's environment with no other settings than these."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ADW_", "TEMPORAL_", "OTEL_"))}
    return {**kept, "PYTHONPATH": str(ROOT), **settings}


class Worker:
    """A worker process of these actions and this definition."""

    def __init__(self, server: DevServer, folder: Path, forking: Forking) -> None:
        self.server = server
        self.forking = forking
        self.folder = folder
        self.queue = f"telemetry-{uuid4().hex[:8]}"
        self.errors = ""
        (folder / "parcel_actions.py").write_text(ACTIONS, encoding="ascii")
        (folder / "definitions").mkdir()
        (folder / "definitions" / "parcel.yaml").write_text(PARCEL, encoding="ascii")

    @contextlib.asynccontextmanager
    async def serving(self, **settings: str) -> AsyncGenerator[None]:
        own = {
            "TEMPORAL_ADDRESS": self.server.address,
            "ADW_TASK_QUEUE": self.queue,
            "ADW_ACTIONS": "parcel_actions",
            "ADW_DEFINITIONS": str(self.folder / "definitions"),
        }
        process = await self.forking.spawn((), environment(**own, **settings), self.folder, "adw-worker")
        ready = await asyncio.wait_for(process.stdout.readline(), PATIENCE_SECONDS)
        try:
            assert b"worker ready" in ready, ready
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            _, errors = await asyncio.wait_for(process.communicate(), PATIENCE_SECONDS)
            self.errors = errors.decode()

    async def run(self, settings: Settings, *, send: bool) -> Run:
        client = await connect(address=self.server.address, settings=settings)
        run = await start(client, "parcel", {"name": SECRET, "send": send}, settings=settings)
        await eventually(run.pending_approvals)
        return run


@pytest.fixture
def worker(server: DevServer, tmp_path: Path, forking: Forking) -> Worker:
    return Worker(server, tmp_path, forking)


async def decide_and_wait(run: Run) -> str | None:
    await run.approve("agree", approver="anna")
    return (await outcome_of(run)).failure


def scrape(address: str) -> dict[str, float]:
    with urllib.request.urlopen(f"http://{address}/metrics") as page:
        lines = page.read().decode().splitlines()
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if not line.startswith("#")}


def series(metrics: dict[str, float], name: str, **labels: str) -> float:
    """The sum of the series of that name with these labels."""
    wanted = [f'{label}="{value}"' for label, value in labels.items()]
    return sum(
        value
        for line, value in metrics.items()
        if line.partition("{")[0] == name and all(one in line for one in wanted)
    )


async def test_a_worker_shows_what_its_runs_do_to_prometheus(worker: Worker) -> None:
    [port] = find_free_ports(1)
    address = f"127.0.0.1:{port}"
    settings = Settings(task_queue=worker.queue, user="tester")
    async with worker.serving(ADW_PROMETHEUS=address):
        good = await worker.run(settings, send=False)
        assert series(scrape(address), "adw_run_started", workflow_type="parcel") == 1
        assert await decide_and_wait(good) is None
        assert await decide_and_wait(await worker.run(settings, send=True)) == "WorkflowFailed"
        page = await asyncio.to_thread(scrape, address)

    def steps(step: str, status: str) -> float:
        return series(page, "adw_step_ended", step=step, status=status, workflow_type="parcel", task_queue=worker.queue)

    assert series(page, "adw_run_started") == 2
    assert series(page, "adw_run_ended", status="completed", workflow_type="parcel") == 1
    assert series(page, "adw_run_ended", status="failed", workflow_type="parcel") == 1
    assert series(page, "adw_run_duration_seconds_count", status="completed") == 1
    assert (steps("weigh", "completed"), steps("send", "skipped"), steps("send", "failed")) == (2, 1, 1)
    assert series(page, "adw_step_ended", step="quiet") == 0
    assert 0 < series(page, "adw_step_duration_seconds_sum", step="weigh") < 3600
    assert series(page, "adw_step_duration_seconds_bucket", step="weigh", le="604800") == 2
    assert series(page, "adw_step_retried", activity_type="flaky", workflow_type="parcel") == 2
    assert series(page, "adw_undo_ended", step="weigh", outcome="undone") == 1
    assert series(page, "adw_sla_missed", target="max_execution_time") == 2
    assert series(page, "adw_custom_kilos_sum", step="weigh") == 25
    assert "adw_custom_note" not in str(page)
    assert series(page, "temporal_activity_execution_latency_count", activity_type="weigh") == 2
    assert series(page, "temporal_workflow_failed", workflow_type="parcel") == 1
    assert SECRET not in str(page)


async def test_the_runs_that_wait_for_people_are_a_number_of_the_server_s(worker: Worker) -> None:
    [port] = find_free_ports(1)
    address = f"127.0.0.1:{port}"
    settings = Settings(task_queue=worker.queue, user="tester")
    async with worker.serving():
        run = await worker.run(settings, send=False)
    async with worker.serving(ADW_PROMETHEUS=address):
        waiting = await eventually(lambda: series(scrape(address), "adw_runs_waiting", namespace="default"))
        assert await decide_and_wait(run) is None
    async with worker.serving(ADW_PROMETHEUS=address):
        await eventually(lambda: any(line.startswith("adw_runs_waiting") for line in scrape(address)))
        assert series(scrape(address), "adw_runs_waiting") == waiting - 1


async def test_an_address_in_use_refuses_the_start_in_one_sentence(server: DevServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        more = {"TEMPORAL_ADDRESS": server.address, "ADW_PROMETHEUS": address}
        code, output, errors = await ended("worker.py", "--check", **more)

    assert (code, output) == (2, "")
    assert errors.startswith(f"adw-worker: ADW_PROMETHEUS: '{address}' cannot be used: ")
    assert errors.endswith("give an IP address and a free port.\n")


class Collector(TraceServiceServicer, MetricsServiceServicer):
    """An OpenTelemetry collector that keeps what it gets."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.services: set[str] = set()
        self.metrics: set[str] = set()
        self.text = ""

    def Export(self, request: Any, context: object) -> Any:
        self.text += str(request)
        if isinstance(request, ExportTraceServiceRequest):
            for group in request.resource_spans:
                self.services |= {
                    one.value.string_value for one in group.resource.attributes if one.key == "service.name"
                }
                self.spans += [span for scope in group.scope_spans for span in scope.spans]
            return ExportTraceServiceResponse()
        assert isinstance(request, ExportMetricsServiceRequest)
        for group in request.resource_metrics:
            self.metrics |= {metric.name for scope in group.scope_metrics for metric in scope.metrics}
        return ExportMetricsServiceResponse()

    def tree(self) -> list[str]:
        """`name < parent's name` of each span, sorted."""
        names = {one.span_id: one.name for one in self.spans}
        return sorted(f"{one.name} < {names.get(one.parent_span_id)}" for one in self.spans)


@pytest.fixture
async def collector() -> AsyncGenerator[tuple[Collector, str]]:
    collector = Collector()
    server = grpc.server(ThreadPoolExecutor(2))
    add_TraceServiceServicer_to_server(collector, server)
    add_MetricsServiceServicer_to_server(collector, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield collector, f"http://127.0.0.1:{port}"
    server.stop(0).wait()


async def ended(*arguments: str, **settings: str) -> tuple[int | None, str, str]:
    """Exit code, output and errors of a Python process."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, stdout=PIPE, stderr=PIPE, env=environment(**settings), cwd=ROOT
    )
    output, errors = await asyncio.wait_for(process.communicate(), PATIENCE_SECONDS)
    return process.returncode, output.decode(), errors.decode()


async def test_command_and_worker_send_one_trace_and_the_metrics_to_a_collector(
    worker: Worker, collector: tuple[Collector, str]
) -> None:
    received, endpoint = collector
    settings = Settings(task_queue=worker.queue, user="tester")
    async with worker.serving(ADW_OTLP=endpoint):
        data = json.dumps({"name": SECRET, "send": False})
        more = {"TEMPORAL_ADDRESS": worker.server.address, "ADW_OTLP": endpoint, "ADW_TASK_QUEUE": worker.queue}
        more["OTEL_SERVICE_NAME"] = "shop"
        code, output, errors = await ended(
            "-m", "advanced_workflow.client.cli", "start", "parcel", "--input", data, "--json", **more
        )
        assert (code, errors) == (0, "")
        client = await connect(address=worker.server.address, settings=settings)
        run = Run(client, client.get_workflow_handle(json.loads(output)["id"]), "tester")
        await eventually(run.pending_approvals)
        assert await decide_and_wait(run) is None
        await eventually(lambda: {"adw_run_ended", "adw_step_ended", "adw_custom_kilos"} <= received.metrics)

    # Both ended by themselves, so they have sent all spans.
    assert received.tree() == [
        "agree < run parcel",
        "flaky < quiet",
        "flaky < quiet",
        "quiet < run parcel",
        "run parcel < start parcel",
        "send < run parcel",
        "start parcel < None",
        "weigh < run parcel",
        "weigh < weigh",
    ]
    assert len({one.trace_id for one in received.spans}) == 1
    assert received.services == {"shop", "advanced-workflow"}
    assert SECRET not in received.text


async def test_a_collector_that_does_not_answer_keeps_no_command_from_ending(server: DevServer) -> None:
    [port] = find_free_ports(1)
    queue = f"nobody-{uuid4().hex[:8]}"
    more = {"TEMPORAL_ADDRESS": server.address, "ADW_OTLP": f"http://127.0.0.1:{port}", "ADW_TASK_QUEUE": queue}
    began = asyncio.get_running_loop().time()
    code, output, _ = await ended("-m", "advanced_workflow.client.cli", "start", "nobody", "--json", **more)
    seconds = asyncio.get_running_loop().time() - began

    assert code == 0
    assert seconds < 60
    client = await connect(address=server.address)
    await client.get_workflow_handle(json.loads(output)["id"]).terminate()


@pytest.mark.parametrize("modules", ["worker", "client, advanced_workflow.client.cli"])
async def test_telemetry_that_is_off_is_not_even_imported(modules: str) -> None:
    heavy = "('opentelemetry.sdk', 'opentelemetry.exporter')"
    program = f"import sys, {modules}; print([one for one in sys.modules if one.startswith({heavy})])"
    code, output, _ = await ended("-c", program)

    assert (code, output) == (0, "[]\n")


def found(lines: list[dict[str, Any]], holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    [line] = [one for one in lines if holds(one)]
    return line


async def test_log_lines_of_actions_and_of_the_engine_say_which_run_step_and_attempt(worker: Worker) -> None:
    settings = Settings(task_queue=worker.queue, user="tester")
    async with worker.serving(ADW_LOG_FORMAT="json", ADW_LOG_LEVEL="DEBUG"):
        run = await worker.run(settings, send=True)
        await decide_and_wait(run)
        failure = (await run.handle.fetch_history()).events[-1].workflow_execution_failed_event_attributes.failure
    assert failure.message.startswith("step 'send' failed with ")
    assert failure.stack_trace == ""
    lines: list[dict[str, Any]] = [json.loads(line) for line in worker.errors.splitlines()]

    wanted = {"workflow_id": run.id, "run_id": run.run_id, "step": "weigh", "action": "weigh", "attempt": 1}
    for message in ("weighing", "by the SDK's logger"):
        line = found(lines, lambda one, message=message: one["message"] == message)
        assert {name: line.get(name) for name in wanted} == wanted
    retried = [one for one in lines if one.get("step") == "quiet" and one.get("attempt") == 1]
    assert retried
    engine = found(lines, lambda one: one["message"].startswith("step send failed: "))
    assert (engine["level"], engine["workflow_id"], engine["run_id"], engine["step"]) == (
        "WARNING",
        run.id,
        run.run_id,
        "send",
    )
    assert SECRET not in worker.errors
