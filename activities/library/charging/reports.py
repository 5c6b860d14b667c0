"""What a station shows and tells: lights, events for other systems, tickets for support."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from advanced_workflow.activities.action.context import new_id
from advanced_workflow.activities.library.ledger import take_effect, undo_effect
from advanced_workflow.activities.library.namespaces import charging
from advanced_workflow.workflows.contract import UndoInput

LIGHT = "light"
TICKET = "ticket"
ANNOUNCEMENT = "announcement"


class Ticket(BaseModel):
    """Work for support."""

    ticket_id: str
    station_id: str
    error: str


@charging.action
def set_light(
    station_id: str, light: str, color: Literal["red", "blue", "white"], mode: Literal["on", "flicker"]
) -> None:
    """Switch a light of the station (`main`, or a slot's number)."""
    take_effect(LIGHT, {"station_id": station_id, "light": light, "color": color, "mode": mode})


@charging.action
def reset_light(step: UndoInput) -> bool:
    """Switch it back; false where it was not switched."""
    return undo_effect(LIGHT, step)


@charging.action
def open_ticket(station_id: str, error: Annotated[str, Field(min_length=1)]) -> Ticket:
    """Ask support to look at the station."""
    ticket = Ticket(ticket_id=new_id("tkt"), station_id=station_id, error=error)
    return Ticket.model_validate(take_effect(TICKET, ticket.model_dump()))


@charging.action
def close_ticket(step: UndoInput) -> bool:
    """Tell support that it need not; false where it was not asked."""
    return undo_effect(TICKET, step)


@charging.action
def announce(event: Annotated[str, Field(min_length=1)], data: dict[str, Any]) -> None:
    """Publish an event for other systems. What was heard cannot be unheard: announce last."""
    take_effect(ANNOUNCEMENT, {"event": event, "data": data})
