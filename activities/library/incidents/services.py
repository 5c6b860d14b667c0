"""Services that somebody operates: tables of the ledger with what runs, what was deployed and what the log says.

What a service's errors come from stands in the tables too, so that a remedy helps, or does not, as it would outside.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from advanced_workflow.activities.action.errors import ActionError
from advanced_workflow.activities.library.ledger import transaction

_TABLES = (
    """
    CREATE TABLE IF NOT EXISTS services (
        name TEXT PRIMARY KEY,
        version TEXT NOT NULL,
        other_errors REAL NOT NULL
    ) STRICT
    """,
    """
    CREATE TABLE IF NOT EXISTS deploys (
        service TEXT NOT NULL,
        version TEXT NOT NULL,
        at TEXT NOT NULL,
        PRIMARY KEY (service, version)
    ) STRICT
    """,
    """
    CREATE TABLE IF NOT EXISTS features (
        service TEXT NOT NULL,
        feature TEXT NOT NULL,
        version TEXT NOT NULL,
        enabled INTEGER NOT NULL CHECK (enabled IN (0, 1)),
        errors REAL NOT NULL,
        PRIMARY KEY (service, feature)
    ) STRICT
    """,
    """
    CREATE TABLE IF NOT EXISTS metrics (
        service TEXT NOT NULL,
        at TEXT NOT NULL,
        error_percent REAL NOT NULL,
        PRIMARY KEY (service, at)
    ) STRICT
    """,
    """
    CREATE TABLE IF NOT EXISTS log_lines (
        service TEXT NOT NULL,
        at TEXT NOT NULL,
        line TEXT NOT NULL,
        PRIMARY KEY (service, at, line)
    ) STRICT
    """,
)
# The errors of `checkout` come from a feature of its new version, those of `search` from a disk: no deploy helps there.
_SERVICES = [("checkout", "2.4.0", 0.2), ("search", "1.9.0", 22.0)]
_DEPLOYS = [
    ("checkout", "2.3.9", "08:15"),
    ("checkout", "2.4.0", "09:58"),
    ("search", "1.8.1", "07:40"),
    ("search", "1.9.0", "09:57"),
]
_FEATURES = [("checkout", "staff-discounts", "2.4.0", 1, 31.0)]
_METRICS = [
    ("checkout", "09:50", 0.2),
    ("checkout", "10:00", 31.2),
    ("search", "09:50", 0.3),
    ("search", "10:00", 22.0),
]
_LOG_LINES = [
    ("checkout", "09:58", "INFO version 2.4.0 started"),
    ("checkout", "10:00", "ERROR staff-discounts: no price list for customer group 'none'"),
    ("checkout", "10:01", "ERROR order refused: staff-discounts gave no price"),
    ("search", "09:57", "INFO version 1.9.0 started"),
    ("search", "10:00", "ERROR shard 3: read-only file system"),
]


class UnknownService(ActionError):
    """No such service; trying again does not help."""

    def __init__(self, service: str) -> None:
        """Name it."""
        super().__init__(f"there is no service {service!r}", retryable=False)


@contextmanager
def services(path: Path | None = None) -> Generator[sqlite3.Connection]:
    """Give a connection inside one write transaction, with the services there."""
    with transaction(path) as db:
        build(db)
        yield db


def build(db: sqlite3.Connection) -> None:
    """Make the services on first use, inside the caller's transaction."""
    for table in _TABLES:
        db.execute(table)
    db.executemany("INSERT OR IGNORE INTO services VALUES (?, ?, ?)", _SERVICES)
    db.executemany("INSERT OR IGNORE INTO deploys VALUES (?, ?, ?)", _DEPLOYS)
    db.executemany("INSERT OR IGNORE INTO features VALUES (?, ?, ?, ?, ?)", _FEATURES)
    db.executemany("INSERT OR IGNORE INTO metrics VALUES (?, ?, ?)", _METRICS)
    db.executemany("INSERT OR IGNORE INTO log_lines VALUES (?, ?, ?)", _LOG_LINES)


def version_of(db: sqlite3.Connection, service: str) -> str:
    """The version that runs; raises `UnknownService`."""
    row = db.execute("SELECT version FROM services WHERE name = ?", (service,)).fetchone()
    if row is None:
        raise UnknownService(service)
    return row["version"]


def errors_of(db: sqlite3.Connection, service: str) -> float:
    """Percent of the service's requests that fail now: of any version, and of each feature that is on in the running one."""
    version = version_of(db, service)
    others = db.execute("SELECT other_errors FROM services WHERE name = ?", (service,)).fetchone()["other_errors"]
    query = "SELECT errors FROM features WHERE service = ? AND enabled = 1 AND version = ?"
    return round(others + sum(row["errors"] for row in db.execute(query, (service, version))), 1)


def running(path: Path | None = None) -> dict[str, str]:
    """What runs: service -> its version, and `SERVICE/FEATURE` -> `on` or `off`."""
    with services(path) as db:
        versions = dict(db.execute("SELECT name, version FROM services ORDER BY name").fetchall())
        features = db.execute("SELECT service, feature, enabled FROM features ORDER BY service, feature").fetchall()
    return {**versions, **{f"{one['service']}/{one['feature']}": "on" if one["enabled"] else "off" for one in features}}
