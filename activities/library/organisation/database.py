"""The organisation's tables. It starts with the unit `Production` and with its owner's own account."""

from __future__ import annotations

import sqlite3

EXISTING_UNIT = "Production"
OWNER_EMAIL = "owner@example.com"

# `unit_id` null: the account is at the organisation's root. `ready_at` null: it never will be.
_TABLES = """
CREATE TABLE IF NOT EXISTS units (
    unit_id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;
CREATE TABLE IF NOT EXISTS accounts (
    order_id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    email TEXT NOT NULL,
    unit_id TEXT REFERENCES units,
    ready_at REAL,
    problem TEXT
) STRICT;
"""


def prepare(db: sqlite3.Connection) -> None:
    """Make the tables on first use, inside the caller's transaction."""
    for statement in _TABLES.split(";"):  # executescript would commit
        db.execute(statement)
    db.execute("INSERT OR IGNORE INTO units (unit_id, name) VALUES ('unit_production', ?)", (EXISTING_UNIT,))
    db.execute(
        "INSERT OR IGNORE INTO accounts (order_id, account_id, name, email, ready_at) "
        "VALUES ('ord_owner', 'acc_owner', 'Owner', ?, 0)",
        (OWNER_EMAIL,),
    )
