"""What users' graphs may be made of, and what becomes of those that go wrong: the step fails, and no run is ever stuck."""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.graphs.graph_runs import run
from tests.harness import Harness


@pytest.mark.parametrize(
    ("name", "gives"),
    [
        ("fan", 21),
        ("multi", 5),
        ("send", 18),
        ("sub", 4),
        ("typed", 10),
        ("plain", ["plain", "Unlucky", 7]),
        ("module_state", ["round1!"]),
    ],
)
async def test_graphs_of_all_shapes_run(harness: Harness, name: str, gives: Any) -> None:
    for _ in range(2 if name == "module_state" else 1):
        outcome = await run(harness, name)
        assert outcome.failure is None, outcome.message
        out = outcome.data["out"]
        assert (len(out) if isinstance(gives, int) else out) == gives


@pytest.mark.parametrize(
    ("name", "type", "said"),
    [
        ("errors", "ValueError", "graph 'errors': ValueError: no good"),
        ("endless", "GraphLimitReached", "within 50 rounds"),
        ("uncaught", "Unlucky", "no luck"),
        ("unknown_worker", "UnknownWorker", "no worker 'acct'. Did you mean 'act'?"),
        ("clock", "RestrictedWorkflowAccessError", "time.time"),
        ("network", "RestrictedWorkflowAccessError", "socket"),
        ("leaves", "NodeEnded", "SystemExit"),
        ("cancels_itself", "NodeEnded", "cancelled itself"),
        ("threads", "NotImplementedError", "write async functions"),
        ("not_json", "DataInvalid", "is a set, which is not JSON"),
    ],
)
async def test_what_goes_wrong_in_a_graph_is_the_failure_of_its_step(
    harness: Harness, name: str, type: str, said: str
) -> None:
    outcome = await run(harness, name)
    assert outcome.failure == "WorkflowFailed"
    error = outcome.report.error
    assert error is not None
    assert (error.type, said in error.message) == (type, True), error.message
