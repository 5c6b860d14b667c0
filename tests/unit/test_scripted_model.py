"""The scripted model says what its script says: by turn, by what holds, from what tools gave; and it needs no package."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from advanced_workflow.activities.agents import assembly
from advanced_workflow.activities.agents.calls import ModelCalls
from advanced_workflow.activities.agents.endpoints import Endpoint, Endpoints
from advanced_workflow.activities.agents.files import ModelFileInvalid
from advanced_workflow.activities.agents.pieces import Asked, Piece
from advanced_workflow.activities.agents.prices import Price, Prices
from advanced_workflow.activities.agents.scripts import Line, ScriptedCall, read_scripts, script_of
from advanced_workflow.workflows.contract import ChatMessage, ToolCall
from tests.unit.model_calls import call, environment, failure, nobody, result, user

TRIAGE = [
    {"when": "turn > 1 && last.error", "answer": {"cause": "'unknown'"}},
    {"say": "I look.", "calls": [{"name": "search_logs", "arguments": {"query": "task + ' errors'", "minutes": 30}}]},
    {"calls": [{"name": "restart", "arguments": {"service": "results.search_logs.service"}}]},
    {"answer": {"cause": "results.search_logs.cause", "turns": "turn"}},
]


def asked_for(name: str) -> ChatMessage:
    return ChatMessage(role="assistant", tool_calls=[ToolCall(id="c", name=name)])


def scripted(lines: Any, **more: Any) -> ModelCalls:
    return ModelCalls(scripts={"triage": written(lines)}, ask=nobody, **more)


def written(lines: Any) -> Any:
    return lines if callable(lines) else script_of(lines)


async def test_a_script_is_followed_turn_by_turn_with_what_tools_gave():
    calls = scripted(TRIAGE)
    found = result('{"service": "checkout", "cause": "pool"}')

    first = await call(calls, "scripted:triage", user("checkout"))
    second = await call(calls, "scripted:triage", user("checkout"), asked_for("search_logs"), found)
    third = await call(
        calls,
        "scripted:triage",
        *(user("checkout"), asked_for("search_logs"), found, asked_for("restart"), result("ok", name="restart")),
    )

    assert first.message == {
        "role": "assistant",
        "content": "I look.",
        "tool_calls": [
            {"id": "call_1_0", "name": "search_logs", "arguments": {"query": "checkout errors", "minutes": 30}}
        ],
    }
    assert (first.finish_reason, first.model) == ("tool_calls", "triage")
    assert second.message["tool_calls"][0]["arguments"] == {"service": "checkout"}
    assert third.message == {"role": "assistant", "content": '{"cause": "pool", "turns": 3}'}
    assert third.finish_reason == "stop"


async def test_what_holds_comes_before_whose_turn_it_is_and_the_last_line_is_said_again():
    calls = scripted(TRIAGE)
    late = [one for _ in range(7) for one in (asked_for("search_logs"), result('{"cause": "pool"}'))]

    failed = await call(calls, "scripted:triage", user(), asked_for("search_logs"), result("no", error=True))
    again = await call(calls, "scripted:triage", user(), *late)

    assert failed.message["content"] == '{"cause": "unknown"}'
    assert again.message["content"] == '{"cause": "pool", "turns": 8}'


async def test_a_function_is_a_script_and_sees_what_a_model_sees():
    def says(asked: Asked) -> Line:
        return Line(say=f"{asked.head.instructions} {len(asked.messages)} {asked.settings.temperature}")

    answer = await call(scripted(says), "scripted:triage", settings={"temperature": 0.5})

    assert answer.message["content"] == "Find out. 1 0.5"


async def test_the_view_of_the_request_is_what_is_shown():
    def says(asked: Asked) -> Line:
        return Line(say=" | ".join(one.content for one in asked.messages), calls=(ScriptedCall(name="search_logs"),))

    answer = await call(
        scripted(says),
        "scripted:triage",
        *(user("first"), asked_for("search_logs"), result("long"), asked_for("search_logs"), result("newer")),
        view={"skip": 1, "summary": "So far.", "cleared": 3, "ask": "Answer now."},
        answer_only=True,
    )

    text = answer.message["content"]
    assert text.startswith("Summary of the conversation so far:\nSo far. |  | [left out to save space")
    assert text.endswith("|  | newer | Answer now.")
    assert "tool_calls" not in answer.message
    assert answer.finish_reason == "stop"


async def test_failures_of_a_script_come_as_often_as_it_says():
    calls = scripted([{"fail": {"type": "ModelRateLimited", "attempts": 2, "retry_after": 7}, "say": "Now."}])

    error = await failure(calls, "scripted:triage", env=environment(attempt=2))
    answer = await call(calls, "scripted:triage", env=environment(attempt=3))

    assert (error.type, error.non_retryable) == ("ModelRateLimited", False)
    assert error.next_retry_delay is not None
    assert error.next_retry_delay.total_seconds() == 7
    assert answer.message["content"] == "Now."


async def test_half_arguments_and_a_cut_answer_are_as_from_any_model():
    calls = scripted(
        [
            {"calls": [{"name": "search_logs", "text": '{"query": "x'}]},
            {"calls": [{"name": "search_logs"}], "finish_reason": "length"},
        ]
    )

    half = await call(calls, "scripted:triage")
    cut = await call(calls, "scripted:triage", user(), asked_for("search_logs"), result("x"))

    assert half.message["tool_calls"][0]["error"].startswith("the arguments is not valid JSON")
    assert half.message["tool_calls"][0]["text"] == '{"query": "x'
    assert (cut.finish_reason, cut.message) == ("length", {"role": "assistant"})


async def test_tokens_and_cost_are_what_the_script_and_the_price_table_say():
    prices = Prices({"scripted:*": Price(input=1, output=10), "scripted:tri*": Price(input=2, output=20)})
    calls = scripted([{"say": "x", "input_tokens": 1_000_000, "output_tokens": 500_000}], prices=prices)

    answer = await call(calls, "scripted:triage")

    assert (answer.usage.input_tokens, answer.usage.output_tokens, answer.cost) == (1_000_000, 500_000, 12.0)
    assert (await call(scripted([{"say": "x"}]), "scripted:triage")).cost is None


@pytest.mark.parametrize(
    ("model", "says"),
    [
        ("scripted:other", "has no script 'other'. It has: triage. ADW_MODEL_SCRIPTS"),
        ("triage", "has no provider before it; write PROVIDER:MODEL"),
    ],
)
async def test_a_model_that_is_not_there_is_told_for_good(model: str, says: str):
    error = await failure(scripted(TRIAGE), model)

    assert says in error.message
    assert error.non_retryable


async def test_a_script_whose_expression_fails_names_it():
    error = await failure(scripted([{"answer": "results.missing.x"}]), "scripted:triage")

    assert error.type == "ModelRequestRefused"
    assert "script 'triage'" in error.message
    assert "missing" in error.message


def test_scripts_are_read_from_folders_and_told_by_file_and_line(tmp_path: Path):
    (tmp_path / "one.yaml").write_text("- say: Hello.\n")
    (tmp_path / "two.json").write_text('[{"answer": {"a": "turn"}}]')
    (tmp_path / "README.md").write_text("x")
    assert sorted(read_scripts([tmp_path])) == ["one", "two"]

    for text, says in [
        ("- shout: x\n", "0.shout: there is no such field"),
        ("- answer: turn +\n", "0"),
        ("[]", "the file"),
        ("- say: [\n", "line"),
        ("- say: x\n  say: y\n", "line 2"),
        ("- when: steps.a\n  say: x\n", "steps"),
    ]:
        (tmp_path / "one.yaml").write_text(text)
        with pytest.raises(ModelFileInvalid, match="ADW_MODEL_SCRIPTS") as caught:
            read_scripts([tmp_path])
        assert "one.yaml" in str(caught.value)
        assert says in str(caught.value)
    (tmp_path / "one.yaml").write_text("- say: Hello.\n")
    (tmp_path / "one.json").write_text('[{"say": "x"}]')
    with pytest.raises(ModelFileInvalid, match="two files are script 'one'"):
        read_scripts([tmp_path])
    with pytest.raises(ModelFileInvalid, match="there is no folder"):
        read_scripts([tmp_path / "missing"])


def test_a_script_without_lines_is_none():
    with pytest.raises(ValidationError):
        script_of([])


async def test_a_request_is_ended_when_its_answer_is_given_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(assembly, "LARGEST_ANSWER", 100)
    ended = asyncio.Event()

    class Endless:
        async def stream(self, asked: Asked) -> AsyncGenerator[Piece, None]:
            try:
                while True:
                    yield Piece(text="x" * 10)
            finally:
                ended.set()

    calls = ModelCalls(Endpoints({"local": Endpoint(base_url="http://h")}), ask=nobody, chat=lambda *_: Endless())

    assert (await failure(calls, "local:m")).type == "ModelAnswerInvalid"
    assert ended.is_set()
