from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from advanced_workflow.activities.library.banking import (
    check_transfer,
    deposit,
    return_withdrawal,
    take_back_deposit,
    withdraw,
)
from advanced_workflow.activities.library.ledger import PATH_SETTING
from tests.library.outcomes import balances, ledger_summary
from tests.unit.acting import call, fails, undo_input

GIVEN: dict[str, Any] = {"account": "GB-BEN", "amount_cents": 20_000}
ADA, BEN = 1_000_000, 50_000

Function = Callable[..., Any]
each_booking = pytest.mark.parametrize(
    ("book", "undo", "kind", "after"),
    [
        pytest.param(withdraw, return_withdrawal, "withdrawal", 30_000, id="withdraw"),
        pytest.param(deposit, take_back_deposit, "deposit", 70_000, id="deposit"),
    ],
)


@pytest.fixture(autouse=True)
def _ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PATH_SETTING, str(tmp_path / "ledger.db"))


@each_booking
async def test_a_repeated_attempt_moves_the_money_once(book: Function, undo: Function, kind: str, after: int):
    first = await call(book, GIVEN)

    assert await call(book, GIVEN, attempt=2) == first
    assert balances()["GB-BEN"] == after
    assert ledger_summary() == {kind: {"done": 1, "undone": 0}}


@each_booking
async def test_an_undo_moves_it_back_once_whether_the_answer_is_known_or_not(
    book: Function, undo: Function, kind: str, after: int
):
    made = await call(book, GIVEN)

    for known in (made, None):
        assert await call(undo, undo_input(GIVEN, known), "step.rollback[0]") is True
        assert balances()["GB-BEN"] == BEN
    assert ledger_summary() == {kind: {"done": 0, "undone": 1}}


@each_booking
async def test_after_the_undo_a_straggling_attempt_moves_nothing(book: Function, undo: Function, kind: str, after: int):
    assert await call(undo, undo_input(GIVEN), "step.rollback[0]") is False

    assert (await fails(book, GIVEN)).type == "StepUndone"
    assert balances()["GB-BEN"] == BEN


@pytest.mark.parametrize(
    ("function", "given", "error_type", "final"),
    [
        (withdraw, {"account": "GB-BEN", "amount_cents": BEN + 1}, "InsufficientFunds", True),
        (withdraw, {"account": "GB-NOBODY", "amount_cents": 1}, "UnknownAccount", True),
        (deposit, {"account": "GB-GONE", "amount_cents": 1}, "AccountClosed", True),
        (deposit, {"account": "GB-NOBODY", "amount_cents": 1}, "UnknownAccount", True),
        (deposit, {"account": "GB-BEN", "amount_cents": 0}, "InputInvalid", True),
        (withdraw, {"account": "GB-BUSY", "amount_cents": 1}, "BankUnavailable", False),
    ],
)
async def test_a_refusal_is_typed_and_moves_nothing(
    function: Function, given: dict[str, Any], error_type: str, final: bool
):
    before = balances()

    error = await fails(function, given)

    assert (error.type, error.non_retryable) == (error_type, final)
    assert (balances(), ledger_summary()) == (before, {})


async def test_an_account_may_be_emptied_and_no_more():
    await call(withdraw, {"account": "GB-BEN", "amount_cents": BEN})

    assert balances()["GB-BEN"] == 0


async def test_a_bank_that_was_down_pays_at_the_third_attempt():
    given = {"account": "GB-BUSY", "amount_cents": 1}

    assert (await fails(withdraw, given, attempt=2)).type == "BankUnavailable"
    await call(withdraw, given, attempt=3)

    assert balances()["GB-BUSY"] == 99_999


async def test_a_deposit_that_was_spent_cannot_be_taken_back():
    given = {"account": "GB-BEN", "amount_cents": 1_000}
    made = await call(deposit, given)
    await call(withdraw, {"account": "GB-BEN", "amount_cents": 50_500}, "shopping")

    error = await fails(take_back_deposit, undo_input(given, made), "step.rollback[0]")

    assert (error.type, error.non_retryable) == ("InsufficientFunds", True)
    assert balances()["GB-BEN"] == 500
    assert ledger_summary()["deposit"] == {"done": 1, "undone": 0}


@pytest.mark.parametrize(
    ("to", "amount", "error_type"),
    [("GB-ADA", 1, "SameAccount"), ("GB-BEN", ADA + 1, "InsufficientFunds"), ("GB-BEN", 0, "InputInvalid")],
)
async def test_a_transfer_that_makes_no_sense_does_not_pass_the_check(to: str, amount: int, error_type: str):
    error = await fails(check_transfer, {"from_account": "GB-ADA", "to_account": to, "amount_cents": amount})

    assert (error.type, error.non_retryable) == (error_type, True)


async def test_what_only_the_receivers_bank_knows_passes_the_check():
    given = {"from_account": "GB-ADA", "to_account": "GB-NOBODY", "amount_cents": ADA}

    assert await call(check_transfer, given) is None


async def test_of_withdrawals_at_the_same_time_only_those_the_account_can_pay_succeed():
    given = {"account": "GB-BEN", "amount_cents": 20_000}

    ended = await asyncio.gather(*(call(withdraw, given, f"{n}") for n in range(5)), return_exceptions=True)

    assert len([one for one in ended if not isinstance(one, BaseException)]) == 2
    assert balances()["GB-BEN"] == 10_000


async def test_an_error_does_not_tell_what_the_account_holds():
    error = await fails(withdraw, {"account": "GB-BEN", "amount_cents": 99_999_999})

    assert str(BEN) not in str(error)
