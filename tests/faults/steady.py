"""Actions of very long runs, for a worker process: each effect is a row of a SQLite file, made once and undone once."""

from __future__ import annotations

import functools
import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from temporalio import activity

from advanced_workflow.activities.action import context
from advanced_workflow.activities.action.decorator import action
from advanced_workflow.activities.action.errors import ActionError
from advanced_workflow.workflows.contract import UndoInput

DATABASE = "STEADY_DATABASE"
"""Environment variable: the file."""
LATENCY = "STEADY_LATENCY"
"""Environment variable: seconds an effect takes."""
_TABLES = (
    "CREATE TABLE IF NOT EXISTS attempts (key TEXT, attempt INTEGER, begun REAL, PRIMARY KEY (key, attempt));"
    "CREATE TABLE IF NOT EXISTS effects"
    " (key TEXT PRIMARY KEY, value INTEGER, undone INTEGER NOT NULL DEFAULT 0, calls INTEGER NOT NULL DEFAULT 1,"
    " refused INTEGER NOT NULL DEFAULT 0)"
)


@action(name="steady.make")
async def make(value: int) -> dict[str, int]:
    """Make an effect; a second call with the same key changes nothing but the count of calls."""
    _write(
        "INSERT INTO effects (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET calls = calls + 1",
        context.idempotency_key(),
        value,
    )
    return {"made": value}


@action(name="steady.unmake")
async def unmake(undo: UndoInput) -> None:
    """Undo an effect."""
    _write("UPDATE effects SET undone = undone + 1 WHERE key = ?", undo.idempotency_key)


@action(name="steady.unmake_at_second")
async def unmake_at_second(undo: UndoInput) -> None:
    """Refuse for good, and undo the effect when it is asked for again."""
    _write("UPDATE effects SET refused = refused + 1 WHERE key = ?", undo.idempotency_key)
    asked: tuple[int] = (
        _database().execute("SELECT refused FROM effects WHERE key = ?", [undo.idempotency_key]).fetchone()
    )
    if asked[0] == 1:
        raise ActionError("not now", type="NotNow", retryable=False)
    await unmake(undo)


@action(name="steady.fail")
async def fail() -> None:
    """Fail for good."""
    raise ActionError("the end", type="TheEnd", retryable=False)


@action(name="steady.hold")
def hold() -> None:
    """Note that an attempt began, then take some seconds: a plain function, which says nothing of itself."""
    info = activity.info()
    begun = "INSERT OR IGNORE INTO attempts (key, attempt, begun) VALUES (?, ?, ?)"
    with closing(_open()) as db:  # Connections belong to their thread.
        db.execute(begun, (f"{info.workflow_id} {info.activity_id}", info.attempt, time.time()))
    time.sleep(8)


def attempts_begun(database: Path) -> dict[tuple[str, int], float]:
    """When each attempt of `hold` began, by run and path and its number."""
    with closing(sqlite3.connect(database)) as db:
        return {(key, attempt): begun for key, attempt, begun in db.execute("SELECT key, attempt, begun FROM attempts")}


def _write(statement: str, *values: object) -> None:
    time.sleep(float(os.environ.get(LATENCY, "0")))
    _database().execute(statement, values)


@functools.cache
def _database() -> sqlite3.Connection:
    return _open()


def _open() -> sqlite3.Connection:
    # Rows survive the process, which may be killed at any time, but not the machine.
    db = sqlite3.connect(os.environ[DATABASE], isolation_level=None, timeout=30)
    db.executescript(f"PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; {_TABLES}")
    return db
