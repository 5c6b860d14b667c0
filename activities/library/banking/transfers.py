"""Moving money from one account to another, step by step, and back."""

from __future__ import annotations

import sqlite3
from typing import Annotated

from pydantic import BaseModel, Field

from advanced_workflow.activities.action import context
from advanced_workflow.activities.action.context import new_id
from advanced_workflow.activities.action.errors import ActionError
from advanced_workflow.activities.library.banking.accounts import (
    UNAVAILABLE_ACCOUNT,
    book,
    open_books,
    require_funds,
    require_open,
)
from advanced_workflow.activities.library.ledger import Data, take_effect, transaction, undo_effect
from advanced_workflow.activities.library.namespaces import banking
from advanced_workflow.workflows.contract import UndoInput

WITHDRAWAL = "withdrawal"
DEPOSIT = "deposit"
ATTEMPT_THAT_WORKS = 3

Number = Annotated[str, Field(min_length=1)]
Cents = Annotated[int, Field(ge=1)]


class Booking(BaseModel):
    """Money that went into an account or out of it."""

    booking_id: str
    account: str
    amount_cents: int


class SameAccount(ActionError):
    """A transfer needs two accounts."""

    def __init__(self, number: str) -> None:
        """Name the account."""
        super().__init__(f"account {number!r} cannot transfer money to itself", retryable=False)


class BankUnavailable(ActionError):
    """The bank does not answer; try again."""

    def __init__(self, account: str) -> None:
        """Name the account whose bank it is."""
        super().__init__(f"the bank of account {account!r} does not answer")


@banking.action
def check_transfer(from_account: Number, to_account: Number, amount_cents: Cents) -> None:
    """See that the transfer makes sense and the sender can pay; the receiver's bank is asked at the deposit."""
    if from_account == to_account:
        raise SameAccount(from_account)
    with transaction() as db:
        open_books(db)
        require_funds(db, from_account, amount_cents)


@banking.action
def withdraw(account: Number, amount_cents: Cents) -> Booking:
    """Take money out of an account."""
    if account == UNAVAILABLE_ACCOUNT and context.attempt() < ATTEMPT_THAT_WORKS:
        raise BankUnavailable(account)

    def take(db: sqlite3.Connection) -> Data:
        open_books(db)
        book(db, account, -amount_cents)
        return _booking(account, amount_cents)

    return Booking.model_validate(take_effect(WITHDRAWAL, take))


@banking.action
def return_withdrawal(step: UndoInput) -> bool:
    """Put withdrawn money back; false where none was withdrawn."""
    return undo_effect(WITHDRAWAL, step, lambda db, made: book(db, made["account"], made["amount_cents"]))


@banking.action
def deposit(account: Number, amount_cents: Cents) -> Booking:
    """Put money into an account; only here the receiver's bank says whether it takes it."""

    def put(db: sqlite3.Connection) -> Data:
        open_books(db)
        require_open(db, account)
        book(db, account, amount_cents)
        return _booking(account, amount_cents)

    return Booking.model_validate(take_effect(DEPOSIT, put))


@banking.action
def take_back_deposit(step: UndoInput) -> bool:
    """Take a deposit back; false where there was none. Fails when the receiver has spent it: a person has to ask."""
    return undo_effect(DEPOSIT, step, lambda db, made: book(db, made["account"], -made["amount_cents"]))


def _booking(account: str, amount_cents: int) -> Data:
    return Booking(booking_id=new_id("bkg"), account=account, amount_cents=amount_cents).model_dump()
