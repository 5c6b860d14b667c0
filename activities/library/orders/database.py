"""The order database: one SQLite file that every attempt of every worker shares.

`ADW_ORDERS_DB` is its path (default `.adw/orders.db` under the current folder). It is made, with some stock, on first use.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from advanced_workflow.activities.library.sqlite_file import SqliteFile

PATH_SETTING = "ADW_ORDERS_DB"
DEFAULT_PATH = Path(".adw/orders.db")

# A row is the effect of one step. Its key is the step's idempotency key, `answer` is what the first attempt returned, and state
# 'void' marks a step that was undone before it took effect. Further columns are read from the answer.
_EFFECTS = """
CREATE TABLE {table} (
    idempotency_key TEXT NOT NULL UNIQUE,
    order_id TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ({states})),
    answer TEXT NOT NULL CHECK (json_valid(answer)),
    created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    {columns}
) STRICT
"""

_STOCK = """
CREATE TABLE stock (
    sku TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    price_cents INTEGER NOT NULL CHECK (price_cents >= 0),
    quantity INTEGER NOT NULL CHECK (quantity >= 0)
) STRICT
"""

_SEED = [
    ("book", "A good book", 1900, 1000),
    ("lamp", "Desk lamp", 4500, 200),
    ("chair", "Office chair", 24900, 50),
    ("desk", "Standing desk", 69900, 10),
    ("globe", "Antique globe", 129900, 1),
]


def _effects_table(table: str, states: tuple[str, ...], **columns: str) -> str:
    return _EFFECTS.format(
        table=table,
        states=", ".join(f"'{state}'" for state in (*states, "void")),
        columns=", ".join(
            f"{name} {kind} GENERATED ALWAYS AS (json_extract(answer, '$.{name}')) VIRTUAL"
            for name, kind in columns.items()
        ),
    )


_SCHEMA = [
    _STOCK,
    _effects_table("reservations", ("reserved", "released"), total_cents="INTEGER"),
    _effects_table("payments", ("charged", "refunded"), payment_id="TEXT", amount_cents="INTEGER"),
    _effects_table("shipments", ("created", "cancelled"), shipment_id="TEXT"),
    _effects_table("invoices", ("issued", "voided"), number="INTEGER", amount_cents="INTEGER"),
    _effects_table("outbox", ("queued", "corrected", "correction"), recipient="TEXT", body="TEXT"),
    "CREATE UNIQUE INDEX invoice_number ON invoices (number)",
]


def _make(connection: sqlite3.Connection) -> None:
    for statement in _SCHEMA:
        connection.execute(statement)
    connection.executemany("INSERT INTO stock (sku, name, price_cents, quantity) VALUES (?, ?, ?, ?)", _SEED)


ORDERS = SqliteFile(PATH_SETTING, DEFAULT_PATH, _make)
transaction = ORDERS.transaction
