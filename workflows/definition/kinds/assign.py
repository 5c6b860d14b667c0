"""`assign` steps: data made of data, without an activity."""

from __future__ import annotations

from advanced_workflow.workflows.definition.kinds.kind import Kind
from advanced_workflow.workflows.definition.model.base import DefinitionModel
from advanced_workflow.workflows.definition.model.markers import Trait
from advanced_workflow.workflows.definition.model.step_type import StepType

KIND = Kind[DefinitionModel](StepType.ASSIGN, frozenset({Trait.TAKES_INPUT}), gives_its_input=True, drawn=("[/", "/]"))
