"""Charging stations: tables of the ledger with their slots and charging sessions, and a few of them from the start."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from advanced_workflow.activities.action.errors import ActionError
from advanced_workflow.activities.library.ledger import transaction

JAMMED_STATION = "ST-JAM"
"""A station whose locks do not move."""
EMPTY_CARD = "CARD-EMPTY"
"""A card that pays nothing."""

_SLOTS = """
CREATE TABLE IF NOT EXISTS slots (
    station_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    card_id TEXT,
    locked INTEGER NOT NULL DEFAULT 0 CHECK (locked IN (0, 1)),
    PRIMARY KEY (station_id, number)
) STRICT
"""
_SESSIONS = """
CREATE TABLE IF NOT EXISTS sessions (
    session_id TEXT PRIMARY KEY,
    station_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    card_id TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('charging', 'ended', 'withdrawn')),
    amount_cents INTEGER NOT NULL CHECK (amount_cents >= 0)
) STRICT
"""
_SLOT_SEED = [
    ("ST-1", 1, None, 0),
    ("ST-1", 2, None, 0),
    ("ST-2", 1, "CARD-BOB", 1),
    ("ST-2", 2, EMPTY_CARD, 1),
    (JAMMED_STATION, 1, None, 0),
    (JAMMED_STATION, 2, "CARD-EVE", 1),
]
_SESSION_SEED = [
    ("ses_bob", "ST-2", 1, "CARD-BOB", "charging", 1250),
    ("ses_empty", "ST-2", 2, EMPTY_CARD, "charging", 800),
    ("ses_eve", JAMMED_STATION, 2, "CARD-EVE", "charging", 430),
]


class UnknownStation(ActionError):
    """No such station; trying again does not help."""

    def __init__(self, station_id: str) -> None:
        """Name the station."""
        super().__init__(f"there is no station {station_id!r}", retryable=False)


def build(db: sqlite3.Connection) -> None:
    """Make the stations on first use, inside the caller's transaction."""
    db.execute(_SLOTS)
    db.execute(_SESSIONS)
    db.executemany("INSERT OR IGNORE INTO slots (station_id, number, card_id, locked) VALUES (?, ?, ?, ?)", _SLOT_SEED)
    db.executemany("INSERT OR IGNORE INTO sessions VALUES (?, ?, ?, ?, ?, ?)", _SESSION_SEED)


def require_station(db: sqlite3.Connection, station_id: str) -> None:
    """Raise unless there is such a station."""
    if db.execute("SELECT 1 FROM slots WHERE station_id = ?", (station_id,)).fetchone() is None:
        raise UnknownStation(station_id)


@contextmanager
def stations(path: Path | None = None) -> Generator[sqlite3.Connection]:
    """Give a connection inside one write transaction, with the stations there."""
    with transaction(path) as db:
        build(db)
        yield db


def slots(path: Path | None = None) -> dict[str, str]:
    """Who has each slot: `STATION/NUMBER` -> card, or `free`."""
    with stations(path) as db:
        rows = db.execute("SELECT station_id, number, card_id FROM slots ORDER BY station_id, number").fetchall()
    return {f"{row['station_id']}/{row['number']}": row["card_id"] or "free" for row in rows}
