from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from temporalio.testing import ActivityEnvironment

from advanced_workflow.activities.action.decorator import action_of
from advanced_workflow.activities.library import sagas
from advanced_workflow.activities.library.ledger import PATH_SETTING
from tests.harness import eventually
from tests.library.outcomes import effects, ledger_summary
from tests.patience import PATIENCE_SECONDS
from tests.unit.acting import call, fails, undo_input

STOCK: dict[str, Any] = {"kind": "stock", "item": "lamp", "reference": "A-1"}
PAYMENT: dict[str, Any] = {"reference": "A-1", "amount_cents": 500, "card_token": "tok_visa"}
PARCEL: dict[str, Any] = {"reference": "A-1", "carrier": "post"}

EFFECTS: list[tuple[str, str, str, dict[str, Any]]] = [
    ("make_reservation", "cancel_reservation", "stock", STOCK),
    ("make_reservation", "cancel_reservation", "flight", {**STOCK, "kind": "flight"}),
    ("make_reservation", "cancel_reservation", "car", {**STOCK, "kind": "car"}),
    ("confirm_reservation", "withdraw_confirmation", "confirmation", {"reservation_id": "res_1", "item": "lamp"}),
    ("take_payment", "return_payment", "payment", PAYMENT),
    ("book_shipping", "cancel_shipping", "shipment", PARCEL),
]
each_effect = pytest.mark.parametrize(
    ("name", "undo", "kind", "given"), EFFECTS, ids=[f"{effect[0]}-{effect[2]}" for effect in EFFECTS]
)


@pytest.fixture(autouse=True)
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PATH_SETTING, str(tmp_path / "ledger.db"))


def named(name: str) -> Callable[..., Any]:
    return getattr(sagas, name)


@each_effect
async def test_a_repeated_attempt_gets_the_first_answer_and_no_second_effect(
    name: str, undo: str, kind: str, given: dict[str, Any]
):
    first = await call(named(name), given)

    assert await call(named(name), given, attempt=2) == first
    assert ledger_summary() == {kind: {"done": 1, "undone": 0}}


@each_effect
async def test_another_step_takes_effect_of_its_own(name: str, undo: str, kind: str, given: dict[str, Any]):
    first = await call(named(name), given, "one")

    assert await call(named(name), given, "two") != first
    assert ledger_summary() == {kind: {"done": 2, "undone": 0}}


@each_effect
async def test_an_effect_is_undone_once_whether_its_answer_is_known_or_not(
    name: str, undo: str, kind: str, given: dict[str, Any]
):
    output = await call(named(name), given)

    for known in (output, None):
        assert await call(named(undo), undo_input(given, known), "step.rollback[0]") is True
    assert ledger_summary() == {kind: {"done": 0, "undone": 1}}


@each_effect
async def test_after_the_undo_a_straggling_attempt_cannot_take_effect(
    name: str, undo: str, kind: str, given: dict[str, Any]
):
    assert await call(named(undo), undo_input(given), "step.rollback[0]") is False

    error = await fails(named(name), given, attempt=2)

    assert (error.type, error.non_retryable) == ("StepUndone", True)
    assert ledger_summary() == {}


@pytest.mark.parametrize(
    ("name", "given", "error_type", "final"),
    [
        ("make_reservation", {**STOCK, "item": "sold-out"}, "SoldOut", True),
        ("make_reservation", {**STOCK, "item": "sold-out-meanwhile"}, "SoldOut", True),
        ("confirm_reservation", {"reservation_id": "res_1", "item": "unconfirmed"}, "NotConfirmed", True),
        ("take_payment", {**PAYMENT, "card_token": "tok_declined"}, "CardDeclined", True),
        ("book_shipping", {**PARCEL, "carrier": "down"}, "CarrierUnavailable", False),
    ],
)
async def test_a_refusal_is_typed_and_leaves_no_effect(name: str, given: dict[str, Any], error_type: str, final: bool):
    error = await fails(named(name), given)

    assert (error.type, error.non_retryable) == (error_type, final)
    assert ledger_summary() == {}


async def test_a_flaky_carrier_takes_the_parcel_at_the_third_attempt():
    given = {**PARCEL, "carrier": "flaky"}

    for attempt in (1, 2):
        assert (await fails(sagas.book_shipping, given, attempt=attempt)).type == "CarrierUnavailable"
    await call(sagas.book_shipping, given, attempt=3)

    assert ledger_summary() == {"shipment": {"done": 1, "undone": 0}}


async def test_a_refund_may_be_refused_for_good_and_the_payment_stays():
    given = {**PAYMENT, "card_token": "tok_no_refund"}
    output = await call(sagas.take_payment, given)

    error = await fails(sagas.return_payment, undo_input(given, output), "step.rollback[0]")

    assert (error.type, error.non_retryable) == ("RefundRefused", True)
    assert ledger_summary() == {"payment": {"done": 1, "undone": 0}}


async def test_a_slow_refund_succeeds_at_the_second_attempt():
    given = {**PAYMENT, "card_token": "tok_slow_refund"}
    undo = undo_input(given, await call(sagas.take_payment, given))

    error = await fails(sagas.return_payment, undo, "step.rollback[0]")

    assert (error.type, error.non_retryable) == ("ProviderBusy", False)
    assert await call(sagas.return_payment, undo, "step.rollback[0]", attempt=2) is True


@pytest.mark.parametrize(
    ("name", "given", "kind"),
    [
        ("make_reservation", {**STOCK, "item": "slow"}, "stock"),
        ("book_shipping", {**PARCEL, "carrier": "silent"}, "shipment"),
    ],
)
async def test_a_late_answer_comes_after_the_effect_and_ends_when_nobody_waits(
    name: str, given: dict[str, Any], kind: str
):
    found = action_of(named(name))
    assert found is not None
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, activity_id="step", workflow_run_id="run")
    attempt = asyncio.ensure_future(environment.run(found.activity(), given))
    await eventually(ledger_summary)
    assert not attempt.done()
    environment.cancel()

    async with asyncio.timeout(PATIENCE_SECONDS):
        await asyncio.wait([attempt])
    assert ledger_summary() == {kind: {"done": 1, "undone": 0}}


async def test_the_ledger_never_sees_a_card_token():
    await call(sagas.take_payment, PAYMENT)

    assert "tok_visa" not in str(effects())
