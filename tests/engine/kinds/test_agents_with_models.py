"""Agents of the real engine with the real model activity: a script, and a provider by HTTP that behaves badly."""

from __future__ import annotations

import pytest

from advanced_workflow.activities.agents.calls import ModelCalls
from advanced_workflow.activities.agents.endpoints import Endpoint, Endpoints
from advanced_workflow.activities.agents.pieces import Asked
from advanced_workflow.activities.agents.prices import Price, Prices
from advanced_workflow.activities.agents.scripts import Line, ScriptedCall, ScriptedFailure, script_of
from advanced_workflow.workflows.contract import ChatMessage
from tests.engine.models import tools_catalog
from tests.harness import Harness, Outcome, definition, outcome_of
from tests.model_server import model_server

KEY = "canary-key-7f3a9c"
SCRIPT = script_of(
    [
        {"calls": [{"name": "search_logs", "arguments": {"query": "'slow'"}}]},
        {
            "fail": {"type": "ModelAnswerInvalid", "attempts": 1},
            "answer": {"cause": "results.search_logs.cause", "turn": "turn"},
        },
    ]
)


def search_logs(query: str) -> dict[str, str]:
    """Search the logs."""
    return {"cause": f"pool ({query})"}


RETRIES = {"max_attempts": 3, "delay": 0.1}


async def run(
    harness: Harness, calls: ModelCalls, *, policy: dict[str, object] | None = None, **agent: object
) -> Outcome:
    step = {"step_id": "look", "step_type": "react", "agent": {"tools": ["search_logs"], "prompt": "'Why?'", **agent}}
    tools = {"search_logs": search_logs}
    async with harness.worker(tools, activities=[calls.call], catalog=tools_catalog(tools)):
        started = await harness.start(
            definition({**step, "retry_policy": policy or RETRIES}, output={"found": "steps.look.output"})
        )
        outcome = await outcome_of(started)
        said = await started.conversation("look")
    assert [one.role for one in said] == ["user", "assistant", "tool", "assistant"]
    assert ChatMessage.model_validate(said[2]).name == "search_logs"
    return outcome


async def test_an_agent_follows_a_script_with_typed_output(harness: Harness) -> None:
    schema = {"type": "object", "properties": {"cause": {"type": "string"}}, "required": ["cause"]}
    calls = ModelCalls(scripts={"triage": SCRIPT}, prices=Prices({"scripted:*": Price(input=1, output=1)}))

    outcome = await run(harness, calls, model="scripted:triage", output_schema=schema, max_cost=1)

    assert outcome.data == {"found": {"cause": "pool (slow)", "turn": 2}}


async def test_a_provider_that_refuses_is_followed_by_the_next_model_and_its_key_is_in_no_history(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADW_SECRET_MODEL", KEY)
    async with model_server() as server:
        calls = ModelCalls(Endpoints({"local": Endpoint(base_url=server.url, key="MODEL")}), scripts={"triage": SCRIPT})
        models = ["local:cutargs", "scripted:triage"]
        outcome = await run(harness, calls, model="local:401", fallback_models=models)

    assert outcome.data["found"] == '{"cause": "pool (slow)", "turn": 2}'
    # In each of two turns: the refused one once, the one whose answers are cut as often as the step says.
    assert [one["model"] for one in server.requests] == ["401", "cutargs", "cutargs", "cutargs"] * 2
    for history in await harness.histories():
        assert KEY not in history.to_json()
        assert "bad key {{key}}" in history.to_json()


async def test_a_model_whose_breaker_is_open_is_not_called_and_the_next_one_answers_at_once(harness: Harness) -> None:
    asked: list[str] = []

    def one(_: Asked) -> Line:
        asked.append("one")
        return Line(fail=ScriptedFailure())

    def two(seen: Asked) -> Line:
        asked.append("two")
        return (
            Line(calls=(ScriptedCall(name="search_logs", arguments={"query": "'x'"}),))
            if seen.turn == 1
            else Line(say="found")
        )

    calls = ModelCalls(scripts={"one": one, "two": two})
    breaker = {"failure_threshold": 2, "timeout": 600}
    outcome = await run(
        harness,
        calls,
        policy={"max_attempts": 2, "delay": 0.02, "circuit_breaker": breaker},
        model="scripted:one",
        fallback_models=["scripted:two"],
    )

    assert outcome.data == {"found": "found"}
    assert asked == ["one", "one", "two", "two"]
