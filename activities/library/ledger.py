"""The ledger of the library's examples: one SQLite file in which every effect of every example is a row.

`ADW_LEDGER_DB` is its path (default `.adw/ledger.db` under the current folder). It is made on first use. An example
that has state besides (accounts, stations) keeps it in tables of its own in the same file, and changes it in the
effect's transaction.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from advanced_workflow.activities.action import context
from advanced_workflow.activities.action.errors import ActionError
from advanced_workflow.activities.library.sqlite_file import SqliteFile
from advanced_workflow.workflows.contract import UndoInput

PATH_SETTING = "ADW_LEDGER_DB"
DEFAULT_PATH = Path(".adw/ledger.db")

Data = dict[str, Any]
"""What an effect is about: a JSON object."""

# State 'void' marks a step that was undone before it took effect; it is not an effect, nor a row that readers see.
_SCHEMA = """
CREATE TABLE effects (
    idempotency_key TEXT NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('done', 'undone', 'void')),
    data TEXT NOT NULL CHECK (json_valid(data)),
    created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    PRIMARY KEY (idempotency_key, kind)
) STRICT
"""


def take_effect(kind: str, data: Data | Callable[[sqlite3.Connection], Data]) -> Data:
    """Record an effect of the running step once, and give its data; a repeated call gives the first call's data.

    `data` may be a function: it runs inside the transaction, may change tables of its own there, and gives the data. If
    it raises, nothing happened.

    Raises `ActionError` of type `StepUndone` when the step was undone before: a straggler must not take effect.
    """
    key = context.idempotency_key()
    with transaction() as db:
        first = _find(db, key, kind)
        if first is None:
            taken = data(db) if callable(data) else data
            _insert(db, key, kind, "done", taken)
            return taken
    if first["state"] != "done":
        raise ActionError(f"{kind}: the step was undone before this attempt", type="StepUndone", retryable=False)
    context.log.info("the effect had happened in an earlier attempt")
    return json.loads(first["data"])


def undo_effect(kind: str, undo: UndoInput, reverse: Callable[[sqlite3.Connection, Data], None] | None = None) -> bool:
    """Mark the step's effect undone, and say whether there was one; a repeated call says the same and changes nothing.

    `reverse` changes tables of its own back, inside the transaction. Where there is no effect, an attempt that is still
    under way somewhere is kept from taking it.
    """
    with transaction() as db:
        row = _find(db, undo.idempotency_key, kind)
        if row is None:
            _insert(db, undo.idempotency_key, kind, "void", {})
            return False
        if row["state"] == "done":
            if reverse is not None:
                reverse(db, json.loads(row["data"]))
            db.execute(
                "UPDATE effects SET state = 'undone' WHERE idempotency_key = ? AND kind = ?",
                (undo.idempotency_key, kind),
            )
        return row["state"] != "void"


def _make(connection: sqlite3.Connection) -> None:
    connection.execute(_SCHEMA)


LEDGER = SqliteFile(PATH_SETTING, DEFAULT_PATH, _make)
transaction = LEDGER.transaction


def _find(db: sqlite3.Connection, key: str, kind: str) -> sqlite3.Row | None:
    query = "SELECT state, data FROM effects WHERE idempotency_key = ? AND kind = ?"
    return db.execute(query, (key, kind)).fetchone()


def _insert(db: sqlite3.Connection, key: str, kind: str, state: str, data: Data) -> None:
    db.execute(
        "INSERT INTO effects (idempotency_key, kind, state, data) VALUES (?, ?, ?, ?)",
        (key, kind, state, json.dumps(data)),
    )
