"""What runs when a step fails."""

from __future__ import annotations

from typing import Annotated

from advanced_workflow.workflows.definition.model.base import ShortFormed
from advanced_workflow.workflows.definition.model.markers import ShortForm, StepName


class ErrorHandler(ShortFormed):
    """A step that runs only when its owner fails; a bare string is the handler's step id."""

    handler: Annotated[str, StepName("handler"), ShortForm("Id of the step to run.")]
    """Id of the step to run."""
    on: tuple[str, ...] = ()
    """Error types it is for; empty means every type."""
