"""What is seen of an agent while it works, on a real server: last words, turn, calls, spans."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from temporalio.client import Client

from advanced_workflow.activities.agents.calls import ModelCalls
from advanced_workflow.activities.agents.pieces import Asked, CallPiece, Piece
from advanced_workflow.activities.agents.scripts import script_of
from advanced_workflow.client.dev.server import DevServer
from advanced_workflow.client.runs import Run
from advanced_workflow.client.telemetry.tracing import TracingInterceptor
from advanced_workflow.client.watch import Snapshot, run_snapshots
from tests.engine.models import tools_catalog
from tests.harness import Harness, definition, eventually, outcome_of

WORDS = "the pool of connections"


class Slow:
    """A model that speaks until it is let on, and then calls a tool; its second answer is its last."""

    def __init__(self) -> None:
        self.go = asyncio.Event()

    async def stream(self, asked: Asked) -> AsyncGenerator[Piece, None]:
        if asked.messages[-1].role == "tool":
            yield Piece(text="done", finish_reason="stop")
            return
        while not self.go.is_set():
            yield Piece(text=f"{WORDS} ")
            await asyncio.sleep(0.2)
        call = CallPiece(index=0, id="c1", name="find", arguments='{"of": "checkout", "token": "canary"}')
        yield Piece(calls=(call,), finish_reason="tool_calls")


SECRET = {"type": "string", "writeOnly": True}
FIND = {
    "action": "find",
    "parameters": {"type": "object", "properties": {"of": {"type": "string"}, "token": SECRET, "tenant": {}}},
    "input_mapping": {"tenant": "'bound'"},
}


async def test_the_last_words_are_seen_while_a_model_answers_and_are_in_no_history(harness: Harness) -> None:
    model, found = Slow(), asyncio.Event()

    async def find(of: str, token: str, tenant: str) -> str:
        await found.wait()
        return f"{of} {len(token)} {tenant}"

    tools = {"find": find}
    calls = ModelCalls(chat=lambda *_: model)
    agent = {"model": "test:slow", "tools": [FIND], "prompt": "'Why?'"}
    async with harness.worker(tools, activities=[calls.call], catalog=tools_catalog(tools)):
        run = await harness.start(definition({"step_id": "look", "step_type": "react", "agent": agent}))

        [seen] = await eventually(lambda: agents_that_speak(run))
        assert (seen.path, seen.turn, seen.turns, seen.calls) == ("look", 1, 0, [])
        assert seen.last.endswith(f"{WORDS} ")
        snapshot = await first(run, lambda one: any(attempt.progress for attempt in one.attempts.values()))
        [attempt] = [one for one in snapshot.attempts.values() if one.progress]
        assert attempt.progress is not None
        assert (attempt.path, attempt.progress.model, attempt.progress.turn) == ("look[0].model", "test:slow", 1)
        assert WORDS not in (await run.handle.fetch_history()).to_json()

        model.go.set()
        [seen] = await eventually(lambda: agents_with_calls(run))
        assert (seen.turn, seen.turns, seen.calls, seen.last) == (1, 1, ["find(of=checkout)"], "")
        found.set()
        outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message
    rows = [one.user_metadata.summary.data.decode() for one in (await run.handle.fetch_history()).events]
    assert '"turn 1: find(of=checkout)"' in rows


async def agents_that_speak(run: Run) -> Any:
    return [one for one in (await run.progress()).agents if one.last]


async def agents_with_calls(run: Run) -> Any:
    return [one for one in (await run.progress()).agents if one.calls]


async def first(run: Run, wanted: Any) -> Snapshot:
    async with aclosing(run_snapshots(run)) as snapshots:
        async for snapshot in snapshots:
            if wanted(snapshot):
                return snapshot
    raise AssertionError("it ended before")


SCRIPT = script_of(
    [
        {
            "calls": [
                {"name": "find", "arguments": {"of": "'checkout'"}},
                {"name": "helper", "arguments": {"task": "'x'"}},
            ]
        },
        {"say": "done"},
    ]
)


async def test_an_agent_is_a_span_with_its_model_calls_and_tools_below_it(server: DevServer) -> None:
    exporter = InMemorySpanExporter()
    tracing = TracingInterceptor(SimpleSpanProcessor(exporter))
    harness = Harness(await Client.connect(server.address, interceptors=[tracing]))
    tools = {"find": lambda of: of, "next": lambda: None}
    calls = ModelCalls(scripts={"a": SCRIPT, "b": script_of([{"say": "ok"}])}, tracer=tracing.tracer)
    agent = {"model": "scripted:a", "tools": ["find", {"name": "helper", "agent": {"model": "scripted:b"}}]}
    loop = {"step_id": "again", "step_type": "loop", "action": "next", "dependencies": ["look"]}
    loop["loop_condition"] = "iteration < 1"
    async with harness.worker(tools, activities=[calls.call], catalog=tools_catalog(tools)):
        run = await harness.start(definition({"step_id": "look", "step_type": "react", "agent": agent}, loop))
        outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message
    assert tree(exporter.get_finished_spans()) == [
        "adw.model < invoke_agent helper",
        "adw.model < invoke_agent look",
        "adw.model < invoke_agent look",
        "again < run test",
        "chat a < adw.model",
        "chat a < adw.model",
        "chat b < adw.model",
        "execute_tool find < invoke_agent look",
        "find < execute_tool find",
        "invoke_agent helper < invoke_agent look",
        "invoke_agent look < run test",
        "next < again",
        "run test < start test",
        "start test < None",
    ]
    await harness.replay()


def tree(spans: Any) -> list[str]:
    """`name < parent's name` of each span, sorted."""

    def number(span: ReadableSpan) -> int:
        assert span.context is not None
        return span.context.span_id

    names = {number(one): one.name for one in spans}
    return sorted(f"{one.name} < {names.get(one.parent.span_id) if one.parent else None}" for one in spans)


@pytest.mark.parametrize("verdict", ["approve", "reject"])
async def test_people_are_a_tool_that_is_asked_with_the_words_of_the_model(harness: Harness, verdict: str) -> None:
    script = script_of(
        [
            {"calls": [{"name": "ask_ann", "arguments": {"question": "'May I?'"}}]},
            {"answer": {"decision": "last.data.?decision.orValue(last.data.error)", "by": "last.data.approver"}},
        ]
    )
    asks = {"name": "ask_ann", "approval": {"approvers": ["ann"], "deadline": 600}}
    agent = {"model": "scripted:a", "tools": [asks], "tool_errors": "fail"}
    calls = ModelCalls(scripts={"a": script})
    async with harness.worker({}, activities=[calls.call]):
        run = await harness.start(
            definition({"step_id": "look", "step_type": "react", "agent": agent}, output={"said": "steps.look.output"})
        )
        [asked] = await eventually(run.pending_approvals)
        assert asked.prompt == "ask_ann(question=May I?)"
        assert asked.subject == {"tool": "ask_ann", "arguments": {"question": "May I?"}, "call": "call_1_0"}
        decide = run.approve if verdict == "approve" else run.reject
        await decide("look.ask_ann", approver="ann", digest=asked.digest)
        outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message
    decision = "approved" if verdict == "approve" else "ApprovalRejected"
    assert outcome.data == {"said": f'{{"decision": "{decision}", "by": "ann"}}'}
