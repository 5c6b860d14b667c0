"""The tools of an agent as steps: a call of a tool is run, retried, approved and undone as a step is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from advanced_workflow.workflows.definition.graph.outline import Placement, outline
from advanced_workflow.workflows.definition.kinds.react import Tool
from advanced_workflow.workflows.definition.model.step_type import StepType
from advanced_workflow.workflows.definition.step import WorkflowStep
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow

_SHARED = frozenset(Tool.model_fields) & frozenset(WorkflowStep.model_fields)
"""What a tool says in the words of a step."""


def tool_step(agent_id: str, tool: Tool) -> WorkflowStep:
    """The step that a call of the tool is."""
    said = tool.model_fields_set & _SHARED
    fields: dict[str, Any] = {name: value for name in said if (value := getattr(tool, name)) is not None}
    fields["step_id"] = f"{agent_id}.{tool.label}"  # No step of a definition can have a dot in its own.
    fields["name"] = tool.label
    fields["step_type"] = tool.step_type
    # Not validated again: its parts are, and its id is one that no definition may use.
    return WorkflowStep.model_construct(**fields)


def tool_steps(step: WorkflowStep) -> Iterator[tuple[Tool, WorkflowStep]]:
    """The tools of a step that is an agent, each with its step."""
    if step.step_type is StepType.REACT and step.agent is not None:
        for tool in step.agent.tools:
            yield tool, tool_step(step.step_id, tool)


def acting(workflow: AdvancedWorkflow) -> Iterator[tuple[Placement, WorkflowStep]]:
    """All that may act for a run: each step of a definition, and each tool in it as a step, with the place of the definition's step."""
    for placement in outline(workflow).placements:
        for step in _with_tools(placement.step):
            yield placement, step


def _with_tools(step: WorkflowStep) -> Iterator[WorkflowStep]:
    yield step
    for _, tool in tool_steps(step):
        yield from _with_tools(tool)


def models_of(workflow: AdvancedWorkflow) -> Iterator[str]:
    """The models that a definition's agents name, those of agents in agents included."""
    for _, step in acting(workflow):
        if step.agent is not None:
            yield from step.agent.models
