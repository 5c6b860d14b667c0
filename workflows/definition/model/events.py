"""The events that a running step listens to."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import model_validator

from advanced_workflow.workflows.definition.model.base import DefinitionModel
from advanced_workflow.workflows.definition.model.markers import BOOL, Expr, ShortForm
from advanced_workflow.workflows.definition.model.roots import EVENT


class EventTrigger(DefinitionModel):
    """An event that a running step listens to; a bare string is the event's name. Events that came before do not count."""

    event: Annotated[str, ShortForm("Name of the event.")]
    """Name of the event."""
    match: Annotated[str | None, Expr(EVENT, gives=BOOL)] = None
    """Expression over `event` (the event's data) that must hold."""

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, data: object) -> object:
        return {"event": data} if isinstance(data, str) else data


class CancelOn(EventTrigger):
    """The event that ends a step, with all that runs inside of it; every running step that listens hears it."""

    outcome: Literal["skip", "complete", "fail"] = "skip"
    """How the step then counts: skipped (dependents go on only if another dependency completed), completed, or failed."""
