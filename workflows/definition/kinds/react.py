"""`react` steps: a reasoning-action agent."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from advanced_workflow.workflows.definition.kinds.kind import Kind
from advanced_workflow.workflows.definition.model.base import Count, DefinitionModel, Schema
from advanced_workflow.workflows.definition.model.markers import ActionName, Trait
from advanced_workflow.workflows.definition.model.step_type import StepType


class Agent(DefinitionModel):
    """A reasoning-action agent (`react`)."""

    model: str
    """Model name, as LangChain's `init_chat_model` takes it."""
    instructions: str = ""
    tools: Annotated[tuple[str, ...], ActionName()] = ()
    """Actions the agent may call."""
    max_turns: Count = 10
    max_tokens: Count | None = None
    max_cost: Annotated[float, Field(gt=0, strict=True)] | None = None
    """Upper bound of the cost, in the price list's currency."""
    approve_tools: tuple[str, ...] = ()
    """Tools whose every call needs a human approval."""
    answer_schema: Schema = Field(default_factory=dict)
    """JSON Schema of the final answer."""


KIND = Kind[Agent](
    StepType.REACT,
    frozenset({Trait.CALLS, Trait.TRIED, Trait.TAKES_INPUT}),
    field="agent",
    runs=False,
)
