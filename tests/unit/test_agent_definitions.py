"""What `check` says of agents, and what a model is shown of their tools."""

from __future__ import annotations

from typing import Any

import pytest

from advanced_workflow.workflows.definition.check.catalog import ActionInfo
from advanced_workflow.workflows.definition.check.check import check
from advanced_workflow.workflows.definition.check.tools import pinned_tools
from advanced_workflow.workflows.definition.versions import Definitions
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow
from advanced_workflow.workflows.plain.interpolation import expressions_in, interpolated

PAY: Any = {
    "type": "object",
    "properties": {
        "tenant": {"type": "string", "title": "Tenant"},
        "title": {"$ref": "#/$defs/Title"},
        "tree": {"$ref": "#/$defs/Tree"},
    },
    "required": ["tenant", "title"],
    "additionalProperties": False,
    "$defs": {
        "Title": {"type": "string", "title": "Title", "maxLength": 9},
        "Tree": {"type": "object", "properties": {"left": {"$ref": "#/$defs/Tree"}}},
    },
}
ACTIONS = {
    "pay": ActionInfo("pay", description="Pays.", input_schema=PAY, guide="Pays.\n\nAt once."),
    "other": ActionInfo("other"),
    "undo": ActionInfo("undo"),
}
CHILD = {"workflow_id": "child", "description": "Does more.", "steps": [{"step_id": "a", "action": "undo"}]}


def workflow(*tools: Any, **agent: Any) -> AdvancedWorkflow:
    step = {"step_id": "look", "step_type": "react", "agent": {"model": "m", "tools": list(tools), **agent}}
    return AdvancedWorkflow.model_validate({"workflow_id": "w", "steps": [step]})


def problems(found: AdvancedWorkflow) -> list[tuple[str, str]]:
    child = AdvancedWorkflow.model_validate(CHILD)
    return [(one.code, one.path.removeprefix("steps[0].agent.")) for one in check(found, ACTIONS, {"child": child})]


@pytest.mark.parametrize(
    ("tools", "agent", "expected"),
    [
        (["pay", {"workflow": "child"}], {}, []),
        (["nope"], {}, [("unknown_action", "tools[0]")]),
        ([{"name": "ask", "approval": {"approvers": ["ann", "bob"]}}], {}, []),
        ([{"name": "ask", "approval": {}}], {"approve_tools": ["ask"]}, [("meaningless_field", "approve_tools[0]")]),
        (
            [{"name": "ask", "approval": {}, "approve": True, "timeout": 5}],
            {},
            [("meaningless_field", "tools[0].approve"), ("meaningless_field", "tools[0].timeout")],
        ),
        ([{"workflow": "nope"}], {}, [("unknown_workflow", "tools[0].workflow")]),
        (["pay", {"action": "pay", "approve": True}], {}, [("duplicate_id", "tools[1]")]),
        ([{"action": "pay", "name": "model"}], {}, [("reserved_name", "tools[0]")]),
        (["other"], {}, [("missing_field", "tools[0].parameters")]),
        ([{"action": "other", "parameters": {"type": "object"}}], {}, []),
        ([{"action": "pay", "parameters": {"type": "array"}}], {}, [("invalid_schema", "tools[0]")]),
        (
            [{"action": "pay", "input_mapping": {"tenan": "input.x"}}],
            {},
            [("unknown_parameter", "tools[0].input_mapping.tenan")],
        ),
        (
            [{"action": "pay", "input_mapping": {"tenant": "call.x + nope"}}],
            {},
            [("bad_expression", "tools[0].input_mapping.tenant")],
        ),
        ([{"action": "pay", "approve": "call.tenant"}], {}, []),
        ([{"action": "pay", "approve": "'always'"}], {}, [("bad_expression", "tools[0].approve")]),
        (
            [{"action": "pay", "approve": True, "approval": {"approvers": ["ann"], "required": 2}}],
            {},
            [("quorum_unreachable", "tools[0].approval.required")],
        ),
        (
            [{"action": "pay", "approval": {"approvers": ["ann", "bob"]}}],
            {},
            [("meaningless_field", "tools[0].approval")],
        ),
        (["pay"], {"approve_tools": ["pay", "py"]}, [("wrong_value", "approve_tools[1]")]),
        ([{"workflow": "child", "execution": "local"}], {}, [("meaningless_field", "tools[0].execution")]),
        ([{"action": "pay", "execution": "local", "timeout": 60}], {}, [("local_execution", "tools[0].timeout")]),
        ([{"action": "pay", "rollback_actions": ["nope"]}], {}, [("unknown_action", "tools[0].rollback_actions[0]")]),
        ([{"webhook": {"url": "'https://x/' + call.id"}, "name": "tell", "parameters": {"type": "object"}}], {}, []),
        ([{"webhook": {"url": "'https://x/'"}, "name": "tell"}], {}, [("missing_field", "tools[0].parameters")]),
        (
            [{"agent": {"model": "m", "prompt": "call.task", "tools": ["pay", "pay"]}, "name": "sub"}],
            {},
            [("duplicate_id", "tools[0].agent.tools[1]")],
        ),
        (
            [{"agent": {"model": "m", "tools": ["nope"]}, "name": "sub"}],
            {},
            [("unknown_action", "tools[0].agent.tools[0]")],
        ),
        (
            [{"agent": {"model": "m", "tools": ["other"]}, "name": "s"}],
            {},
            [("missing_field", "tools[0].agent.tools[0].parameters")],
        ),
        (["pay"], {"output_schema": {"type": 3}}, [("invalid_schema", "output_schema")]),
        (["pay"], {"instructions": "{{ input. }}"}, [("bad_expression", "instructions")]),
        (["pay"], {"instructions": "{{ call.x }}"}, [("bad_expression", "instructions")]),
    ],
)
def test_what_is_wrong_with_an_agent_is_told_at_its_place(
    tools: list[Any], agent: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    found = [one for one in problems(workflow(*tools, **agent)) if one[0] != "no_deadline"]

    assert sorted(code for code, _ in found) == sorted(code for code, _ in expected)
    assert [place for code, place in expected if place and (code, place) not in found] == []


def test_a_model_sees_what_is_not_bound_without_titles_and_references() -> None:
    bound = {"action": "pay", "input_mapping": {"tenant": "input.tenant"}}
    shown = pinned_tools(
        workflow(bound, {"workflow": "child"}), ACTIONS, Definitions([AdvancedWorkflow.model_validate(CHILD)])
    )

    assert shown["look.pay"] == {
        "name": "pay",
        "description": "Pays.\n\nAt once.",
        "parameters": {
            "type": "object",
            "properties": {"title": {"type": "string", "maxLength": 9}, "tree": {"$ref": "#/$defs/Tree"}},
            "required": ["title"],
            "additionalProperties": False,
            "$defs": {
                "Title": {"type": "string", "maxLength": 9},
                "Tree": {"type": "object", "properties": {"left": {"$ref": "#/$defs/Tree"}}},
            },
        },
    }
    assert shown["look.child"] == {"name": "child", "description": "Does more.", "parameters": {"type": "object"}}


def test_a_text_is_interpolated_once() -> None:
    text = "a {{ x }} b {{y}}{ {{ 'x' }}"

    assert expressions_in(text) == ["x", "y", "'x'"]
    assert interpolated(text, ["{{ y }}", "2", "3"]) == "a {{ y }} b 2{ 3"
