from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanContext, get_current_span
from temporalio.api.common.v1 import Payload
from temporalio.client import Client, Interceptor, OutboundInterceptor, StartWorkflowInput
from temporalio.runtime import MetricBuffer, Runtime, TelemetryConfig

from advanced_workflow.activities.action import context
from advanced_workflow.activities.action.errors import ActionError
from advanced_workflow.activities.agents.graphs import preload
from advanced_workflow.activities.worker.interceptors import ActionInterceptor
from advanced_workflow.client.dev.server import DevServer
from advanced_workflow.client.runs import Run
from advanced_workflow.client.telemetry.metrics import MetricsInterceptor
from advanced_workflow.client.telemetry.tracing import TracingInterceptor
from advanced_workflow.workflows.engine.monitoring.tracing import TRACE_HEADER
from advanced_workflow.workflows.engine.temporal.interceptor import EngineInterceptor
from tests.harness import Harness, definition, eventually, outcome_of, recording

SECRET = "hunter2"


@dataclass
class Traced:
    """A harness whose client and workers trace into memory."""

    harness: Harness
    exporter: InMemorySpanExporter
    tracing: TracingInterceptor

    @property
    def spans(self) -> list[ReadableSpan]:
        return list(self.exporter.get_finished_spans())

    def named(self, name: str) -> list[ReadableSpan]:
        return [one for one in self.spans if one.name == name]

    def one(self, name: str) -> ReadableSpan:
        [span] = self.named(name)
        return span

    def tree(self) -> list[str]:
        """`name < parent's name` of each span, sorted."""
        names = {id_of(one): one.name for one in self.spans}
        return sorted(f"{one.name} < {names.get(one.parent.span_id) if one.parent else None}" for one in self.spans)


def id_of(span: ReadableSpan) -> int:
    return context_of(span).span_id


def context_of(span: ReadableSpan) -> SpanContext:
    assert span.context is not None
    return span.context


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


@pytest.fixture
async def traced(server: DevServer) -> AsyncGenerator[Traced]:
    exporter = InMemorySpanExporter()
    tracing = TracingInterceptor(SimpleSpanProcessor(exporter))
    harness = Harness(await Client.connect(server.address, interceptors=[tracing]))
    yield Traced(harness, exporter, tracing)
    await harness.replay()


def echo(name: str) -> dict[str, str]:
    return {"name": name, "password": SECRET}


def flaky() -> None:
    if context.attempt() < 2:
        raise ActionError(f"busy with {SECRET}", type="Busy")


def refuse() -> None:
    raise ActionError(f"no {SECRET}", type="Refused", retryable=False)


def refuses(name: str) -> None:
    raise ActionError(f"no {name}", type="Refused", retryable=False)


FAST = {"delay": 0.01}


async def test_a_run_is_one_trace_from_the_client_to_each_attempt(traced: Traced) -> None:
    wanted = definition(
        {"step_id": "reserve", "action": "echo", "input_mapping": {"name": "input.password"}},
        {"step_id": "charge", "action": "flaky", "dependencies": ["reserve"], "retry_policy": FAST},
        {"step_id": "gift", "action": "flaky", "dependencies": ["reserve"], "conditions": ["false"]},
        {
            "step_id": "deliver",
            "step_type": "parallel",
            "dependencies": ["charge"],
            "parallel_steps": [
                {"step_id": "label", "action": "echo", "input_mapping": {"name": "'x'"}},
                {"step_id": "tell", "action": "flaky", "dependencies": ["label"], "conditions": ["false"]},
            ],
        },
        workflow_id="order",
    )

    outcome = await traced.harness.run(wanted, {"password": SECRET}, actions={"echo": echo, "flaky": flaky})

    assert outcome.failure is None
    assert traced.tree() == [
        "charge < run order",
        "deliver < run order",
        "echo < label",
        "echo < reserve",
        "flaky < charge",
        "flaky < charge",
        "gift < run order",
        "label < deliver",
        "reserve < run order",
        "run order < start order",
        "start order < None",
        "tell < deliver",
    ]
    assert len({context_of(one).trace_id for one in traced.spans}) == 1
    assert len({id_of(one) for one in traced.spans}) == len(traced.spans)
    attempts = [(attributes(one)["adw.attempt"], one.status.description) for one in traced.named("flaky")]
    assert attempts == [(1, "Busy"), (2, None)]
    assert attributes(traced.one("tell"))["adw.skip_reason"] == "condition_false"
    label = attributes(traced.one("label"))
    assert (label["adw.path"], label["adw.step_type"], label["adw.status"]) == (
        "deliver.label",
        "sequential",
        "completed",
    )
    assert label["temporalWorkflowID"] == outcome.handle.id
    assert SECRET not in "".join(one.to_json() for one in traced.spans)


async def test_a_step_s_span_lasts_from_its_start_to_its_end(traced: Traced) -> None:
    wait = {"step_id": "rest", "step_type": "wait", "wait": {"seconds": 1}}
    after = {"step_id": "after", "action": "call", "dependencies": ["rest"]}
    await traced.harness.run(definition(wait, after), actions={"call": lambda: None})

    run, rest, last, attempt = (times_of(traced.one(name)) for name in ("run test", "rest", "after", "call"))
    assert rest[1] - rest[0] == pytest.approx(1, abs=0.5)
    assert run[0] <= rest[0] < rest[1] <= last[0] <= attempt[0] < attempt[1] <= last[1] <= run[1]


def times_of(span: ReadableSpan) -> tuple[float, float]:
    """Start and end in seconds."""
    assert span.start_time is not None
    assert span.end_time is not None
    return span.start_time / 1e9, span.end_time / 1e9


async def test_undo_actions_have_spans_with_their_attempts_and_no_data(traced: Traced) -> None:
    wanted = definition(
        {"step_id": "reserve", "action": "echo", "input_mapping": {"name": "'x'"}, "rollback_actions": ["release"]},
        {"step_id": "charge", "action": "refuse", "dependencies": ["reserve"]},
    )
    actions = {"echo": echo, "refuse": refuse, "release": recording([])}

    outcome = await traced.harness.run(wanted, actions=actions)

    assert outcome.undone() == ["reserve"]
    assert "undo reserve < run test" in traced.tree()
    assert "release < undo reserve" in traced.tree()
    assert [traced.one(name).status.description for name in ("charge", "refuse", "run test")] == ["Refused"] * 3
    assert attributes(traced.one("run test"))["adw.status"] == "failed"
    assert SECRET not in "".join(one.to_json() for one in traced.spans)


async def test_what_a_rollback_step_undoes_is_below_it(traced: Traced) -> None:
    wanted = definition(
        {"step_id": "reserve", "action": "echo", "input_mapping": {"name": "'x'"}, "rollback_actions": ["release"]},
        {"step_id": "back", "step_type": "rollback", "dependencies": ["reserve"]},
    )

    await traced.harness.run(wanted, actions={"echo": echo, "release": recording([])})

    assert "undo reserve < back" in traced.tree()


async def test_replaying_tells_no_span_twice(traced: Traced) -> None:
    wanted = definition(
        {"step_id": "first", "action": "nothing"},
        {"step_id": "agree", "step_type": "human_approval", "dependencies": ["first"]},
        {"step_id": "second", "action": "nothing", "dependencies": ["agree"]},
        {"step_id": "third", "action": "nothing", "dependencies": ["second"]},
    )
    actions: dict[str, Callable[..., Any]] = {"nothing": lambda: None}
    # Without a cache every workflow task replays the run from its beginning.
    async with traced.harness.worker(actions, max_cached_workflows=0):
        run = await traced.harness.start(wanted)
        # Not by a query: without a cache it may look into a workflow task that another worker thread is still at.
        await eventually(lambda: asks_people(run))
    async with traced.harness.worker(actions, max_cached_workflows=0):
        await run.approve("agree", approver="anna")
        await outcome_of(run)

    assert traced.tree() == [
        "agree < run test",
        "first < run test",
        "nothing < first",
        "nothing < second",
        "nothing < third",
        "run test < start test",
        "second < run test",
        "start test < None",
        "third < run test",
    ]


async def test_the_history_carries_each_step_s_span_to_its_action(traced: Traced) -> None:
    async with traced.harness.worker({"call": lambda: None}):
        run = await traced.harness.start(definition({"step_id": "one", "action": "call"}))
        await outcome_of(run)

    span = context_of(traced.one("one"))
    assert await trace_headers(run) == [{"traceparent": f"00-{span.trace_id:032x}-{span.span_id:016x}-01"}]


async def asks_people(run: Run) -> bool:
    """Whether the history holds the workflow task in which the run began to ask."""
    events = (await run.handle.fetch_history()).events
    return any(one.HasField("upsert_workflow_search_attributes_event_attributes") for one in events)


async def trace_headers(run: Run) -> list[Any]:
    """What the run's activities were sent."""
    history = await run.handle.fetch_history()
    scheduled = [one.activity_task_scheduled_event_attributes for one in history.events]
    return [json.loads(one.header.fields[TRACE_HEADER].data) for one in scheduled if TRACE_HEADER in one.header.fields]


async def test_a_step_that_an_operator_retries_has_a_span_for_each_time(traced: Traced) -> None:
    failures = [1]

    def once() -> None:
        if failures:
            failures.pop()
            raise ActionError("no", type="Broken", retryable=False)

    async with traced.harness.worker({"fix": once}):
        run = await traced.harness.start(definition({"step_id": "mend", "action": "fix"}, on_failure="pause"))
        await eventually(lambda: traced.named("mend"))
        await run.retry_step("mend", "mended")
        await outcome_of(run)

    first, second = traced.named("mend")
    assert id_of(first) != id_of(second)
    assert [one.status.description for one in (first, second)] == ["Broken", None]
    assert attributes(second)["adw.retry"] == 1


async def test_a_run_that_another_client_starts_begins_a_trace_of_its_own(traced: Traced, client: Client) -> None:
    plain = Harness(client, task_queue=traced.harness.task_queue)
    async with traced.harness.worker({"call": lambda: None}):
        outcome = await outcome_of(await plain.start(definition({"step_id": "one", "action": "call"})))

    assert outcome.failure is None
    assert traced.tree() == ["call < one", "one < run test", "run test < None"]
    assert len({context_of(one).trace_id for one in traced.spans}) == 1
    await plain.replay()


async def test_a_trace_that_is_not_sampled_costs_nothing(server: DevServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    exporter = InMemorySpanExporter()
    tracing = TracingInterceptor(SimpleSpanProcessor(exporter))
    harness = Harness(await Client.connect(server.address, interceptors=[tracing]))
    plain = Harness(await Client.connect(server.address), task_queue=harness.task_queue)
    async with harness.worker({"one": lambda: None}):
        for started_by in (harness, plain):
            run = await started_by.start(definition({"step_id": "one"}))
            await outcome_of(run)
            assert await trace_headers(run) == []

    assert exporter.get_finished_spans() == ()
    await harness.replay()


async def test_spans_that_an_action_makes_are_below_its_attempt(traced: Traced) -> None:
    tracer = traced.tracing.provider.get_tracer("mine")

    def call() -> str:
        with tracer.start_as_current_span("inner"):
            return f"{get_current_span().get_span_context().trace_id:032x}"

    outcome = await traced.harness.run(definition({"step_id": "one", "action": "call"}), actions={"call": call})

    assert outcome.failure is None
    assert "inner < call" in traced.tree()


async def test_the_client_s_span_is_below_the_caller_s(traced: Traced) -> None:
    with TracerProvider().get_tracer("app").start_as_current_span("request") as request:
        await traced.harness.run(definition({"step_id": "one", "action": "call"}), actions={"call": lambda: None})

    started = traced.one("start test")
    assert started.parent is not None
    assert started.parent.span_id == request.get_span_context().span_id


class _Spoiled(Interceptor):
    """Sends a trace header that is none."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:
        data = self.data

        class Outbound(OutboundInterceptor):
            async def start_workflow(self, input: StartWorkflowInput) -> Any:
                input.headers = {TRACE_HEADER: Payload(metadata={"encoding": b"json/plain"}, data=data)}
                return await self.next.start_workflow(input)

        return Outbound(next)


@pytest.mark.parametrize("data", [b"\xff", b"[1]", b'{"traceparent": 3}', b'{"traceparent": "00-1-2-3"}'])
async def test_a_trace_header_that_makes_no_sense_is_ignored(traced: Traced, server: DevServer, data: bytes) -> None:
    spoiled = Harness(
        await Client.connect(server.address, interceptors=[_Spoiled(data)]), task_queue=traced.harness.task_queue
    )
    async with traced.harness.worker({"call": lambda: None}):
        outcome = await outcome_of(await spoiled.start(definition({"step_id": "one", "action": "call"})))

    assert outcome.failure is None
    assert traced.one("run test").parent is None
    assert "call < one" in traced.tree()


async def test_without_tracing_no_header_is_in_the_history(harness: Harness) -> None:
    async with harness.worker({"one": lambda: None}):
        run = await harness.start(definition({"step_id": "one"}), id=f"plain-{uuid4().hex[:8]}")
        await outcome_of(run)

    assert TRACE_HEADER not in (await run.handle.fetch_history()).to_json()


async def test_a_decision_of_an_orchestrator_is_the_same_in_state_trace_metrics_and_audit_trail(
    server: DevServer,
) -> None:
    preload()
    exporter, measured = InMemorySpanExporter(), MetricBuffer(10_000)
    tracing = TracingInterceptor(SimpleSpanProcessor(exporter))
    runtime = Runtime(telemetry=TelemetryConfig(metrics=measured))
    client = await Client.connect(server.address, interceptors=[tracing], runtime=runtime)
    traced = Traced(Harness(client), exporter, tracing)
    workers = [
        {
            "action": name,
            "name": name,
            "capability": "echo",
            "retry_policy": {"max_attempts": 1},
            "parameters": {"type": "object"},
        }
        for name in ("refuse", "echo")
    ]
    made = {"workers": workers, "task": "{'name': 'a'}"}
    step = {"step_id": "plan", "step_type": "orchestrator", "orchestrator": made}
    hearing = [EngineInterceptor(), ActionInterceptor(), MetricsInterceptor()]
    async with traced.harness.worker({"echo": echo, "refuse": refuses}, interceptors=hearing):
        running = await traced.harness.start(definition(step, output={"plan": "steps.plan.output"}))
        outcome = await outcome_of(running)
        state = await running.state()

    decided = outcome.data["plan"]["decisions"]
    assert [one["strategy"] for one in decided] == ["parallel", "error", "parallel", "complete"]
    [record] = [one for one in state.steps if one.path == "plan"]
    shown: Any = record.execution_data["orchestration"]
    assert shown["decisions"] == decided
    events = [one for one in traced.one("plan").events if one.name == "adw.orchestration.decision"]
    names = ("number", "strategy", "complexity_score", "reason", "by", "failed_before")
    assert [dict(one.attributes or {}) for one in events] == [
        {
            **{f"adw.{name}": one[name] for name in names},
            **{f"adw.budget_left.{name}": left for name, left in one["budget_left"].items()},
        }
        for one in decided
    ]
    counted = [one for one in measured.retrieve_updates() if "adw_orchestration" in one.metric.name]
    assert [
        (one.metric.name.removeprefix("temporal_"), one.attributes["step"], one.attributes["strategy"], one.value)
        for one in counted
    ] == [
        found
        for one in decided
        for found in (
            ("adw_orchestration_decisions", "plan", one["strategy"], 1),
            ("adw_orchestration_complexity", "plan", one["strategy"], one["complexity_score"]),
        )
    ]
    acts = [one for one in state.audit if one.operation == "orchestration_decision"]
    assert [one.reason.partition(" ")[0] for one in acts] == [one["strategy"] for one in decided]
    await traced.harness.replay()
