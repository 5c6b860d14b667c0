"""A provider that behaves badly, by HTTP on loopback and LangChain's own client: each behaviour by what the run is told."""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections import OrderedDict
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from temporalio.exceptions import ApplicationError

from advanced_workflow.activities.agents import calls as calls_module
from advanced_workflow.activities.agents import chat
from advanced_workflow.activities.agents.calls import ModelCalls
from advanced_workflow.activities.agents.endpoints import Endpoint, Endpoints
from advanced_workflow.workflows.contract import ChatMessage, FinishReason, ModelAnswer, ToolCall
from tests.harness import eventually
from tests.model_server import ModelServer, events, model_server
from tests.patience import PATIENCE_SECONDS, jump
from tests.unit.model_calls import call, environment, failure, nobody, result, user

KEY = "canary-key-7f3a9c"
WHOLE = b"".join(events("m", ""))
FINISHED = WHOLE.index(b'"finish_reason": "tool_calls"}]}\n\n') + len(b'"finish_reason": "tool_calls"}]}')
"""From here on the answer has said why it ended."""
ARGUMENTS = [("search_logs", {"query": "x", "minutes": 30}), ("read_metric", {"query": "y"})]


@pytest_asyncio.fixture(loop_scope="session")
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ModelServer]:
    monkeypatch.setenv("ADW_SECRET_MODEL", KEY)
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "LANGSMITH_TRACING"):
        monkeypatch.delenv(name, raising=False)
    async with model_server() as running:
        yield running


def of(server: ModelServer, **fields: Any) -> ModelCalls:
    return ModelCalls(Endpoints({"local": Endpoint(base_url=server.url, key="MODEL", **fields)}), ask=nobody)


async def test_an_answer_has_its_text_calls_tokens_and_model(server: ModelServer) -> None:
    answer = await call(of(server), "local:m")

    message = ChatMessage.model_validate(answer.message)
    assert message.content == "I look first. "
    assert [(one.name, one.arguments, one.id) for one in message.tool_calls] == [
        ("search_logs", {"query": "x", "minutes": 30}, "call_a"),
        ("read_metric", {"query": "y"}, "call_b"),
    ]
    assert (answer.finish_reason, answer.model) == (FinishReason.TOOL_CALLS, "m-1")
    assert answer.usage.model_dump() == {
        "input_tokens": 120,
        "output_tokens": 30,
        "cached_tokens": 64,
        "reasoning_tokens": 8,
        "estimated": False,
    }
    (sent,) = server.requests
    assert sent["stream"] is True
    assert sent["stream_options"] == {"include_usage": True}
    assert sent["messages"][0] == {"role": "system", "content": "Find out."}
    assert sent["tools"][0]["function"]["name"] == "search_logs"
    assert server.headers[0]["authorization"] == f"Bearer {KEY}"


async def test_a_conversation_is_sent_as_it_was_calls_that_were_none_too(server: ModelServer) -> None:
    asked = ChatMessage(
        role="assistant",
        content="I look.",
        tool_calls=[
            ToolCall(id="a", name="search_logs", arguments={"query": "x"}),
            ToolCall(id="b", name="search_logs", error="no JSON", text='{"query'),
        ],
    )
    conversation = (user(), asked, result("found", "a"), result("no JSON", "b", error=True))

    await call(of(server), "local:text", *conversation, settings={"temperature": 0.5, "max_tokens": 9, "stop": ["END"]})

    (sent,) = server.requests
    assert [one["role"] for one in sent["messages"]] == ["system", "user", "assistant", "tool", "tool"]
    given = [(one["id"], one["function"]["arguments"]) for one in sent["messages"][2]["tool_calls"]]
    assert given == [("a", '{"query": "x"}'), ("b", '{"query')]
    assert [one["tool_call_id"] for one in sent["messages"][3:]] == ["a", "b"]
    assert (sent["temperature"], sent["stop"]) == (0.5, ["END"])
    assert 9 in (sent.get("max_tokens"), sent.get("max_completion_tokens"))


async def test_an_answer_without_tools_is_asked_for_as_such(server: ModelServer) -> None:
    answer = await call(of(server), "local:m", answer_only=True, view={"ask": "Answer now."})

    (sent,) = server.requests
    assert sent["tool_choice"] == "none"
    assert sent["messages"][-1] == {"role": "user", "content": "Answer now."}
    assert answer.finish_reason == FinishReason.STOP
    assert "tool_calls" not in answer.message


RETRIED = False
FINAL = True


@pytest.mark.parametrize(
    ("model", "kind", "final", "seconds"),
    [
        ("429", "ModelRateLimited", RETRIED, 7),
        ("quota", "ModelQuotaExceeded", FINAL, None),
        ("500", "ModelUnavailable", RETRIED, None),
        ("503", "ModelUnavailable", RETRIED, 3),
        ("401", "ModelAccessDenied", FINAL, None),
        ("403", "ModelAccessDenied", FINAL, None),
        ("404", "ModelUnknown", FINAL, None),
        ("400", "ModelRequestRefused", FINAL, None),
        ("400long", "ContextTooLong", FINAL, None),
        ("html", "ModelAnswerInvalid", RETRIED, None),
        ("garbage", "ModelAnswerInvalid", RETRIED, None),
        ("empty", "ModelAnswerInvalid", RETRIED, None),
        ("abort@300", "ModelUnavailable", RETRIED, None),
        ("cutclean", "ModelAnswerInvalid", RETRIED, None),
        ("cutargs", "ModelAnswerInvalid", RETRIED, None),
        ("sseerror", "ModelUnavailable", RETRIED, None),
        ("hang", "ModelUnavailable", RETRIED, None),
    ],
)
async def test_each_bad_behaviour_is_one_failure(
    server: ModelServer, model: str, kind: str, final: bool, seconds: int | None
) -> None:
    failing = asyncio.create_task(failure(of(server), f"local:{model}", env=environment(seconds=PATIENCE_SECONDS)))
    if model == "hang":
        await eventually(lambda: server.requests)
        jump(PATIENCE_SECONDS)
    error = await failing

    assert (error.type, error.non_retryable) == (kind, final), error.message
    assert error.next_retry_delay == (None if seconds is None else timedelta(seconds=seconds))
    assert len(server.requests) == 1
    assert error.__cause__ is None
    assert KEY not in error.message


@pytest.mark.parametrize(
    ("model", "reason", "calls"),
    [
        ("text", "stop", []),
        ("length", "length", []),
        ("filter", "content_filter", []),
        ("unknowntool", "tool_calls", ["rm_rf", "rm_rf"]),
        ("nocount", "tool_calls", ["search_logs", "read_metric"]),
    ],
)
async def test_other_answers_are_answers(server: ModelServer, model: str, reason: str, calls: list[str]) -> None:
    answer = await call(of(server), f"local:{model}")

    assert answer.finish_reason == reason
    assert [one["name"] for one in answer.message.get("tool_calls", [])] == calls
    assert answer.usage.estimated == (model == "nocount")
    assert answer.usage.input_tokens > 10


async def test_arguments_that_are_no_json_are_told_with_the_answer(server: ModelServer) -> None:
    answer = await call(of(server), "local:badargs")

    for found in ChatMessage.model_validate(answer.message).tool_calls:
        assert found.arguments == {}
        assert "is not valid JSON" in found.error


async def cut_somewhere(server: ModelServer, places: list[int]) -> None:
    """Cut the stream at these bytes, cleanly and by a broken connection: its calls come whole or not at all."""
    calls = of(server)
    for place in places:
        for how in ("cut", "abort"):
            answer = await answer_or_failure(calls, f"local:{how}@{place}")
            if isinstance(answer, ApplicationError):
                assert not answer.non_retryable, (place, answer.message)
                assert answer.type in ("ModelAnswerInvalid", "ModelUnavailable"), (place, answer.message)
                assert how == "abort" or place < FINISHED + 2, place
            else:
                assert place >= FINISHED, place
                assert [(one["name"], one["arguments"]) for one in answer.message["tool_calls"]] == ARGUMENTS


async def answer_or_failure(calls: ModelCalls, model: str) -> ModelAnswer | ApplicationError:
    try:
        return await call(calls, model)
    except ApplicationError as error:
        return error


async def test_a_stream_that_is_cut_anywhere_never_gives_a_call(server: ModelServer) -> None:
    await cut_somewhere(server, [FINISHED - 1, FINISHED, FINISHED + 2, *random.sample(range(1, len(WHOLE)), 12)])


@pytest.mark.long
async def test_a_stream_that_is_cut_at_a_thousand_places_never_gives_a_call(server: ModelServer) -> None:
    await cut_somewhere(server, [random.randrange(1, len(WHOLE)) for _ in range(500)])


async def test_a_key_is_nowhere_though_the_provider_repeats_it(
    server: ModelServer, caplog: pytest.LogCaptureFixture
) -> None:
    error = await failure(of(server), "local:401")
    answer = await call(of(server), "local:echo")

    assert "bad key {{key}}" in error.message
    assert answer.message["content"] == "The key is {{key}}."
    assert answer.message["tool_calls"][0]["arguments"] == {"query": "{{key}}"}
    assert KEY not in answer.model_dump_json()
    assert KEY not in caplog.text


async def test_a_key_may_come_from_a_file_that_changes(server: ModelServer, tmp_path: Path) -> None:
    file = tmp_path / "key"
    calls = ModelCalls(Endpoints({"local": Endpoint(base_url=server.url, key_file=file)}), ask=nobody)

    assert "readable for the worker" in (await failure(calls, "local:text")).message
    for key in ("first-key-1", "second-key-2"):
        file.write_text(f"{key}\n")
        await call(calls, "local:text")
        assert server.headers[-1]["authorization"] == f"Bearer {key}"


async def test_an_endpoint_without_a_key_is_not_sent_another_one_s(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-somebody-else")

    await call(ModelCalls(Endpoints({"local": Endpoint(base_url=server.url)}), ask=nobody), "local:text")

    assert "sk-of-somebody-else" not in json.dumps(server.headers)


async def test_signs_of_life_say_how_far_an_answer_is(server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls_module, "BEAT_SECONDS", 0.0)
    env = environment()
    beats: asyncio.Queue[Any] = asyncio.Queue()
    env.on_heartbeat = beats.put_nowait
    calling = asyncio.create_task(call(of(server), "local:slow", env=env))
    await server.shown.wait()
    told = await asyncio.wait_for(beats.get(), PATIENCE_SECONDS)
    server.release.set()
    await calling

    assert (told["agent"], told["turn"]) == ("look", 1)
    assert "I look first. ".startswith(told["last"])


async def test_a_call_that_is_cancelled_ends_its_request(server: ModelServer) -> None:
    calling = asyncio.create_task(call(of(server), "local:slow"))
    await server.shown.wait()
    calling.cancel()

    with pytest.raises(asyncio.CancelledError):
        await calling


@pytest.mark.parametrize(
    ("model", "kind", "says"),
    [
        ("nobody:m", "ModelUnknown", "name a provider that LangChain knows"),
        ("anthropic:claude", "ModelNotInstalled", "pip install langchain-anthropic"),
        ("openai:gpt-5", "ModelAccessDenied", "set the provider's key"),
    ],
)
async def test_what_the_worker_lacks_is_said(server: ModelServer, model: str, kind: str, says: str) -> None:
    error = await failure(of(server), model)

    assert (error.type, error.non_retryable) == (kind, True), error.message
    assert says in error.message


async def test_without_the_extra_it_is_said_what_to_install(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chat, "_kept", OrderedDict())
    monkeypatch.delitem(sys.modules, "advanced_workflow.activities.agents.chat_models", raising=False)
    monkeypatch.setitem(sys.modules, "langchain.chat_models", None)

    error = await failure(of(server), "local:m")

    assert (error.type, error.non_retryable) == ("ModelNotInstalled", True)
    assert 'pip install "advanced-workflow[agents]"' in error.message
