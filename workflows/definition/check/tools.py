"""What the model of an agent is shown of its tools: made once, when a run is prepared, and pinned with its definition."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any, Final, cast

from advanced_workflow.workflows.definition.check.catalog import ActionCatalog
from advanced_workflow.workflows.definition.kinds.react import Tool
from advanced_workflow.workflows.definition.model.base import Schema
from advanced_workflow.workflows.definition.tools import acting, tool_steps
from advanced_workflow.workflows.definition.versions import Definitions
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow

_DEEPEST = 50
"""References in each other that are written out; those that go on for ever stay references."""
_MOST_PARTS = 20_000
"""Parts of a schema that is written out; one that would have more keeps its references."""
_REFERENCE = "#/$defs/"
_TASK: Final[Schema] = {
    "type": "object",
    "properties": {"task": {"type": "string", "description": "What is to be done."}},
    "required": ["task"],
    "additionalProperties": False,
}
"""What an agent is given where its tool says nothing else."""
_QUESTION: Final[Schema] = {
    "type": "object",
    "properties": {"question": {"type": "string", "description": "What people are asked."}},
    "required": ["question"],
    "additionalProperties": False,
}
"""What people are given."""


def full_schema(tool: Tool, actions: ActionCatalog, definitions: Definitions) -> Schema | None:
    """JSON Schema of all that a tool takes, the mapped parameters included; None where nothing is known of it."""
    if tool.parameters:
        return tool.parameters
    if tool.agent is not None:
        return _TASK
    if tool.is_people:
        return _QUESTION
    if tool.webhook is not None or tool.mcp is not None:
        return {"type": "object"}  # Of an MCP tool the server says more when a run begins.
    if tool.action is not None:
        info = actions.get(tool.action)
        return info.input_schema if info is not None else None
    child = definitions.find(tool.workflow, tool.workflow_version)
    return None if child is None else child.input_schema or {"type": "object"}


def described(tool: Tool, actions: ActionCatalog, definitions: Definitions) -> str:
    """What the model reads about a tool."""
    if tool.description:
        return tool.description
    if tool.action is not None:
        info = actions.get(tool.action)
        return info.guide or info.description if info is not None else ""
    if tool.is_people and tool.approval is not None:
        return tool.approval.prompt or "Asks people, and waits for what they decide."
    child = definitions.find(tool.workflow, tool.workflow_version)
    return child.description or child.label if child is not None else ""


def shown_schema(tool: Tool, schema: Schema) -> Schema:
    """The part of a tool's schema that the model sees: without titles and references, and without what is bound."""
    shown = _written(schema)
    bound = tool.input_mapping.keys()
    properties: object = shown.get("properties")
    if isinstance(properties, dict):
        shown["properties"] = {
            name: part for name, part in cast("dict[str, Any]", properties).items() if name not in bound
        }
    required: object = shown.get("required")
    if isinstance(required, list):
        shown["required"] = [name for name in cast("list[Any]", required) if name not in bound]
    return {"type": "object", **shown}


class _TooLarge(Exception):
    """Written out, a schema would be larger than any model reads: references in references multiply."""


class _Writing:
    """Writes one schema without titles and references."""

    def __init__(self, definitions: object) -> None:
        self._definitions = definitions
        self._left = _MOST_PARTS

    def plain(self, part: object, depth: int = 0) -> object:
        self._left -= 1
        if self._left < 0:
            raise _TooLarge
        if isinstance(part, list):
            return [self.plain(one, depth) for one in cast("list[object]", part)]
        if not isinstance(part, dict):
            return part
        fields = cast("dict[str, object]", part)
        named = _named(fields.get("$ref"), self._definitions)
        if named is not None and depth < _DEEPEST and not _leads_to_itself(fields["$ref"], named, self._definitions):
            beside = {name: value for name, value in fields.items() if name != "$ref"}
            return self.plain({**named, **beside}, depth + 1)
        return {
            name: self._fields(value, depth) if name in _FREE else self.plain(value, depth)
            for name, value in fields.items()
            if not (name == "title" and isinstance(value, str))
        }

    def _fields(self, part: object, depth: int) -> object:
        if not isinstance(part, dict):
            return part
        return {name: self.plain(value, depth) for name, value in cast("dict[str, object]", part).items()}


def _written(schema: Schema) -> Schema:
    try:
        shown = cast("dict[str, Any]", _Writing(schema.get("$defs")).plain(schema))
    except _TooLarge:
        return dict(schema)
    if "$defs" in schema and _REFERENCE not in str(shown):
        shown.pop("$defs", None)
    return shown


_FREE = frozenset({"properties", "$defs", "patternProperties", "dependentSchemas"})
"""Keywords whose members have free names, `title` among them."""


def _named(reference: object, definitions: object) -> dict[str, object] | None:
    if not isinstance(reference, str) or not reference.startswith(_REFERENCE) or not isinstance(definitions, Mapping):
        return None
    found = cast("Mapping[str, object]", definitions).get(reference.removeprefix(_REFERENCE))
    return cast("dict[str, object]", found) if isinstance(found, dict) else None


def _leads_to_itself(reference: object, part: object, definitions: object) -> bool:
    """Whether what a reference names uses it again: written out it would have no end."""
    seen: Set[str] = set()
    waiting = [part]
    while waiting:
        for name in _references_in(waiting.pop()):
            if name == reference:
                return True
            if name not in seen:
                seen.add(name)
                waiting.append(_named(name, definitions))
    return False


def _references_in(part: object) -> list[str]:
    if isinstance(part, list):
        return [name for one in cast("list[object]", part) for name in _references_in(one)]
    if not isinstance(part, dict):
        return []
    fields = cast("dict[str, object]", part)
    own = [fields["$ref"]] if isinstance(fields.get("$ref"), str) else []
    return [*cast("list[str]", own), *(name for one in fields.values() for name in _references_in(one))]


def pinned_tools(
    workflow: AdvancedWorkflow, actions: ActionCatalog, definitions: Definitions
) -> dict[str, dict[str, Any]]:
    """What the models of a definition's agents are shown, by the ids of the tools' steps: name, description, parameters."""
    shown: dict[str, dict[str, Any]] = {}
    for _, agent in acting(workflow):
        for tool, step in tool_steps(agent):
            shown[step.step_id] = {
                "name": tool.label,
                "description": described(tool, actions, definitions),
                "parameters": shown_schema(tool, full_schema(tool, actions, definitions) or {}),
            }
    return shown
