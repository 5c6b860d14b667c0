"""A model call tells what it took by the conventions for generative AI, and nothing of what was said."""

from __future__ import annotations

import json

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from temporalio.runtime import MetricBuffer, Runtime, TelemetryConfig

from advanced_workflow.activities.agents.calls import ModelCalls
from advanced_workflow.activities.agents.scripts import script_of
from advanced_workflow.workflows.contract import AgentHead, ChatMessage, ToolCall, ToolSchema
from tests.unit.model_calls import Conversation, call, environment, failure, nobody, result, user

SCRIPT = script_of(
    [
        {"when": "task == 'fail'", "fail": {"type": "ModelRateLimited"}},
        {"say": "the answer is canary", "input_tokens": 70, "output_tokens": 9},
    ]
)


async def test_a_call_is_a_span_and_metrics_without_its_content() -> None:
    exporter, provider, buffer = InMemorySpanExporter(), TracerProvider(), MetricBuffer(1000)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    env = environment(workflow_run_id="run-7")
    env.metric_meter = Runtime(telemetry=TelemetryConfig(metrics=buffer)).metric_meter
    calls = ModelCalls(scripts={"triage": SCRIPT}, ask=nobody, tracer=provider.get_tracer("test"))

    await call(calls, "scripted:triage", user("canary"), env=env, settings={"temperature": 0.5})
    failed = environment()
    failed.metric_meter = env.metric_meter
    error = await failure(calls, "scripted:triage", user("fail"), env=failed)

    assert error.type == "ModelRateLimited"
    good, bad = exporter.get_finished_spans()
    assert (good.name, good.kind) == ("chat triage", SpanKind.CLIENT)
    said = dict(good.attributes or {})
    assert 0 <= float(str(said.pop("gen_ai.response.time_to_first_chunk"))) < 60
    assert said == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "scripted",
        "gen_ai.request.model": "triage",
        "gen_ai.request.temperature": 0.5,
        "gen_ai.agent.name": "look",
        "gen_ai.agent.id": "look",
        "gen_ai.conversation.id": "run-7:look",
        "gen_ai.response.model": "triage",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 70,
        "gen_ai.usage.output_tokens": 9,
        "gen_ai.usage.cache_read.input_tokens": 0,
        "gen_ai.usage.reasoning.output_tokens": 0,
        "adw.agent.turn": 1,
    }
    assert (bad.status.status_code, (bad.attributes or {})["error.type"]) == (StatusCode.ERROR, "ModelRateLimited")
    assert "canary" not in f"{good.to_json()}{bad.to_json()}"
    told = {
        (one.metric.name, one.attributes.get("gen_ai_token_type"), one.attributes.get("error_type")): one
        for one in buffer.retrieve_updates()
    }
    assert told["gen_ai_client_token_usage", "input", None].value == 70
    assert told["gen_ai_client_token_usage", "output", None].value == 9
    assert ("gen_ai_client_operation_duration", None, None) in told
    assert ("gen_ai_client_operation_time_to_first_chunk", None, None) in told
    slow = told["gen_ai_client_operation_duration", None, "ModelRateLimited"]
    assert slow.attributes["gen_ai_request_model"] == "scripted:triage"


async def test_a_model_that_may_not_be_called_makes_no_span() -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))

    calls = ModelCalls(ask=nobody, tracer=provider.get_tracer("test"))
    await failure(calls, "scripted:nobody")

    assert exporter.get_finished_spans() == ()


async def test_a_span_tells_what_was_said_where_that_is_wanted_but_no_secret_field() -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    secret = {"type": "object", "properties": {"of": {}, "token": {"type": "string", "format": "password"}}}
    head = AgentHead(instructions="Find out.", tools=[ToolSchema(name="restart", parameters=secret)])
    script = script_of(
        [{"say": "again", "calls": [{"name": "restart", "arguments": {"of": "1", "token": "'canary'"}}]}]
    )
    asked = ToolCall(id="c", name="restart", arguments={"of": "a", "token": "canary"})
    half = ToolCall(id="d", name="restart", error="it is cut", text='{"token": "canary')
    messages = (
        user("x" * 9_000),
        user("y" * 9_000),
        user("z" * 9_000),
        user("w" * 9_000),
        ChatMessage(role="assistant", tool_calls=[asked, half]),
        result("broken", call="c", name="restart", error=True),
    )
    calls = ModelCalls(scripts={"a": script}, ask=nobody, tracer=provider.get_tracer("test"), content=True)

    await environment().run(calls.call, Conversation(messages, head).request("scripted:a"))

    [span] = exporter.get_finished_spans()
    told = {name: json.loads(str(value)) for name, value in (span.attributes or {}).items() if "messages" in name}
    *_, answer, response = told["gen_ai.input.messages"]
    assert [len(one["parts"][0]["content"]) for one in told["gen_ai.input.messages"][:-2]] == [4_000] * 3
    assert [one["arguments"] for one in answer["parts"]] == [{"of": "a"}, ""]
    assert response["parts"] == [{"type": "tool_call_response", "id": "c", "response": "broken"}]
    [said] = told["gen_ai.output.messages"]
    assert (said["role"], said["finish_reason"]) == ("assistant", "tool_calls")
    assert said["parts"][1]["arguments"] == {"of": 1}
    assert "Find out." in str((span.attributes or {})["gen_ai.system_instructions"])
    assert "canary" not in span.to_json()
