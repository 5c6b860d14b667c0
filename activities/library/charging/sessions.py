"""Charging sessions: finding, starting, ending and paying them."""

from __future__ import annotations

import sqlite3
from typing import Literal

from pydantic import BaseModel

from advanced_workflow.activities.action.context import new_id
from advanced_workflow.activities.library.charging.stations import EMPTY_CARD, build, require_station, stations
from advanced_workflow.activities.library.ledger import Data, take_effect, undo_effect
from advanced_workflow.activities.library.namespaces import charging
from advanced_workflow.activities.library.orders.payments import CardDeclined
from advanced_workflow.workflows.contract import UndoInput

SESSION = "session"
END = "session_end"
PAYMENT = "payment"
DEBT = "debt"

State = Literal["charging", "ended", "withdrawn"]


class Session(BaseModel):
    """A car that charges, or did."""

    session_id: str
    station_id: str
    number: int
    card_id: str
    amount_cents: int


class FoundSession(BaseModel):
    """The session a card has at a station, if any."""

    session: Session | None


class Bill(BaseModel):
    """What a session costs."""

    session_id: str
    card_id: str
    amount_cents: int


@charging.action
def find_session(station_id: str, card_id: str) -> FoundSession:
    """Look for the running session of a card."""
    with stations() as db:
        require_station(db, station_id)
        query = "SELECT * FROM sessions WHERE station_id = ? AND card_id = ? AND state = 'charging'"
        row = db.execute(query, (station_id, card_id)).fetchone()
    return FoundSession(session=None if row is None else Session.model_validate(dict(row)))


@charging.action
def start_session(station_id: str, number: int, card_id: str) -> Session:
    """Let the current flow."""
    session = Session(session_id=new_id("ses"), station_id=station_id, number=number, card_id=card_id, amount_cents=0)

    def start(db: sqlite3.Connection) -> Data:
        build(db)
        row = (session.session_id, station_id, number, card_id, "charging", 0)
        db.execute("INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?)", row)
        return session.model_dump()

    return Session.model_validate(take_effect(SESSION, start))


@charging.action
def withdraw_session(step: UndoInput) -> bool:
    """Stop a session that should not have started; false where it did not."""
    return undo_effect(SESSION, step, lambda db, made: _set_state(db, made["session_id"], "withdrawn"))


@charging.action
def end_session(session_id: str) -> None:
    """Stop the current."""

    def end(db: sqlite3.Connection) -> Data:
        build(db)
        _set_state(db, session_id, "ended")
        return {"session_id": session_id}

    take_effect(END, end)


@charging.action
def resume_session(step: UndoInput) -> bool:
    """Let the current flow again, so that the next scan can end the session; false where it was not ended."""
    return undo_effect(END, step, lambda db, made: _set_state(db, made["session_id"], "charging"))


@charging.action
def pay_session(session_id: str, card_id: str, amount_cents: int) -> Bill:
    """Take what the session costs from the card."""
    if card_id == EMPTY_CARD:
        raise CardDeclined
    return _bill(PAYMENT, session_id, card_id, amount_cents)


@charging.action
def refund_session(step: UndoInput) -> bool:
    """Pay it back; false where nothing was paid."""
    return undo_effect(PAYMENT, step)


@charging.action
def record_debt(session_id: str, card_id: str, amount_cents: int) -> Bill:
    """Note what the card's owner owes."""
    return _bill(DEBT, session_id, card_id, amount_cents)


@charging.action
def strike_debt(step: UndoInput) -> bool:
    """Forget the debt; false where none was noted."""
    return undo_effect(DEBT, step)


def _bill(kind: str, session_id: str, card_id: str, amount_cents: int) -> Bill:
    bill = Bill(session_id=session_id, card_id=card_id, amount_cents=amount_cents)
    return Bill.model_validate(take_effect(kind, bill.model_dump()))


def _set_state(db: sqlite3.Connection, session_id: str, state: State) -> None:
    db.execute("UPDATE sessions SET state = ? WHERE session_id = ?", (state, session_id))
