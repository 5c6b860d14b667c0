"""Accounts: a table of the ledger, with a few accounts from the start."""

from __future__ import annotations

import sqlite3

from advanced_workflow.activities.action.errors import ActionError

UNAVAILABLE_ACCOUNT = "GB-BUSY"
"""An account whose bank is down until the third attempt."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS accounts (
    number TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'closed')),
    balance_cents INTEGER NOT NULL CHECK (balance_cents >= 0)
) STRICT
"""
_SEED = [
    ("GB-ADA", "Ada", "open", 1_000_000),
    ("GB-BEN", "Ben", "open", 50_000),
    (UNAVAILABLE_ACCOUNT, "Bea", "open", 100_000),
    ("GB-GONE", "Gus", "closed", 0),
]


class UnknownAccount(ActionError):
    """No such account; trying again does not help."""

    def __init__(self, number: str) -> None:
        """Name the account."""
        super().__init__(f"there is no account {number!r}", retryable=False)


class AccountClosed(ActionError):
    """The account takes no money any more."""

    def __init__(self, number: str) -> None:
        """Name the account."""
        super().__init__(f"account {number!r} is closed", retryable=False)


class InsufficientFunds(ActionError):
    """The account has less than is to be taken from it."""

    def __init__(self, number: str) -> None:
        """Name the account, and keep its balance to itself."""
        super().__init__(f"account {number!r} does not have enough money", retryable=False)


def open_books(db: sqlite3.Connection) -> None:
    """Make the accounts on first use, inside the caller's transaction."""
    db.execute(_SCHEMA)
    db.executemany("INSERT OR IGNORE INTO accounts (number, owner, state, balance_cents) VALUES (?, ?, ?, ?)", _SEED)


def book(db: sqlite3.Connection, number: str, cents: int) -> None:
    """Add to an account, or take from it when `cents` is below zero."""
    row = _account(db, number)
    if row["balance_cents"] + cents < 0:
        raise InsufficientFunds(number)
    db.execute("UPDATE accounts SET balance_cents = balance_cents + ? WHERE number = ?", (cents, number))


def require_open(db: sqlite3.Connection, number: str) -> None:
    """Raise unless the account takes money."""
    if _account(db, number)["state"] != "open":
        raise AccountClosed(number)


def require_funds(db: sqlite3.Connection, number: str, cents: int) -> None:
    """Raise unless the account holds that much."""
    if _account(db, number)["balance_cents"] < cents:
        raise InsufficientFunds(number)


def _account(db: sqlite3.Connection, number: str) -> sqlite3.Row:
    row = db.execute("SELECT state, balance_cents FROM accounts WHERE number = ?", (number,)).fetchone()
    if row is None:
        raise UnknownAccount(number)
    return row
