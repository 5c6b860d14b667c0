"""From what MCP servers offer to the tools of an agent: names, schemas, bounds."""

from __future__ import annotations

from typing import Any

import pytest

from advanced_workflow.activities.mcp.failures import McpError
from advanced_workflow.activities.mcp.pins import MOST_BYTES, MOST_TOOLS, Offer, pinned, sound
from advanced_workflow.workflows.definition.check.check import check
from advanced_workflow.workflows.definition.check.tools import pinned_tools, shown_schema
from advanced_workflow.workflows.definition.kinds.react import Tool
from advanced_workflow.workflows.definition.problems.problem import errors_of
from advanced_workflow.workflows.definition.schema import schema_problems
from advanced_workflow.workflows.definition.versions import Definitions
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow

OBJECT = {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]}


def offers(*names: str, schema: dict[str, Any] = OBJECT) -> list[Offer]:
    return [Offer(name, f"Does {name}.", schema) for name in names]


def workflow(*tools: Any, **agent: Any) -> AdvancedWorkflow:
    step = {"step_id": "look", "step_type": "react", "agent": {"model": "scripted:x", "tools": list(tools), **agent}}
    return AdvancedWorkflow.model_validate({"workflow_id": "w", "steps": [step]})


def tools_of(made: AdvancedWorkflow) -> tuple[Tool, ...]:
    assert made.steps[0].agent is not None
    return made.steps[0].agent.tools


def names(made: AdvancedWorkflow) -> dict[str, tuple[str | None, str | None]]:
    return {tool.label: (tool.mcp, tool.tool) for tool in tools_of(made)}


def test_a_server_becomes_its_tools_whatever_their_order() -> None:
    one = workflow({"mcp": "a", "approve": True, "timeout": 5})

    made = pinned(one, {"a": offers("b", "a")})

    assert made == pinned(one, {"a": offers("a", "b")})
    assert [tool.model_dump(exclude_defaults=True) for tool in tools_of(made)] == [
        {
            "mcp": "a",
            "tool": name,
            "name": name,
            "description": f"Does {name}.",
            "parameters": OBJECT,
            "approve": True,
            "timeout": 5,
        }
        for name in ("a", "b")
    ]
    assert not errors_of(check(made, {}, {}))
    assert pinned(made, {}) is made, "what is pinned is asked for no more"


def test_what_one_entry_names_the_others_do_not_give() -> None:
    made = pinned(
        workflow({"mcp": "a"}, {"mcp": "a", "tool": "drop", "approve": True}, {"mcp": "a", "include": ["list"]}),
        {"a": offers("drop", "get", "list", "put")},
    )

    assert {tool.label: tool.approve for tool in tools_of(made)} == {
        "get": False,
        "put": False,
        "drop": True,
        "list": False,
    }


def test_a_server_cannot_take_the_name_of_the_tool_of_another() -> None:
    found = names(pinned(workflow({"mcp": "b"}, {"mcp": "a"}), {"a": offers("get", "x"), "b": offers("get", "a_get")}))

    assert found["x"] == ("a", "x")
    assert found["a_get"] == ("b", "a_get")
    assert found["b_get"] == ("b", "get")
    [other] = set(found) - {"x", "a_get", "b_get"}
    assert other.startswith("a_get_"), "so that no rule for one is a rule for the other"
    assert found[other] == ("a", "get")


def test_names_that_models_refuse_get_others() -> None:
    long = "x" * 90
    offered = offers("with space", "1st", "model", long + "a", long + "b", "größe")
    made = pinned(workflow({"mcp": "srv"}, {"mcp": "b", "prefix": "p"}), {"srv": offered, "b": offers("get")})

    found = names(made)
    assert not errors_of(check(made, {}, {}))
    assert {tool for _, tool in found.values()} == {one.name for one in offered} | {"get"}
    assert found["with_space"] == ("srv", "with space")
    assert found["_1st"] == ("srv", "1st")
    assert found["srv_model"] == ("srv", "model")
    assert found["p_get"] == ("b", "get")
    assert all(len(one) <= 64 for one in found)


@pytest.mark.parametrize(
    ("tool", "message"),
    [
        ({"mcp": "a", "include": ["gett"]}, "MCP server 'a' has no tool 'gett'. Did you mean 'get'?"),
        ({"mcp": "a", "exclude": ["gett"]}, "MCP server 'a' has no tool 'gett'. Did you mean 'get'?"),
        ({"mcp": "a", "tool": "other"}, "MCP server 'a' has no tool 'other'. It has: get."),
        (
            {"mcp": "a", "input_mapping": {"user": "input.user"}},
            "no tool of MCP server 'a' that the agent is given has a parameter 'user'.",
        ),
    ],
)
def test_what_a_definition_names_must_be_offered(tool: dict[str, Any], message: str) -> None:
    with pytest.raises(McpError) as caught:
        pinned(workflow(tool), {"a": offers("get")})

    assert (caught.value.type, caught.value.message) == ("McpToolsInvalid", message)
    assert caught.value.non_retryable


def test_what_is_bound_goes_to_the_tools_that_have_it_and_is_not_shown() -> None:
    offered = [Offer("one", "", OBJECT), Offer("two", "", {"type": "object"})]
    made = pinned(workflow({"mcp": "a", "input_mapping": {"id": "input.id"}}), {"a": offered})

    assert [tool.input_mapping for tool in tools_of(made)] == [{"id": "input.id"}, {}]
    assert pinned_tools(made, {}, Definitions())["look.one"]["parameters"] == {
        "type": "object",
        "properties": {},
        "required": [],
    }


def test_too_much_is_refused() -> None:
    many = workflow({"mcp": "a"})
    with pytest.raises(McpError, match=f"would have {MOST_TOOLS + 1} tools and may have {MOST_TOOLS}"):
        pinned(many, {"a": offers(*(f"t{n}" for n in range(MOST_TOOLS + 1)))})
    large = {"type": "object", "description": "x" * (MOST_BYTES // 2)}
    with pytest.raises(McpError, match="more than 262,144 bytes"):
        pinned(many, {"a": offers("a", "b", schema=large)})
    assert len(tools_of(pinned(workflow({"mcp": "a", "exclude": ["b"]}), {"a": offers("a", "b", schema=large)}))) == 1
    with pytest.raises(McpError, match="whose name cannot be used"):
        pinned(many, {"a": offers("a\nb")})


@pytest.mark.parametrize(
    ("offered", "kept"),
    [
        ({"$schema": "http://json-schema.org/draft-07/schema#", **OBJECT}, OBJECT),
        ({"properties": {"a": {"type": "string"}}}, {"type": "object", "properties": {"a": {"type": "string"}}}),
        (
            {
                "properties": {"a": {"pattern": "(?=x)", "description": "A."}, "b": {"$ref": "#/definitions/B"}},
                "definitions": {"B": {"type": "integer"}},
                "required": ["a", "c"],
            },
            {
                "type": "object",
                "properties": {"a": {"description": "A."}, "b": {"$ref": "#/definitions/B"}},
                "definitions": {"B": {"type": "integer"}},
                "required": ["a"],
            },
        ),
        ({"properties": {"a": {"$ref": "http://x/y"}}, "$defs": 5}, {"type": "object", "properties": {"a": {}}}),
        ({"properties": 7, "required": 3}, {"type": "object", "properties": {}}),
        ({"type": "array"}, {"type": "object"}),
    ],
)
def test_what_is_not_sound_in_a_schema_is_left_out(offered: dict[str, Any], kept: dict[str, Any]) -> None:
    assert sound(offered) == kept
    assert not schema_problems(kept)


def test_references_that_multiply_are_not_written_out() -> None:
    depth = 40
    definitions: dict[str, Any] = {
        f"d{n}": {"properties": {"a": {"$ref": f"#/$defs/d{n + 1}"}, "b": {"$ref": f"#/$defs/d{n + 1}"}}}
        for n in range(depth)
    }
    schema: dict[str, Any] = {
        "$defs": {**definitions, f"d{depth}": {"type": "string"}},
        "properties": {"x": {"$ref": "#/$defs/d0"}},
    }

    assert shown_schema(Tool(action="a"), schema) == {"type": "object", **schema}
