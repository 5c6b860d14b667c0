"""Organisational units: their names are unique, also when two runs make the same one at once."""

from __future__ import annotations

import sqlite3
from typing import Annotated, Any

from pydantic import BaseModel, Field

from advanced_workflow.activities.action.context import new_id
from advanced_workflow.activities.action.errors import ActionError
from advanced_workflow.activities.library.ledger import take_effect, transaction, undo_effect
from advanced_workflow.activities.library.namespaces import organisation
from advanced_workflow.activities.library.organisation.database import prepare
from advanced_workflow.workflows.contract import UndoInput

UNIT = "unit"
Name = Annotated[str, Field(min_length=1, max_length=128)]


class Unit(BaseModel):
    """An organisational unit."""

    unit_id: str
    name: str


class DuplicateUnit(ActionError):
    """There is one of that name."""

    def __init__(self, name: str) -> None:
        """Name it."""
        super().__init__(f"there is a unit {name!r} already", retryable=False)


class UnknownUnit(ActionError):
    """There is none of that name or id."""

    def __init__(self, unit: str) -> None:
        """Name it."""
        super().__init__(f"there is no unit {unit!r}", retryable=False)


class UnitNotEmpty(ActionError):
    """Others rely on it by now, so it stays."""

    def __init__(self, name: str, accounts: int) -> None:
        """Say how many."""
        super().__init__(f"unit {name!r} holds {accounts} accounts of others and stays", retryable=False)


@organisation.action
def create_unit(name: Name) -> Unit:
    """Make a unit; one of that name is the failure `DuplicateUnit`."""

    def create(db: sqlite3.Connection) -> dict[str, Any]:
        prepare(db)
        if db.execute("SELECT 1 FROM units WHERE name = ?", (name,)).fetchone():
            raise DuplicateUnit(name)
        unit = Unit(unit_id=new_id("unit"), name=name)
        db.execute("INSERT INTO units (unit_id, name) VALUES (?, ?)", (unit.unit_id, name))
        return unit.model_dump()

    return Unit.model_validate(take_effect(UNIT, create))


@organisation.action
def delete_unit(step: UndoInput) -> bool:
    """Delete the unit a step made; false where it made none. A unit that holds accounts stays: `UnitNotEmpty`."""

    def delete(db: sqlite3.Connection, unit: dict[str, Any]) -> None:
        held = db.execute("SELECT count(*) FROM accounts WHERE unit_id = ?", (unit["unit_id"],)).fetchone()[0]
        if held:
            raise UnitNotEmpty(unit["name"], held)
        db.execute("DELETE FROM units WHERE unit_id = ?", (unit["unit_id"],))

    return undo_effect(UNIT, step, delete)


@organisation.action
def find_unit(name: Name) -> Unit:
    """Look a unit up by its name."""
    with transaction() as db:
        prepare(db)
        row = db.execute("SELECT unit_id, name FROM units WHERE name = ?", (name,)).fetchone()
    if row is None:
        raise UnknownUnit(name)
    return Unit(unit_id=row["unit_id"], name=row["name"])
