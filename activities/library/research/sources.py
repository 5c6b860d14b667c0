"""Figures to write about: gauges that are read at once, and an archive whose documents are ordered and may be old."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field

from advanced_workflow.activities.action.errors import ActionError
from advanced_workflow.activities.library.ledger import Data, take_effect, transaction, undo_effect
from advanced_workflow.activities.library.namespaces import research
from advanced_workflow.workflows.contract import UndoInput

ORDER = "archive_order"

_FIGURES = """
    CREATE TABLE IF NOT EXISTS research_figures (
        kept_in TEXT NOT NULL CHECK (kept_in IN ('archive', 'gauge')),
        place TEXT NOT NULL,
        figure TEXT NOT NULL,
        year INTEGER NOT NULL,
        PRIMARY KEY (kept_in, place)
    ) STRICT
"""
_READERS = """
    CREATE TABLE IF NOT EXISTS research_readers (
        name TEXT PRIMARY KEY
    ) STRICT
"""
_ROWS = [
    ("archive", "danube", "At Vienna the Danube carries 1900 cubic metres of water a second.", 2021),
    ("archive", "vienna", "Vienna has 2,083,630 inhabitants.", 1910),
    ("gauge", "danube", "At Vienna the Danube carries 1870 cubic metres of water a second.", 2024),
    ("gauge", "vienna", "Vienna has 2,028,289 inhabitants.", 2024),
    ("gauge", "austria", "Austria has 9,170,647 inhabitants.", 2024),
    ("gauge", "lake", "The water of the lake stands 115.4 metres above the sea.", 2023),
]
Place = Annotated[str, Field(min_length=1, max_length=100)]


class Figure(BaseModel):
    """What was counted or measured, when, and where that stands."""

    figure: str
    year: int
    source: str


class UnknownFigure(ActionError):
    """Nothing is known of the place there; trying again does not help."""

    def __init__(self, kept_in: str, place: str) -> None:
        """Name both."""
        super().__init__(f"the {kept_in} has nothing about {place[:100]!r}", retryable=False)


@contextmanager
def shelves(path: Path | None = None) -> Generator[sqlite3.Connection]:
    """Give a connection inside one write transaction, with the figures and the readers there."""
    with transaction(path) as db:
        build(db)
        yield db


def build(db: sqlite3.Connection) -> None:
    """Make the tables on first use, inside the caller's transaction."""
    for table in (_FIGURES, _READERS):
        db.execute(table)
    db.executemany("INSERT OR IGNORE INTO research_figures VALUES (?, ?, ?, ?)", _ROWS)
    db.executemany("INSERT OR IGNORE INTO research_readers VALUES (?)", [("ministry",), ("press",)])


@research.action
def read_gauge(place: Place) -> Figure:
    """Read the latest figure that was measured at a place."""
    with shelves() as db:
        return _figure(db, "gauge", place)


@research.action
def order_document(place: Place) -> Figure:
    """Order what the archive has about a place. An order costs money; one that was not needed is cancelled."""

    def order(db: sqlite3.Connection) -> Data:
        build(db)
        return _figure(db, "archive", place).model_dump()

    return Figure.model_validate(take_effect(ORDER, order))


@research.action
def cancel_order(step: UndoInput) -> bool:
    """Cancel an order; false where nothing was ordered."""
    return undo_effect(ORDER, step)


def _figure(db: sqlite3.Connection, kept_in: str, place: str) -> Figure:
    query = "SELECT figure, year FROM research_figures WHERE kept_in = ? AND place = ?"
    row = db.execute(query, (kept_in, place.lower())).fetchone()
    if row is None:
        raise UnknownFigure(kept_in, place)
    return Figure(figure=row["figure"], year=row["year"], source=f"{kept_in}:{place.lower()}")
