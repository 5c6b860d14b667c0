"""Charging a card, and paying back.

`ADW_ORDERS_LATENCY_SECONDS` (default 0) is how long the payment provider takes to answer, and `ADW_ORDERS_LATENCY` whether it
takes that time `before` (default) or `after` the money moves: a worker killed meanwhile has charged nothing, or has charged and not
reported it.
"""

from __future__ import annotations

import os
import sqlite3
import time
from typing import Annotated

from pydantic import BaseModel, Field

from advanced_workflow.activities.action.context import new_id
from advanced_workflow.activities.action.errors import ActionError
from advanced_workflow.activities.library.namespaces import orders
from advanced_workflow.activities.library.orders.effects import Answer, Effects, keep
from advanced_workflow.workflows.contract import UndoInput

LATENCY_SETTING = "ADW_ORDERS_LATENCY_SECONDS"
LATENCY_PLACE_SETTING = "ADW_ORDERS_LATENCY"
DECLINED_TOKEN = "tok_declined"  # noqa: S105 - a test token, as payment providers have them
"""The card token that is always declined."""

PAYMENTS = Effects("payments", done="charged", undone="refunded")


class CardDeclined(ActionError):
    """The bank refused; trying again does not help."""

    def __init__(self) -> None:
        """Say no more than the bank does."""
        super().__init__("the card was declined", retryable=False)


class Payment(BaseModel):
    """A charge that went through."""

    payment_id: str
    amount_cents: int


@orders.action
def charge_card(
    order_id: str, amount_cents: Annotated[int, Field(ge=0)], card_token: Annotated[str, Field(min_length=1)]
) -> Payment:
    """Charge a card, known by its token only."""

    def charge(db: sqlite3.Connection) -> Answer:
        del db
        if card_token == DECLINED_TOKEN:
            raise CardDeclined
        return Payment(payment_id=new_id("pay"), amount_cents=amount_cents).model_dump()

    _wait_for_provider("before")
    answer = PAYMENTS.apply(order_id, charge)
    _wait_for_provider("after")
    return Payment.model_validate(answer)


@orders.action
def refund_payment(step: UndoInput) -> str:
    """Pay a charge back."""
    return PAYMENTS.undo(step, keep)


def _wait_for_provider(place: str) -> None:
    seconds = os.environ.get(LATENCY_SETTING) or "0"
    if (os.environ.get(LATENCY_PLACE_SETTING) or "before") != place:
        return
    try:
        time.sleep(float(seconds))
    except ValueError:
        raise ActionError(
            f"{LATENCY_SETTING} is not a number of seconds", type="SettingInvalid", retryable=False
        ) from None
