"""Actions of the library's sagas: reservations, payments and shipping, each with its undo."""

from advanced_workflow.activities.library.sagas.payments import return_payment, take_payment
from advanced_workflow.activities.library.sagas.reservations import (
    cancel_reservation,
    confirm_reservation,
    make_reservation,
    withdraw_confirmation,
)
from advanced_workflow.activities.library.sagas.shipping import book_shipping, cancel_shipping

__all__ = [
    "book_shipping",
    "cancel_reservation",
    "cancel_shipping",
    "confirm_reservation",
    "make_reservation",
    "return_payment",
    "take_payment",
    "withdraw_confirmation",
]
