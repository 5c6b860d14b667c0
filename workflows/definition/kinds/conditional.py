"""`conditional` steps: they decide which steps come next."""

from __future__ import annotations

from advanced_workflow.workflows.definition.kinds.kind import Kind, always
from advanced_workflow.workflows.definition.model.base import DefinitionModel
from advanced_workflow.workflows.definition.model.step_type import StepType

KIND = Kind[DefinitionModel](StepType.CONDITIONAL, output=always("routed"), drawn=("{", "}"))
