"""The demo's three orders, and what the order database must contain after each."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue

TABLES = ("reservations", "payments", "shipments", "invoices", "outbox")
Effects = dict[str, dict[str, int]]
"""Table -> state -> rows."""

FULFILLED: Effects = {
    "reservations": {"reserved": 1},
    "payments": {"charged": 1},
    "shipments": {"created": 1},
    "invoices": {"issued": 1},
    "outbox": {"queued": 1},
}
UNDONE: Effects = {
    "reservations": {"released": 1},
    "payments": {"refunded": 1},
    "shipments": {},
    "invoices": {},
    "outbox": {},
}


@dataclass(frozen=True, slots=True)
class Order:
    """One order and what must come of it."""

    order_id: str
    items: dict[str, int]
    """sku -> quantity."""
    expected: Effects
    keeps_stock: bool
    """Whether its items stay taken from stock."""

    @property
    def run_id(self) -> str:
        """The id of its run."""
        return f"order-{self.order_id}"

    def input_data(self) -> JsonValue:
        """The run's input."""
        return {
            "order_id": self.order_id,
            "customer": "ada@example.com",
            "card_token": "tok_visa",
            "items": [{"sku": sku, "quantity": quantity} for sku, quantity in self.items.items()],
            "address": {
                "name": "Ada Lovelace",
                "street": "12 St James's Square",
                "city": "London",
                "country": "GB",
            },
        }


APPROVED = Order("A-1001", {"desk": 1, "lamp": 2}, FULFILLED, keeps_stock=True)
REJECTED = Order("A-1002", {"desk": 2, "chair": 1}, UNDONE, keeps_stock=False)
KILLED = Order("A-1003", {"book": 3, "lamp": 1}, FULFILLED, keeps_stock=True)


def effects_of(database: Path, order: Order) -> Effects:
    """What the database holds of an order; nothing before the database was made."""
    if not database.exists():
        return {table: {} for table in TABLES}
    with closing(_open(database)) as db:
        return {
            table: dict(
                db.execute(
                    f"SELECT state, COUNT(*) FROM {table} WHERE order_id = ? GROUP BY state",  # noqa: S608 - our names
                    (order.order_id,),
                ).fetchall()
            )
            for table in TABLES
        }


def stock(database: Path) -> dict[str, int]:
    """What is left: sku -> quantity."""
    with closing(_open(database)) as db:
        return dict(db.execute("SELECT sku, quantity FROM stock").fetchall())


def broken_promises(order: Order, effects: Effects, before: dict[str, int] | None, after: dict[str, int]) -> list[str]:
    """What the database should hold of an order and does not, as sentences. `before` is None where nobody looked."""
    found = [
        f"{order.run_id}: {table} must be {_rows(order.expected[table])} and are {_rows(effects[table])}."
        for table in TABLES
        if effects[table] != order.expected[table]
    ]
    for sku, quantity in order.items.items() if before else ():
        expected = (before or {})[sku] - (quantity if order.keeps_stock else 0)
        if after[sku] != expected:
            found.append(f"{order.run_id}: {expected} of {sku!r} must be left in stock and {after[sku]} are.")
    return found


def rows_text(effects: dict[str, int]) -> str:
    """`1 refunded`; `-` for none."""
    return ", ".join(f"{count} {state}" for state, count in sorted(effects.items())) or "-"


def _rows(effects: dict[str, int]) -> str:
    return rows_text(effects) if effects else "none"


def _open(database: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=10)
