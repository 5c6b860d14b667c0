"""`sub_workflow` steps: another definition, as a child run."""

from __future__ import annotations

from advanced_workflow.workflows.definition.kinds.kind import Kind
from advanced_workflow.workflows.definition.model.base import DefinitionModel
from advanced_workflow.workflows.definition.model.markers import Trait
from advanced_workflow.workflows.definition.model.step_type import StepType

KIND = Kind[DefinitionModel](StepType.SUB_WORKFLOW, frozenset({Trait.TRIED, Trait.TAKES_INPUT}), drawn=("[[", "]]"))
