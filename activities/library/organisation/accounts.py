"""Accounts: ordered, provided a little later, placed in a unit, closed.

An order for the account name `stuck` is never done, as happens with real ones.
"""

from __future__ import annotations

import sqlite3
import time
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from advanced_workflow.activities.action.context import new_id
from advanced_workflow.activities.action.errors import ActionError
from advanced_workflow.activities.library.ledger import take_effect, transaction, undo_effect
from advanced_workflow.activities.library.namespaces import organisation
from advanced_workflow.activities.library.organisation.database import prepare
from advanced_workflow.activities.library.organisation.units import UnknownUnit
from advanced_workflow.workflows.contract import UndoInput

ACCOUNT = "account"
PLACEMENT = "placement"
PROVIDING_SECONDS = 0.3
"""How long it takes to provide an account."""

Text = Annotated[str, Field(min_length=1)]


class AccountOrder(BaseModel):
    """An order that was taken; whether an account comes of it shows later."""

    order_id: str
    name: str


class AccountState(BaseModel):
    """How far an order is."""

    order_id: str
    account_id: str | None
    state: Literal["in_progress", "provided"]


class Placement(BaseModel):
    """An account in a unit."""

    account_id: str
    unit_id: str


class AccountFailed(ActionError):
    """No account comes of the order."""

    def __init__(self, name: str, problem: str) -> None:
        """Say why."""
        super().__init__(f"account {name!r} cannot be provided: {problem}", retryable=False)


class UnknownAccount(ActionError):
    """There is none."""

    def __init__(self, account: str) -> None:
        """Name the order or the account."""
        super().__init__(f"there is no account for {account!r}", retryable=False)


@organisation.action
def order_account(name: Text, email: Text) -> AccountOrder:
    """Order an account."""

    def order(db: sqlite3.Connection) -> dict[str, Any]:
        prepare(db)
        taken = db.execute("SELECT 1 FROM accounts WHERE email = ? AND problem IS NULL", (email,)).fetchone()
        ordered = AccountOrder(order_id=new_id("ord"), name=name)
        row = {
            "order_id": ordered.order_id,
            "account_id": new_id("acc"),
            "name": name,
            "email": email,
            "ready_at": None if name == "stuck" else time.time() + PROVIDING_SECONDS,
            "problem": f"{email} has one already" if taken else None,
        }
        db.execute(
            "INSERT INTO accounts (order_id, account_id, name, email, ready_at, problem) "
            "VALUES (:order_id, :account_id, :name, :email, :ready_at, :problem)",
            row,
        )
        return ordered.model_dump()

    return AccountOrder.model_validate(take_effect(ACCOUNT, order))


@organisation.action
def close_account(step: UndoInput) -> bool:
    """Close the account a step ordered, or withdraw its order; false where it ordered none."""

    def close(db: sqlite3.Connection, ordered: dict[str, Any]) -> None:
        db.execute("DELETE FROM accounts WHERE order_id = ?", (ordered["order_id"],))

    return undo_effect(ACCOUNT, step, close)


@organisation.action
def describe_account(order_id: Text) -> AccountState:
    """Look at an order. One that nothing comes of is the failure `AccountFailed`."""
    with transaction() as db:
        prepare(db)
        row = db.execute("SELECT * FROM accounts WHERE order_id = ?", (order_id,)).fetchone()
    if row is None:
        raise UnknownAccount(order_id)
    if row["ready_at"] is None or row["ready_at"] > time.time():
        return AccountState(order_id=order_id, account_id=None, state="in_progress")
    if row["problem"]:
        raise AccountFailed(row["name"], row["problem"])
    return AccountState(order_id=order_id, account_id=row["account_id"], state="provided")


@organisation.action
def move_account(account_id: Text, unit_id: Text) -> Placement:
    """Move an account from the organisation's root to a unit."""

    def move(db: sqlite3.Connection) -> dict[str, Any]:
        prepare(db)
        if not db.execute("SELECT 1 FROM units WHERE unit_id = ?", (unit_id,)).fetchone():
            raise UnknownUnit(unit_id)
        if not _place(db, account_id, unit_id):
            raise UnknownAccount(account_id)
        return Placement(account_id=account_id, unit_id=unit_id).model_dump()

    return Placement.model_validate(take_effect(PLACEMENT, move))


@organisation.action
def move_account_back(step: UndoInput) -> bool:
    """Move an account back to the root; false where it was not moved."""

    def back(db: sqlite3.Connection, placement: dict[str, Any]) -> None:
        _place(db, placement["account_id"], None)

    return undo_effect(PLACEMENT, step, back)


def _place(db: sqlite3.Connection, account_id: str, unit_id: str | None) -> bool:
    changed = db.execute("UPDATE accounts SET unit_id = ? WHERE account_id = ?", (unit_id, account_id))
    return changed.rowcount == 1
