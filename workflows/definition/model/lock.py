"""Named locks of a run."""

from __future__ import annotations

from typing import Annotated

from advanced_workflow.workflows.definition.model.base import Count, ShortFormed
from advanced_workflow.workflows.definition.model.markers import Name, ShortForm


class Lock(ShortFormed):
    """A named lock of the run that a step holds while it runs; a bare string is the name. A container holds it as a whole."""

    name: Annotated[str, Name("the name of a lock"), ShortForm("Name of the lock.")]
    """Steps of the run that name the same lock share it."""
    max_concurrent: Count = 1
    """How many may hold it at a time; every step that names the lock must say the same."""
