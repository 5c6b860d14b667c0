"""Which step a decision is for."""

from __future__ import annotations

from typing import Any

import pytest

from advanced_workflow.workflows.contract import DecideRequest
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow
from advanced_workflow.workflows.engine.graph.plan import build_plan
from advanced_workflow.workflows.engine.people.approvals import Approvals
from advanced_workflow.workflows.engine.state.live_state import LiveState
from advanced_workflow.workflows.errors import DecisionRejected, UnknownStep
from tests.engine.stage import fan, loop, waits
from tests.harness import definition

OK: dict[str, Any] = {"step_id": "ok", "step_type": "human_approval"}


def approvals_of(definition: dict[str, Any]) -> tuple[Approvals, LiveState]:
    """Those of a run of which nothing has begun."""
    state = LiveState(build_plan(AdvancedWorkflow.model_validate(definition), repr(definition)), None, {})
    return Approvals(state, None, {}), state


@pytest.mark.parametrize(
    ("name", "refusal"),
    [
        ("f[7].ok", UnknownStep),
        ("f[03].ok", UnknownStep),
        ("f.ok", UnknownStep),
        ("f#1.ok", UnknownStep),
        ("nowhere.ok", UnknownStep),
        ("f[0].f[0].ok", UnknownStep),
        ("f[0].ok[0]", UnknownStep),
        ("f[0]", UnknownStep),
        ("go", UnknownStep),
        ("....ok", UnknownStep),
        ("x" * 100_000, UnknownStep),
        ("\ud800", UnknownStep),
        ("l#5.later", UnknownStep),
    ],
)
def test_a_path_that_cannot_be_is_refused_with_what_there_is(name: str, refusal: type[DecisionRejected]) -> None:
    approvals, state = approvals_of(
        definition(
            fan("f", "input", OK),
            waits("go"),
            loop("l", {**OK, "step_id": "later"}, after=["go"], loop_max_iterations=5),
            fan("g", "input", {**OK, "step_id": "third"}, after=["go"]),
        )
    )
    state.records["f"].cursor.update(items=[1, 2, 3], next=3, running=[0, 1, 2])
    with pytest.raises(refusal) as refused:
        approvals.check(DecideRequest(step_id=name, approver="ann", decision="approve"))
    assert len(str(refused.value)) < 500
    for possible in ("l#4.later", "f[2].ok", "g[9].third"):
        approvals.check(DecideRequest(step_id=possible, approver="ann", decision="approve"))
