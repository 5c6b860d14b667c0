"""The events that a running step listens to."""

from __future__ import annotations

from typing import Annotated, Literal

from advanced_workflow.workflows.definition.model.base import ShortFormed
from advanced_workflow.workflows.definition.model.markers import BOOL, Expr, Name, ShortForm
from advanced_workflow.workflows.definition.model.roots import EVENT


class EventTrigger(ShortFormed):
    """An event that a running step listens to; a bare string is the event's name. Events that came before do not count."""

    event: Annotated[str, Name("the name of an event"), ShortForm("Name of the event.")]
    """Name of the event."""
    match: Annotated[str | None, Expr(EVENT, gives=BOOL)] = None
    """Expression over `event` (the event's data) that must hold."""


class CancelOn(EventTrigger):
    """The event that ends a step, with all that runs inside of it; every running step that listens hears it."""

    outcome: Literal["skip", "complete", "fail"] = "skip"
    """How the step then counts: skipped (dependents run only if another dependency completed), completed, or failed."""
