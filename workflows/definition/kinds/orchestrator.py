"""`orchestrator` steps: a task-analysing agent graph."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, JsonValue

from advanced_workflow.workflows.definition.kinds.kind import Kind
from advanced_workflow.workflows.definition.model.base import DefinitionModel
from advanced_workflow.workflows.definition.model.markers import Expr, Trait
from advanced_workflow.workflows.definition.model.step_type import StepType


class Orchestrator(DefinitionModel):
    """A task-analysing agent graph (`orchestrator`)."""

    graph: str = "enterprise"
    """Name of a registered state graph."""
    task: Annotated[str, Expr(words=frozenset({""}))] = ""
    """Expression that gives the task."""
    config: dict[str, JsonValue] = Field(default_factory=dict)


KIND = Kind[Orchestrator](
    StepType.ORCHESTRATOR,
    frozenset({Trait.CALLS, Trait.TRIED, Trait.TAKES_INPUT}),
    field="orchestrator",
    runs=False,
)
