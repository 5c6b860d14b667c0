"""A run of many histories is one trace, and each of its steps is told once."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from temporalio.client import Client

from advanced_workflow.client.dev.server import DevServer
from advanced_workflow.client.telemetry.tracing import TracingInterceptor
from tests.engine.hops import chain, cut_short, hop
from tests.engine.stage import Stage, act, deed, loop, reaches, waits
from tests.harness import Harness, definition, outcome_of

ROUNDS = 30


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
async def small(server: DevServer, exporter: InMemorySpanExporter) -> AsyncGenerator[Harness]:
    tracing = TracingInterceptor(SimpleSpanProcessor(exporter))
    harness = cut_short(Harness(await Client.connect(server.address, interceptors=[tracing])))
    yield harness
    await harness.replay()


async def test_a_run_of_many_histories_is_one_trace_that_tells_each_step_once(
    small: Harness, exporter: InMemorySpanExporter
) -> None:
    stage = Stage({"bad": 1})
    steps = [loop("rounds", deed("a"), rounds=ROUNDS), waits("go", "rounds"), act("bad", "go")]
    async with small.worker(stage.actions):
        run = await small.start(definition(*steps, workflow_id="long"))
        await reaches(run, "go", "waiting")
        await hop(run)
        await run.send_event("go")
        outcome = await outcome_of(run)

    assert outcome.failure == "WorkflowFailed"
    assert len(await chain(small, run)) >= 4
    spans = exporter.get_finished_spans()
    assert len({one.context.trace_id for one in spans if one.context}) == 1
    assert Counter(one.name for one in spans) == {
        "start long": 1,
        "run long": 1,
        "rounds": 1,
        "a": ROUNDS,
        "go": 1,
        "bad": 1,
        "undo a": ROUNDS,
        "work": ROUNDS + 1,
        "undo": ROUNDS,
    }
    paths = Counter((one.name, (one.attributes or {}).get("adw.path")) for one in spans if one.name in ("a", "undo a"))
    assert set(paths.values()) == {1}
    ids = {one.context.span_id for one in spans if one.context}
    assert all(one.parent.span_id in ids for one in spans if one.parent)
    [whole] = (one for one in spans if one.name == "run long")
    assert all((one.start_time or 0) >= (whole.start_time or 0) for one in spans if one.name in ("a", "undo a", "go"))
