"""What the library's actions have left in their database files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from advanced_workflow.activities.library.banking.accounts import open_books
from advanced_workflow.activities.library.ledger import LEDGER
from advanced_workflow.activities.library.orders.database import ORDERS


def effects(path: Path | None = None, kind: str | None = None) -> list[dict[str, Any]]:
    """List effects, oldest first, as `{kind, state, data, idempotency_key, created_at}`; state: `done` or `undone`."""
    with LEDGER.transaction(path) as db:
        rows = db.execute(
            "SELECT kind, state, data, idempotency_key, created_at FROM effects "
            "WHERE state != 'void' AND (?1 IS NULL OR kind = ?1) ORDER BY rowid",
            (kind,),
        ).fetchall()
    return [{**dict(row), "data": json.loads(row["data"])} for row in rows]


def ledger_summary(path: Path | None = None) -> dict[str, dict[str, int]]:
    """Count effects: kind -> `{"done": n, "undone": n}`. A kind that never happened is missing."""
    summary: dict[str, dict[str, int]] = {}
    for effect in effects(path):
        counts = summary.setdefault(effect["kind"], {"done": 0, "undone": 0})
        counts[effect["state"]] += 1
    return dict(sorted(summary.items()))


def balances(path: Path | None = None) -> dict[str, int]:
    """What each account holds, in cents."""
    with LEDGER.transaction(path) as db:
        open_books(db)
        return dict(db.execute("SELECT number, balance_cents FROM accounts ORDER BY number").fetchall())


def order_summary(path: Path | None = None) -> dict[str, dict[str, int]]:
    """Count what happened: table -> state -> rows; `stock` gives sku -> quantity left."""
    tables = ("reservations", "payments", "shipments", "invoices", "outbox")
    with ORDERS.transaction(path) as db:
        summary = {
            table: dict(db.execute(f"SELECT state, COUNT(*) FROM {table} GROUP BY state ORDER BY state").fetchall())  # noqa: S608
            for table in tables
        }
        summary["stock"] = dict(db.execute("SELECT sku, quantity FROM stock ORDER BY sku").fetchall())
        return summary
