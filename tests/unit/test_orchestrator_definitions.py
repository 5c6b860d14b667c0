from __future__ import annotations

from typing import Any

import pytest

from advanced_workflow.workflows.definition.check.catalog import ActionInfo
from advanced_workflow.workflows.definition.check.check import check
from advanced_workflow.workflows.definition.check.tools import pinned_tools
from advanced_workflow.workflows.definition.model.base import Schema
from advanced_workflow.workflows.definition.problems.codes import Code
from advanced_workflow.workflows.definition.tools import acting, models_of
from advanced_workflow.workflows.definition.versions import Definitions
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow
from advanced_workflow.workflows.engine.graph.plan import build_plan

TEXT: Schema = {
    "type": "object",
    "properties": {"text": {"type": "string"}},
    "required": ["text"],
    "additionalProperties": False,
}
ACTIONS = {name: ActionInfo(name, f"Does {name}.", TEXT) for name in ("search", "write", "send")}
SEND = {"action": "send", "sensitive": True}


def workflow(*workers: Any, step: dict[str, Any] | None = None, **fields: Any) -> AdvancedWorkflow:
    made = {
        "step_id": "plan",
        "step_type": "orchestrator",
        "orchestrator": {"workers": list(workers), **fields},
        **(step or {}),
    }
    return AdvancedWorkflow.model_validate({"workflow_id": "w", "steps": [made]})


def problems(made: AdvancedWorkflow) -> list[tuple[str, str]]:
    prefix = "steps[0].orchestrator."
    found = check(made, ACTIONS, {})
    return [(one.code, one.path.removeprefix(prefix)) for one in found if one.code != Code.NO_DEADLINE.value]


@pytest.mark.parametrize(
    ("workers", "fields", "expected"),
    [
        ([], {}, [("missing_field", "workers")]),
        (["search", {"action": "write", "input_mapping": {"text": "results.search.hits[0] + task"}}], {}, []),
        (["search", "search"], {}, [("duplicate_id", "workers[1]")]),
        (["serch"], {}, [("unknown_action", "workers[0]")]),
        ([{"action": "search", "name": "analyst"}], {}, [("reserved_name", "workers[0]")]),
        ([{"action": "search", "when": "result.x > 1"}], {}, [("bad_expression", "workers[0].when")]),
        ([{"action": "search", "when": "'yes'"}], {}, [("bad_expression", "workers[0].when")]),
        ([{"action": "search", "when": "call.n > 1"}], {}, []),
        (
            [{"action": "search", "input_mapping": {"txt": "task"}}],
            {},
            [("unknown_parameter", "workers[0].input_mapping.txt")],
        ),
        ([{"action": "search", "needs": ["writ"]}, "write"], {}, [("wrong_value", "workers[0].needs[0]")]),
        (
            [{"action": "search", "needs": ["write"]}, {"action": "write", "needs": ["search"]}],
            {},
            [("cycle", "workers[0].needs")],
        ),
        ([{"action": "search", "needs": ["search"]}], {}, [("cycle", "workers[0].needs")]),
        (["search"], {"analysis": "model"}, [("missing_field", "model")]),
        (["search"], {"strategies": ["react"]}, [("wrong_value", "strategies")]),
        (["search"], {"strategies": ["react"], "model": "m"}, []),
        ([SEND], {"strategies": ["parallel"]}, [("wrong_value", "workers[0].sensitive")]),
        (
            [{"action": "search", "when": "true"}],
            {"strategies": ["parallel"]},
            [("wrong_value", "workers[0].when")],
        ),
        (["search"], {"approve_plan": True, "strategies": ["parallel"]}, [("wrong_value", "approve_plan")]),
        ([SEND], {"approval": {"approvers": ["ann"], "required": 2}}, [("quorum_unreachable", "approval.required")]),
        (["search"], {"approval": {"approvers": ["ann", "bob"]}}, [("meaningless_field", "approval")]),
        (["search"], {"max_cost": 1}, [("meaningless_field", "max_cost")]),
        (["search"], {"task": "input."}, [("bad_expression", "task")]),
        (["search"], {"task": "results.x"}, [("bad_expression", "task")]),
        (
            [{"action": "search", "agent_capability": "far", "approval": {"approvers": ["ann", "bob"]}}],
            {},
            [("meaningless_field", "workers[0].approval")],
        ),
        (
            [{"agent": {"model": "m", "tools": ["nope"]}, "name": "a"}],
            {},
            [("unknown_action", "workers[0].agent.tools[0]")],
        ),
    ],
)
def test_what_is_wrong_with_an_orchestrator_is_told_at_its_place(
    workers: list[Any], fields: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    assert problems(workflow(*workers, **fields)) == expected


def test_what_an_orchestrator_does_by_itself_is_planned_and_looked_at_like_what_its_definition_names() -> None:
    made = workflow("search", SEND, model="m", analysis="model", step={"timeout": 7, "agent_capability": "gpu"})
    plan = build_plan(made, "sha-of-an-orchestrator").steps["plan"]

    assert list(plan.tools) == ["search", "send", "analyst", "react", "approval"]
    assert [one.step_id for _, one in acting(made)] == [
        "plan", "plan.search", "plan.send", "plan.analyst", "plan.react", "plan.react.search", "plan.react.send",
    ]  # fmt: skip
    assert list(models_of(made)) == ["m", "m"]
    assert (plan.tools["react"].step.timeout, plan.tools["react"].step.agent_capability) == (7, "gpu")
    agent = plan.tools["react"].step.agent
    assert agent is not None
    assert agent.approve_tools == ("send",)
    assert pinned_tools(made, ACTIONS, Definitions())["plan.search"]["parameters"]["required"] == ["text"]
    assert plan.repeats
    assert plan.ends_in_order
