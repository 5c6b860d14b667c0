"""Rules about the tools of an agent and the workers of an orchestrator, where actions and definitions are at hand: they exist, and take what is bound."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from advanced_workflow.workflows.definition.check.catalog import ActionCatalog
from advanced_workflow.workflows.definition.check.rules.local import local_problems
from advanced_workflow.workflows.definition.check.rules.sub_workflow import named_child_problems
from advanced_workflow.workflows.definition.check.tools import full_schema
from advanced_workflow.workflows.definition.graph.outline import Placement
from advanced_workflow.workflows.definition.kinds.orchestrator import ENTERPRISE
from advanced_workflow.workflows.definition.kinds.react import Tool
from advanced_workflow.workflows.definition.problems.codes import Code
from advanced_workflow.workflows.definition.problems.places import Loc, listed, nearest, problem
from advanced_workflow.workflows.definition.problems.problem import Problem
from advanced_workflow.workflows.definition.step import WorkflowStep
from advanced_workflow.workflows.definition.tools import named_tools, tool_step
from advanced_workflow.workflows.definition.versions import Definitions
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow


def tool_problems(
    placement: Placement, workflow: AdvancedWorkflow, actions: ActionCatalog | None, definitions: Definitions | None
) -> Iterator[Problem]:
    """Everything about the tools of one step that is more than their own fields say."""
    field, named = named_tools(placement.step)
    for index, tool in enumerate(named):
        loc: Loc = (*placement.loc, *field, index)
        step = tool_step(placement.step.step_id, tool)
        as_step = Placement(step, loc, placement.graph, placement.number)
        yield from local_problems(as_step, workflow)
        yield from tool_problems(as_step, workflow, actions, definitions)
        if definitions is not None:
            yield from named_child_problems(as_step, definitions)
        known = definitions is not None if tool.workflow is not None else actions is not None
        if known and not _is_called_by_code(placement.step):
            yield from _schema_problems(tool, loc, actions or {}, definitions or Definitions())


def _is_called_by_code(step: WorkflowStep) -> bool:
    """Whether the nodes of a user's graph call it, and no model is told of it."""
    return step.orchestrator is not None and step.orchestrator.graph != ENTERPRISE


def _schema_problems(tool: Tool, loc: Loc, actions: ActionCatalog, definitions: Definitions) -> Iterator[Problem]:
    if tool.action is not None and tool.action not in actions and tool.agent_capability is None:
        return  # That is a problem of its own.
    if tool.workflow is not None and definitions.find(tool.workflow, tool.workflow_version) is None:
        return
    schema = full_schema(tool, actions, definitions)
    if schema is None:
        message = f"nothing is known here of what action {tool.action!r} takes, and the model must be told."
        yield problem(Code.MISSING_FIELD, (*loc, "parameters"), message, "Write 'parameters', a JSON Schema.")
        return
    properties: object = schema.get("properties", {})
    if schema.get("type", "object") != "object" or not isinstance(properties, dict):
        message = f"tool {tool.label!r} takes no object, and a model gives its arguments by name."
        yield problem(Code.INVALID_SCHEMA, loc, message, "Use an action with named parameters.")
        return
    names = list(cast("dict[str, object]", properties))
    for name in tool.input_mapping:
        if name not in names and schema.get("additionalProperties") is False:
            message = f"tool {tool.label!r} has no parameter {name!r}."
            fix = nearest(name, names) or f"It has: {listed(names) or 'none'}."
            yield problem(Code.UNKNOWN_PARAMETER, (*loc, "input_mapping", name), message, fix)
