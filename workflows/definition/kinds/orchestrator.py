"""`orchestrator` steps: a task-analysing agent graph."""

from __future__ import annotations

from pydantic import Field, JsonValue

from advanced_workflow.workflows.definition.model.base import DefinitionModel


class Orchestrator(DefinitionModel):
    """A task-analysing agent graph (`orchestrator`)."""

    graph: str = "enterprise"
    """Name of a registered state graph."""
    task: str = ""
    """Expression that gives the task."""
    config: dict[str, JsonValue] = Field(default_factory=dict)
