"""`parallel` steps: their nested steps at once, or a copy of them for each item."""

from __future__ import annotations

from advanced_workflow.workflows.definition.kinds.kind import Kind, always
from advanced_workflow.workflows.definition.model.base import DefinitionModel
from advanced_workflow.workflows.definition.model.step_type import StepType

KIND = Kind[DefinitionModel](
    StepType.PARALLEL,
    output=always(
        *("total_steps", "successful_steps", "failed_steps", "skipped_steps", "success_rate"),
        *("results", "failures"),
    ),
)
