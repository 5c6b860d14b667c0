"""`sequential` and `worker` steps: both run the action they name."""

from __future__ import annotations

from advanced_workflow.workflows.definition.kinds.kind import Kind
from advanced_workflow.workflows.definition.model.base import DefinitionModel
from advanced_workflow.workflows.definition.model.markers import Trait
from advanced_workflow.workflows.definition.model.step_type import StepType

SEQUENTIAL = Kind[DefinitionModel](StepType.SEQUENTIAL, frozenset(Trait))
WORKER = Kind[DefinitionModel](StepType.WORKER, frozenset(Trait))
