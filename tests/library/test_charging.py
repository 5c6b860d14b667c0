from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from advanced_workflow.activities.library import charging
from advanced_workflow.activities.library.charging.stations import slots, stations
from advanced_workflow.activities.library.ledger import PATH_SETTING
from tests.library.outcomes import effects, ledger_summary
from tests.unit.acting import call, fails, undo_input

SCAN: dict[str, Any] = {"station_id": "ST-1", "card_id": "CARD-ADA"}
BILL: dict[str, Any] = {"session_id": "ses_bob", "card_id": "CARD-BOB", "amount_cents": 1250}

EFFECTS: list[tuple[str, str, str, dict[str, Any]]] = [
    ("acquire_slot", "release_slot", "slot", SCAN),
    ("lock_slot", "unlock_slot", "lock", {"station_id": "ST-1", "number": 2}),
    ("start_session", "withdraw_session", "session", {**SCAN, "number": 2}),
    ("end_session", "resume_session", "session_end", {"session_id": "ses_bob"}),
    ("pay_session", "refund_session", "payment", BILL),
    ("record_debt", "strike_debt", "debt", BILL),
    ("free_slot", "retake_slot", "release", {"station_id": "ST-2", "number": 1, "card_id": "CARD-BOB"}),
    ("set_light", "reset_light", "light", {"station_id": "ST-1", "light": "main", "color": "red", "mode": "on"}),
    ("open_ticket", "close_ticket", "ticket", {"station_id": "ST-1", "error": "no power"}),
]
each_effect = pytest.mark.parametrize(("name", "undo", "kind", "given"), EFFECTS, ids=[effect[0] for effect in EFFECTS])


@pytest.fixture(autouse=True)
def _ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PATH_SETTING, str(tmp_path / "ledger.db"))


def tables() -> list[tuple[Any, ...]]:
    """Every slot and every session that was not withdrawn."""
    with stations() as db:
        found = db.execute("SELECT * FROM slots").fetchall()
        found += db.execute("SELECT * FROM sessions WHERE state != 'withdrawn'").fetchall()
    return [tuple(row) for row in found]


@each_effect
async def test_a_repeated_attempt_gets_the_first_answer_and_changes_nothing_more(
    name: str, undo: str, kind: str, given: dict[str, Any]
):
    first = await call(getattr(charging, name), given)
    after = tables()

    assert await call(getattr(charging, name), given, attempt=2) == first
    assert (tables(), ledger_summary()) == (after, {kind: {"done": 1, "undone": 0}})


@each_effect
async def test_an_undo_leaves_the_station_as_it_was(name: str, undo: str, kind: str, given: dict[str, Any]):
    before = tables()
    output = await call(getattr(charging, name), given)

    for known in (output, None):
        assert await call(getattr(charging, undo), undo_input(given, known), "step.rollback[0]") is True
        assert tables() == before
    assert ledger_summary() == {kind: {"done": 0, "undone": 1}}


@each_effect
async def test_after_the_undo_a_straggling_attempt_changes_nothing(
    name: str, undo: str, kind: str, given: dict[str, Any]
):
    before = tables()
    assert await call(getattr(charging, undo), undo_input(given), "step.rollback[0]") is False

    assert (await fails(getattr(charging, name), given)).type == "StepUndone"
    assert (tables(), ledger_summary()) == (before, {})


@pytest.mark.parametrize(
    ("name", "given", "error_type", "final"),
    [
        ("find_session", {"station_id": "ST-9", "card_id": "CARD-ADA"}, "UnknownStation", True),
        ("acquire_slot", {"station_id": "ST-9", "card_id": "CARD-ADA"}, "UnknownStation", True),
        ("acquire_slot", {"station_id": "ST-2", "card_id": "CARD-ADA"}, "NoSlotFree", True),
        ("acquire_slot", {"station_id": "ST-2", "card_id": "CARD-BOB"}, "CardInUse", True),
        ("lock_slot", {"station_id": "ST-JAM", "number": 1}, "LockJammed", False),
        ("free_slot", {"station_id": "ST-JAM", "number": 2, "card_id": "CARD-EVE"}, "LockJammed", False),
        ("pay_session", {**BILL, "card_id": "CARD-EMPTY"}, "CardDeclined", True),
        ("set_light", {"station_id": "ST-1", "light": "1", "color": "pink", "mode": "on"}, "InputInvalid", True),
    ],
)
async def test_a_refusal_is_typed_and_changes_nothing(name: str, given: dict[str, Any], error_type: str, final: bool):
    before = tables()

    error = await fails(getattr(charging, name), given)

    assert (error.type, error.non_retryable) == (error_type, final)
    assert (tables(), ledger_summary()) == (before, {})


async def test_of_cards_that_want_the_last_slot_one_gets_it():
    cards = [f"CARD-{n}" for n in range(5)]
    scans = [call(charging.acquire_slot, {"station_id": "ST-JAM", "card_id": card}, card) for card in cards]

    ended = await asyncio.gather(*scans, return_exceptions=True)

    taken = [one for one in ended if not isinstance(one, BaseException)]
    assert [one["number"] for one in taken] == [1]
    assert slots()["ST-JAM/1"] == taken[0]["card_id"]


async def test_a_card_finds_the_session_it_started_until_it_ends():
    started = await call(charging.start_session, {**SCAN, "number": 1}, "start")
    found = await call(charging.find_session, SCAN)
    await call(charging.end_session, {"session_id": started["session_id"]}, "end")

    assert found == {"session": {**SCAN, "session_id": started["session_id"], "number": 1, "amount_cents": 0}}
    assert await call(charging.find_session, SCAN) == {"session": None}


async def test_a_slot_that_somebody_else_took_cannot_be_given_back():
    given = {"station_id": "ST-2", "number": 1, "card_id": "CARD-BOB"}
    await call(charging.free_slot, given)
    await call(charging.acquire_slot, {"station_id": "ST-2", "card_id": "CARD-ADA"}, "other")

    error = await fails(charging.retake_slot, undo_input(given), "step.rollback[0]")

    assert error.type == "NoSlotFree"
    assert slots()["ST-2/1"] == "CARD-ADA"


async def test_an_event_is_announced_once():
    for attempt in (1, 2):
        await call(charging.announce, {"event": "out-of-order", "data": {"error": "no power"}}, attempt=attempt)

    assert [one["data"] for one in effects()] == [{"event": "out-of-order", "data": {"error": "no power"}}]
