"""Slots of a charging station: taking one, locking the cable in, and letting it go."""

from __future__ import annotations

import sqlite3

from pydantic import BaseModel

from advanced_workflow.activities.action.errors import ActionError
from advanced_workflow.activities.library.charging.stations import JAMMED_STATION, build, require_station
from advanced_workflow.activities.library.ledger import Data, take_effect, undo_effect
from advanced_workflow.activities.library.namespaces import charging
from advanced_workflow.workflows.contract import UndoInput

SLOT = "slot"
LOCK = "lock"
RELEASE = "release"


class Slot(BaseModel):
    """A slot and the card that has it."""

    station_id: str
    number: int
    card_id: str


class NoSlotFree(ActionError):
    """Every slot of the station is taken."""

    def __init__(self, station_id: str) -> None:
        """Name the station."""
        super().__init__(f"no slot of station {station_id!r} is free", retryable=False)


class CardInUse(ActionError):
    """The card has a slot already; a second scan came before the first was through."""

    def __init__(self, card_id: str) -> None:
        """Name the card."""
        super().__init__(f"card {card_id!r} has a slot already", retryable=False)


class LockJammed(ActionError):
    """The lock of the slot did not move."""

    def __init__(self, station_id: str, number: int) -> None:
        """Name the slot."""
        super().__init__(f"the lock of slot {number} of station {station_id!r} did not move")


@charging.action
def acquire_slot(station_id: str, card_id: str) -> Slot:
    """Take a free slot for a card; of two cards that want the last one, one gets it."""

    def take(db: sqlite3.Connection) -> Data:
        build(db)
        require_station(db, station_id)
        if db.execute("SELECT 1 FROM slots WHERE station_id = ? AND card_id = ?", (station_id, card_id)).fetchone():
            raise CardInUse(card_id)
        query = "SELECT number FROM slots WHERE station_id = ? AND card_id IS NULL ORDER BY number LIMIT 1"
        free = db.execute(query, (station_id,)).fetchone()
        if free is None:
            raise NoSlotFree(station_id)
        taken = Slot(station_id=station_id, number=free["number"], card_id=card_id)
        _give(db, taken, card_id)
        return taken.model_dump()

    return Slot.model_validate(take_effect(SLOT, take))


@charging.action
def release_slot(step: UndoInput) -> bool:
    """Let an acquired slot go; false where none was acquired."""
    return undo_effect(SLOT, step, lambda db, taken: _give(db, Slot.model_validate(taken), None))


@charging.action
def lock_slot(station_id: str, number: int) -> None:
    """Lock the cable in."""
    _require_moving(station_id, number)

    def lock(db: sqlite3.Connection) -> Data:
        build(db)
        _set_lock(db, station_id, number, locked=True)
        return {"station_id": station_id, "number": number}

    take_effect(LOCK, lock)


@charging.action
def unlock_slot(step: UndoInput) -> bool:
    """Undo the locking; false where the cable was not locked."""
    return undo_effect(LOCK, step, lambda db, made: _set_lock(db, made["station_id"], made["number"], locked=False))


@charging.action
def free_slot(station_id: str, number: int, card_id: str) -> None:
    """Unlock the cable of a card that is through, and let the next one have the slot."""
    _require_moving(station_id, number)

    def free(db: sqlite3.Connection) -> Data:
        build(db)
        freed = Slot(station_id=station_id, number=number, card_id=card_id)
        _give(db, freed, None)
        _set_lock(db, station_id, number, locked=False)
        return freed.model_dump()

    take_effect(RELEASE, free)


@charging.action
def retake_slot(step: UndoInput) -> bool:
    """Give the slot back to the card that left it; false where it had not left. Fails when another card has it."""
    return undo_effect(RELEASE, step, _take_again)


def _take_again(db: sqlite3.Connection, data: Data) -> None:
    freed = Slot.model_validate(data)
    query = "SELECT card_id FROM slots WHERE station_id = ? AND number = ?"
    if db.execute(query, (freed.station_id, freed.number)).fetchone()["card_id"] is not None:
        raise NoSlotFree(freed.station_id)
    _give(db, freed, freed.card_id)
    _set_lock(db, freed.station_id, freed.number, locked=True)


def _give(db: sqlite3.Connection, slot: Slot, card_id: str | None) -> None:
    place = (card_id, slot.station_id, slot.number)
    db.execute("UPDATE slots SET card_id = ? WHERE station_id = ? AND number = ?", place)


def _set_lock(db: sqlite3.Connection, station_id: str, number: int, *, locked: bool) -> None:
    db.execute("UPDATE slots SET locked = ? WHERE station_id = ? AND number = ?", (int(locked), station_id, number))


def _require_moving(station_id: str, number: int) -> None:
    if station_id == JAMMED_STATION:
        raise LockJammed(station_id, number)
