"""`loop` steps: an action or a graph, again and again."""

from __future__ import annotations

from advanced_workflow.workflows.definition.kinds.kind import Kind, always
from advanced_workflow.workflows.definition.model.base import DefinitionModel
from advanced_workflow.workflows.definition.model.markers import Trait
from advanced_workflow.workflows.definition.model.step_type import StepType

KIND = Kind[DefinitionModel](StepType.LOOP, frozenset(Trait), output=always("iterations"), drawn=("(", ")"))
