"""Booking a parcel with a carrier, and cancelling it.

Some carriers fail on purpose, as in the test modes of real services: `down` never takes a parcel, `flaky` takes it at the third
attempt, `silent` takes it and answers too late.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from advanced_workflow.activities.action import context
from advanced_workflow.activities.action.context import new_id
from advanced_workflow.activities.action.errors import ActionError
from advanced_workflow.activities.library.ledger import take_effect, undo_effect
from advanced_workflow.activities.library.namespaces import sagas
from advanced_workflow.activities.library.sagas.late import answer_late
from advanced_workflow.workflows.contract import UndoInput

SHIPMENT = "shipment"
FLAKY_FAILURES = 2


class BookedShipment(BaseModel):
    """A parcel the carrier knows of."""

    shipment_id: str
    reference: str
    carrier: str


class CarrierUnavailable(ActionError):
    """The carrier does not work now; it may later."""

    def __init__(self, carrier: str) -> None:
        """Name the carrier."""
        super().__init__(f"carrier {carrier!r} is not available")


@sagas.action
def book_shipping(
    reference: Annotated[str, Field(min_length=1)], carrier: Annotated[str, Field(min_length=1)]
) -> BookedShipment:
    """Book a parcel with a carrier."""
    if carrier == "down" or (carrier == "flaky" and context.attempt() <= FLAKY_FAILURES):
        raise CarrierUnavailable(carrier)
    booked = BookedShipment(shipment_id=new_id("shp"), reference=reference, carrier=carrier)
    answer = take_effect(SHIPMENT, booked.model_dump())
    if carrier == "silent":
        answer_late()
    return BookedShipment.model_validate(answer)


@sagas.action
def cancel_shipping(step: UndoInput) -> bool:
    """Cancel a booked parcel; false where there was none."""
    return undo_effect(SHIPMENT, step)
