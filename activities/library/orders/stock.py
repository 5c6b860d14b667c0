"""Reserving stock, and giving it back."""

from __future__ import annotations

import sqlite3

from pydantic import BaseModel, Field

from advanced_workflow.activities.action.errors import ActionError
from advanced_workflow.activities.library.namespaces import orders
from advanced_workflow.activities.library.orders.effects import Answer, Effects
from advanced_workflow.workflows.contract import UndoInput

RESERVATIONS = Effects("reservations", done="reserved", undone="released")


class UnknownProduct(ActionError):
    """No such product is sold."""

    def __init__(self, sku: str) -> None:
        """Name the product."""
        super().__init__(f"no product has the sku {sku!r}", retryable=False)


class OutOfStock(ActionError):
    """Not enough of a product is left."""

    def __init__(self, sku: str, wanted: int, left: int) -> None:
        """Say how many are left."""
        super().__init__(
            f"{wanted} of {sku!r} were ordered and {left} are left", retryable=False, details={"sku": sku, "left": left}
        )


class Item(BaseModel):
    """One line of an order."""

    sku: str
    quantity: int = Field(ge=1)


class ReservedItem(Item):
    """One line with its price."""

    price_cents: int


class Reservation(BaseModel):
    """What was taken from stock, and what it costs."""

    order_id: str
    total_cents: int
    items: list[ReservedItem]


@orders.action
def reserve_stock(order_id: str, items: list[Item]) -> Reservation:
    """Take an order's items from stock, all or none, and add up their prices."""

    def take(db: sqlite3.Connection) -> Answer:
        taken = [_take(db, item) for item in items]
        total = sum(item.price_cents * item.quantity for item in taken)
        return Reservation(order_id=order_id, total_cents=total, items=taken).model_dump()

    return Reservation.model_validate(RESERVATIONS.apply(order_id, take))


@orders.action
def release_stock(step: UndoInput) -> str:
    """Put the items of a reservation back."""
    return RESERVATIONS.undo(step, _give_back)


def _take(db: sqlite3.Connection, item: Item) -> ReservedItem:
    row = db.execute("SELECT price_cents, quantity FROM stock WHERE sku = ?", (item.sku,)).fetchone()
    if row is None:
        raise UnknownProduct(item.sku)
    if row["quantity"] < item.quantity:
        raise OutOfStock(item.sku, item.quantity, row["quantity"])
    db.execute("UPDATE stock SET quantity = quantity - ? WHERE sku = ?", (item.quantity, item.sku))
    return ReservedItem(sku=item.sku, quantity=item.quantity, price_cents=row["price_cents"])


def _give_back(db: sqlite3.Connection, answer: Answer) -> None:
    for item in Reservation.model_validate(answer).items:
        db.execute("UPDATE stock SET quantity = quantity + ? WHERE sku = ?", (item.quantity, item.sku))
