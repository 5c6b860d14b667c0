"""Actions of the library's sagas: reservations, payments and shipping, each with its undo."""

from activities.sagas.payments import return_payment, take_payment
from activities.sagas.reservations import (
    cancel_reservation,
    confirm_reservation,
    make_reservation,
    withdraw_confirmation,
)
from activities.sagas.shipping import book_shipping, cancel_shipping

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
