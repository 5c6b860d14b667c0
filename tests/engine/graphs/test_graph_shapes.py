"""What users' graphs may be made of, and what becomes of those that go wrong: the step fails, and no run is ever stuck."""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.graphs.graph_runs import act, fails, graph_step, run
from tests.harness import Harness, definition


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
        ("not_finite", "DataInvalid", "last state.out[0]: nan is not JSON"),
        ("half_a_character", "DataInvalid", "last state.out[0]: the text has a lone surrogate"),
        ("raises_no_exception", "NodeEnded", "a node raised Odd"),
        ("circles", "NodeEnded", "waited for nothing"),
        ("forgets_one_that_fails", "Unlucky", "no luck"),
        ("no_fields", "DataInvalid", "its state is of type list"),
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


async def test_a_graph_that_writes_nothing_gives_an_empty_state(harness: Harness) -> None:
    step = {**graph_step("nothing"), "input_mapping": {}}

    outcome = await harness.run(
        definition(step, output={"out": "steps.flow.output"}), actions={"act": act, "fails": fails}
    )

    assert (outcome.failure, outcome.data) == (None, {"out": {}})


async def test_a_call_that_no_node_waits_for_has_ended_before_the_step_does(harness: Harness) -> None:
    outcome = await run(harness, "forgets")

    assert (outcome.failure, outcome.data) == (None, {"out": ["early"]})
    assert outcome.status_of("flow[0].act") == "completed"
