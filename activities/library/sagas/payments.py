"""Taking a payment, and giving it back.

Some tokens fail on purpose, as in the test modes of real providers: `tok_declined` is refused, `tok_no_refund` pays and takes
nothing back, `tok_slow_refund` takes it back at the second attempt.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from advanced_workflow.activities.action import context
from advanced_workflow.activities.action.context import new_id
from advanced_workflow.activities.action.errors import ActionError
from advanced_workflow.activities.library.ledger import take_effect, undo_effect
from advanced_workflow.activities.library.namespaces import sagas
from advanced_workflow.activities.library.orders.payments import DECLINED_TOKEN, CardDeclined
from advanced_workflow.workflows.contract import UndoInput

PAYMENT = "payment"


class PaymentTaken(BaseModel):
    """Money that moved."""

    payment_id: str
    reference: str
    amount_cents: int


class RefundRefused(ActionError):
    """The provider does not give the money back; a person has to ask."""

    def __init__(self) -> None:
        """Say what is to be done."""
        super().__init__("the provider refuses the refund; call its support", retryable=False)


class ProviderBusy(ActionError):
    """Try again."""

    def __init__(self) -> None:
        """Say that it passes."""
        super().__init__("the provider is busy")


@sagas.action
def take_payment(
    reference: Annotated[str, Field(min_length=1)],
    amount_cents: Annotated[int, Field(ge=0)],
    card_token: Annotated[str, Field(min_length=1)],
) -> PaymentTaken:
    """Charge a card, known by its token only, for an order or a trip."""
    if card_token == DECLINED_TOKEN:
        raise CardDeclined
    taken = PaymentTaken(payment_id=new_id("pay"), reference=reference, amount_cents=amount_cents)
    return PaymentTaken.model_validate(take_effect(PAYMENT, taken.model_dump()))


@sagas.action
def return_payment(step: UndoInput) -> bool:
    """Pay a charge back; false where there was none."""
    token = step.input["card_token"]
    if token == "tok_no_refund":  # noqa: S105 - a test token
        raise RefundRefused
    if token == "tok_slow_refund" and context.attempt() == 1:  # noqa: S105 - a test token
        raise ProviderBusy
    return undo_effect(PAYMENT, step)
