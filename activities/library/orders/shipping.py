"""Handing an order to the carrier, and calling it back."""

from __future__ import annotations

import sqlite3

from pydantic import BaseModel

from advanced_workflow.activities.action.context import new_id
from advanced_workflow.activities.action.errors import ActionError
from advanced_workflow.activities.library.namespaces import orders
from advanced_workflow.activities.library.orders.effects import Answer, Effects, keep
from advanced_workflow.workflows.contract import UndoInput

SHIPMENTS = Effects("shipments", done="created", undone="cancelled")
SERVED_COUNTRIES = frozenset({"AT", "CH", "DE", "ES", "FR", "GB", "IE", "IT", "NL", "PT", "US"})


class NotDeliverable(ActionError):
    """The carrier does not go there."""

    def __init__(self, country: str) -> None:
        """Name the country."""
        super().__init__(f"the carrier does not deliver to {country!r}", retryable=False, details={"country": country})


class Address(BaseModel):
    """Where the parcel goes."""

    name: str
    street: str
    city: str
    country: str


class Shipment(BaseModel):
    """A parcel under way."""

    shipment_id: str


@orders.action
def create_shipment(order_id: str, address: Address) -> Shipment:
    """Order a parcel from the carrier."""

    def ship(db: sqlite3.Connection) -> Answer:
        del db
        if address.country not in SERVED_COUNTRIES:
            raise NotDeliverable(address.country)
        return Shipment(shipment_id=new_id("shp")).model_dump()

    return Shipment.model_validate(SHIPMENTS.apply(order_id, ship))


@orders.action
def cancel_shipment(step: UndoInput) -> str:
    """Call a parcel back."""
    return SHIPMENTS.undo(step, keep)
