"""The tools of an agent as steps: a call of a tool is run, retried, approved and undone as a step is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from advanced_workflow.workflows.definition.kinds.react import Tool
from advanced_workflow.workflows.definition.model.step_type import StepType
from advanced_workflow.workflows.definition.step import WorkflowStep

_SHARED = frozenset(Tool.model_fields) & frozenset(WorkflowStep.model_fields)
"""What a tool says in the words of a step."""


def tool_id(agent_id: str, tool: Tool) -> str:
    """The id of a tool's step: no step of a definition can have a dot in its own."""
    return f"{agent_id}.{tool.label}"


def tool_step(agent_id: str, tool: Tool) -> WorkflowStep:
    """The step that a call of the tool is."""
    said = tool.model_fields_set & _SHARED
    fields: dict[str, Any] = {name: value for name in said if (value := getattr(tool, name)) is not None}
    fields["step_id"] = tool_id(agent_id, tool)
    fields["name"] = tool.label
    fields["step_type"] = tool.step_type
    # Not validated again: its parts are, and its id is one that no definition may use.
    return WorkflowStep.model_construct(**fields)


def tool_steps(step: WorkflowStep) -> Iterator[tuple[Tool, WorkflowStep]]:
    """The tools of a step that is an agent, each with its step."""
    if step.step_type is StepType.REACT and step.agent is not None:
        for tool in step.agent.tools:
            yield tool, tool_step(step.step_id, tool)


def all_tool_steps(step: WorkflowStep) -> Iterator[WorkflowStep]:
    """The steps of all its tools, and of those that are agents themselves."""
    for _, tool in tool_steps(step):
        yield tool
        yield from all_tool_steps(tool)


def with_tools(step: WorkflowStep) -> tuple[WorkflowStep, ...]:
    """A step, and the steps of all tools in it: all that may act for it."""
    return (step, *all_tool_steps(step))
