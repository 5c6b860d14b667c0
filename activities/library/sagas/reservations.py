"""Reserving a stock item, a flight or a car, and confirming what was reserved.

Some items fail on purpose, as in the test modes of real providers: `sold-out` cannot be reserved, which `sold-out-meanwhile` shows
only after a second; `slow` is reserved and answers too late; `unconfirmed` can be reserved and not confirmed.
"""

from __future__ import annotations

import time
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from advanced_workflow.activities.action.context import new_id
from advanced_workflow.activities.action.errors import ActionError
from advanced_workflow.activities.library.ledger import take_effect, undo_effect
from advanced_workflow.activities.library.namespaces import sagas
from advanced_workflow.activities.library.sagas.late import answer_late
from advanced_workflow.workflows.contract import UndoInput

Kind = Literal["stock", "flight", "car"]
Text = Annotated[str, Field(min_length=1)]

CONFIRMATION = "confirmation"


class Reservation(BaseModel):
    """What is held for somebody."""

    reservation_id: str
    kind: Kind
    item: str
    reference: str


class Confirmation(BaseModel):
    """A reservation that became firm."""

    confirmation_id: str
    reservation_id: str


class SoldOut(ActionError):
    """There is none left; trying again does not help."""

    def __init__(self, kind: Kind, item: str) -> None:
        """Name what was wanted."""
        super().__init__(f"{kind} {item!r} is sold out", retryable=False)


class NotConfirmed(ActionError):
    """The provider does not stand by the reservation."""

    def __init__(self, item: str) -> None:
        """Name what was reserved."""
        super().__init__(f"the provider did not confirm {item!r}", retryable=False)


@sagas.action
def make_reservation(kind: Kind, item: Text, reference: Text) -> Reservation:
    """Hold a stock item, a flight or a car for an order or a trip."""
    if item == "sold-out-meanwhile":
        time.sleep(1)
    if item.startswith("sold-out"):
        raise SoldOut(kind, item)
    made = Reservation(reservation_id=new_id("res"), kind=kind, item=item, reference=reference)
    answer = take_effect(kind, made.model_dump())
    if item == "slow":
        answer_late()
    return Reservation.model_validate(answer)


@sagas.action
def cancel_reservation(step: UndoInput) -> bool:
    """Give a reservation back; false where there was none."""
    return undo_effect(step.input["kind"], step)


@sagas.action
def confirm_reservation(reservation_id: Text, item: Text) -> Confirmation:
    """Make a reservation firm."""
    if item == "unconfirmed":
        raise NotConfirmed(item)
    made = Confirmation(confirmation_id=new_id("cnf"), reservation_id=reservation_id)
    return Confirmation.model_validate(take_effect(CONFIRMATION, made.model_dump()))


@sagas.action
def withdraw_confirmation(step: UndoInput) -> bool:
    """Take a confirmation back; false where there was none."""
    return undo_effect(CONFIRMATION, step)
