"""From what MCP servers offer to the tools that an agent has: pure, so that the same offers give the same tools.

Names and schemas come from outside: a name that models do not take gets another, a part of a schema that is not sound is left out (the
server looks at the arguments itself), and what is too much is refused with a sentence.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, cast

from advanced_workflow.activities.mcp.failures import McpError
from advanced_workflow.workflows.contract import McpFailure
from advanced_workflow.workflows.definition.kinds.react import RESERVED_TOOLS, Tool, usual_name
from advanced_workflow.workflows.definition.model.base import Schema
from advanced_workflow.workflows.definition.problems.places import listed, nearest
from advanced_workflow.workflows.definition.schema import schema_problems
from advanced_workflow.workflows.definition.tools import asks_servers, servers_of, with_tools
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow
from advanced_workflow.workflows.errors import DataInvalid
from advanced_workflow.workflows.plain.strict_json import encode
from advanced_workflow.workflows.plain.text import encodable, for_people

MOST_TOOLS = 128
"""Of one agent: more than that no model takes."""
MOST_BYTES = 256 * 1024
"""Of the schemas and descriptions of one server's tools together."""
MOST_OF_ALL = 768 * 1024
"""Of a definition with its tools."""
LONGEST_DESCRIPTION = 8_000
_LONGEST_NAME = 64
_LONGEST_OFFERED = 200
_DIGITS = 8


@dataclass(frozen=True, slots=True)
class Offer:
    """A tool as its server offers it."""

    name: str
    description: str
    schema: Mapping[str, Any]


Offers = Mapping[str, Sequence[Offer]]
"""What each server offers, by its name."""


def servers_to_ask(workflow: AdvancedWorkflow) -> set[str]:
    """The servers whose offers a run needs."""
    return {tool.mcp for _, tool in servers_of(workflow) if tool.is_open and tool.mcp is not None}


def pinned(workflow: AdvancedWorkflow, offers: Offers) -> AdvancedWorkflow:
    """The definition with each tool that is offered, by its name, with description and parameters.

    Raises:
        McpError: what a server offers does not go with what the definition says.
    """
    if not asks_servers(workflow):
        return workflow
    return with_tools(workflow, lambda tools: _given(tools, offers))


def require_small(definition: Mapping[str, Any]) -> None:
    """Raise `McpError` for a definition that no history would take with all of its tools, which stand in it twice."""
    size = len(encode(definition, "the definition"))
    if size > MOST_OF_ALL:
        raise _invalid(
            f"with the tools of its MCP servers the definition has {size:,} bytes, and {MOST_OF_ALL:,} are allowed; name those that are "
            "needed in 'include'."
        )


def _given(tools: Sequence[Tool], offers: Offers) -> Sequence[Tool]:
    if not any(tool.is_open for tool in tools):
        return tools
    named = {(tool.mcp, name) for tool in tools for name in ((tool.tool,) if tool.tool else tool.include)}
    found = [_Found(tool, offer) for tool in tools for offer in _chosen(tool, offers, named)]
    if len(found) > MOST_TOOLS:
        raise _invalid(
            f"an agent would have {len(found)} tools and may have {MOST_TOOLS}; name those it needs in 'include'."
        )
    names = _names(found)
    return [one.made(name) for one, name in zip(found, names, strict=True)]


@dataclass(frozen=True, slots=True)
class _Found:
    """A tool of the definition, and what its server says of it; nothing of one that is whole as it is."""

    tool: Tool
    offer: Offer | None

    def made(self, name: str) -> Tool:
        tool, offer = self.tool, self.offer
        if offer is None or tool.mcp is None:
            return tool
        parameters = dict(tool.parameters) or sound(offer.schema)
        update: dict[str, Any] = {
            "tool": offer.name,
            "name": name,
            "description": tool.description or _described(offer),
            "parameters": parameters,
        }
        if tool.is_set:
            taken = _properties(parameters)
            update["input_mapping"] = {key: value for key, value in tool.input_mapping.items() if key in taken}
        said = {field: getattr(tool, field) for field in tool.model_fields_set - {"include", "exclude", "prefix"}}
        return type(tool).model_construct(**{**said, **update})


def _described(offer: Offer) -> str:
    return for_people(offer.description, LONGEST_DESCRIPTION) or offer.name


def _chosen(tool: Tool, offers: Offers, named: Collection[tuple[str | None, str]]) -> Iterator[Offer | None]:
    """What of its server's offers is this tool's; a tool that another entry of the agent names is that one's alone."""
    if not tool.is_open or tool.mcp is None:
        yield None
        return
    offered = {one.name: one for one in sorted(offers[tool.mcp], key=lambda one: one.name)}
    wanted = (tool.tool,) if tool.tool is not None else tool.include
    for name in (*wanted, *tool.exclude):
        if name not in offered:
            known = list(offered)
            hint = nearest(name, known) or f"It has: {listed(known) or 'none'}."
            raise _invalid(f"MCP server {tool.mcp!r} has no tool {name!r}. {hint}")
    open_ones = (name for name in offered if name not in tool.exclude and (tool.mcp, name) not in named)
    chosen = [offered[name] for name in (wanted or open_ones)]
    _require_bounds(tool.mcp, chosen)
    _require_bound(tool, chosen)
    yield from chosen


def _require_bounds(server: str, chosen: Sequence[Offer]) -> None:
    size = 0
    for offer in chosen:
        if len(offer.name) > _LONGEST_OFFERED or encodable(offer.name) != offer.name or not offer.name.isprintable():
            raise _invalid(
                f"MCP server {server!r} has a tool whose name cannot be used, {for_people(offer.name, 50)!a}."
            )
        try:
            size += len(encode(offer.schema, "the schema")) + len(offer.description[:LONGEST_DESCRIPTION].encode())
        except DataInvalid as error:
            raise _invalid(
                f"the schema of tool {offer.name!r} of MCP server {server!r} cannot be used: {error}"
            ) from None
        if size > MOST_BYTES:
            raise _invalid(
                f"the schemas and descriptions of the tools of MCP server {server!r} have more than {MOST_BYTES:,} bytes; name those "
                "that are needed in 'include'."
            )


def _require_bound(tool: Tool, chosen: Sequence[Offer]) -> None:
    """What is mapped must go somewhere: a name with a typo would leave the choice to the model."""
    if not tool.is_set or not tool.input_mapping:
        return
    taken = {name for offer in chosen for name in _properties(sound(offer.schema))}
    for name in tool.input_mapping:
        if name not in taken:
            raise _invalid(f"no tool of MCP server {tool.mcp!r} that the agent is given has a parameter {name!r}.")


def _names(found: Sequence[_Found]) -> list[str]:
    """How the model calls each. Of tools that would have one name all get a longer one, so that none takes the place of another."""
    fixed = [None if one.offer is not None and one.tool.name is None else one.tool.label for one in found]
    for level in range(3):
        names = [name or _name(one, level) for one, name in zip(found, fixed, strict=True)]
        counts = Counter(names)
        fixed = [
            known or (name if counts[name] == 1 and name not in RESERVED_TOOLS else None)
            for known, name in zip(fixed, names, strict=True)
        ]
    return [name or _name(one, 2) for one, name in zip(found, fixed, strict=True)]


def _name(one: _Found, level: int) -> str:
    """The tool's own name with the prefix; on the next level with its server's name, then with digits that nobody else has."""
    offered = one.offer.name if one.offer is not None else ""
    prefixed = f"{one.tool.prefix}_{offered}" if one.tool.prefix else offered
    if level > 0 and not one.tool.prefix:
        prefixed = f"{one.tool.mcp}_{offered}"
    name = usual_name(prefixed)
    if level < 2 and len(prefixed) <= _LONGEST_NAME:
        return name
    digits = sha256(f"{one.tool.mcp}\n{offered}".encode()).hexdigest()[:_DIGITS]
    return f"{name[: _LONGEST_NAME - _DIGITS - 1]}_{digits}"


def sound(offered: Mapping[str, Any]) -> Schema:
    """The schema of a server's tool, without what is not sound in it."""
    schema = {name: part for name, part in offered.items() if name not in ("$schema", "$id")}
    schema = {**schema, "type": "object"}
    if not schema_problems(schema):
        return schema
    properties = schema.get("properties")
    held = cast("dict[str, Any]", properties) if isinstance(properties, dict) else {}
    beside = {name: schema[name] for name in ("$defs", "definitions") if name in schema}
    if schema_problems(beside):
        beside = {}
    kept: Schema = {**beside, "type": "object", "properties": {}}
    kept["properties"] = {name: _sound_part(part, beside) for name, part in held.items()}
    needed: object = schema.get("required")
    if isinstance(needed, list):
        kept["required"] = [name for name in cast("list[Any]", needed) if name in held]
    return kept if not schema_problems(kept) else {"type": "object"}


def _sound_part(part: object, beside: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a schema
    whole = isinstance(part, dict | bool) and not schema_problems({**beside, "properties": {"it": part}})
    if whole:
        return cast("object", part)
    said: object = cast("dict[str, Any]", part).get("description") if isinstance(part, dict) else None
    return {"description": said} if isinstance(said, str) else {}


def _properties(schema: Mapping[str, Any]) -> Collection[str]:
    properties: object = schema.get("properties")
    return list(cast("dict[str, object]", properties)) if isinstance(properties, dict) else []


def _invalid(message: str) -> McpError:
    return McpError(McpFailure.TOOLS_INVALID, message)
