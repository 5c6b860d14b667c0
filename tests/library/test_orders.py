from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from advanced_workflow.activities.action.decorator import action_of
from advanced_workflow.activities.library import orders
from advanced_workflow.activities.library.orders.database import DEFAULT_PATH, ORDERS, PATH_SETTING, transaction
from advanced_workflow.activities.library.orders.payments import LATENCY_PLACE_SETTING, LATENCY_SETTING
from advanced_workflow.activities.library.orders.stock import Item
from tests.library.outcomes import order_summary

ADDRESS = {"name": "Ada", "street": "1 Main St", "city": "London", "country": "GB"}
CHARGE: dict[str, Any] = {"order_id": "A-1", "amount_cents": 500, "card_token": "tok_visa"}

EFFECTS: list[tuple[str, str, str, dict[str, Any], str, str]] = [
    (
        "reserve_stock",
        "release_stock",
        "reservations",
        {"order_id": "A-1", "items": [{"sku": "book", "quantity": 3}]},
        "reserved",
        "released",
    ),
    ("charge_card", "refund_payment", "payments", CHARGE, "charged", "refunded"),
    (
        "create_shipment",
        "cancel_shipment",
        "shipments",
        {"order_id": "A-1", "address": ADDRESS},
        "created",
        "cancelled",
    ),
    ("issue_invoice", "void_invoice", "invoices", {"order_id": "A-1", "amount_cents": 500}, "issued", "voided"),
    (
        "notify_customer",
        "correct_notification",
        "outbox",
        {"order_id": "A-1", "recipient": "a@b.c", "shipment_id": "shp_1"},
        "queued",
        "corrected",
    ),
]
each_effect = pytest.mark.parametrize(
    ("name", "undo", "table", "given", "done", "undone"), EFFECTS, ids=[effect[0] for effect in EFFECTS]
)


@pytest.fixture(autouse=True)
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "shop" / "orders.db"
    monkeypatch.setenv(PATH_SETTING, str(path))
    monkeypatch.delenv(LATENCY_SETTING, raising=False)
    monkeypatch.delenv(LATENCY_PLACE_SETTING, raising=False)
    return path


async def call(name: str, given: Any, step: str = "step") -> Any:
    """Run one attempt of an action as the worker does."""
    found = action_of(getattr(orders, name))
    assert found is not None
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, activity_id=step, workflow_run_id="run")
    return await environment.run(found.activity(), given)


def undo_input(given: Any, output: Any = None, step: str = "step") -> dict[str, Any]:
    outcome = "completed" if output is not None else "unknown"
    return {"step_id": step, "input": given, "output": output, "outcome": outcome, "idempotency_key": f"run:{step}"}


async def fails(name: str, given: Any, step: str = "step") -> ApplicationError:
    with pytest.raises(ApplicationError) as caught:
        await call(name, given, step)
    return caught.value


@each_effect
async def test_a_repeated_attempt_gets_the_first_answer_and_no_second_effect(
    name: str, undo: str, table: str, given: dict[str, Any], done: str, undone: str
):
    first = await call(name, given)
    stock = order_summary()["stock"]

    assert await call(name, given) == first
    assert order_summary()[table] == {done: 1}
    assert order_summary()["stock"] == stock


@each_effect
async def test_another_step_takes_effect_of_its_own(
    name: str, undo: str, table: str, given: dict[str, Any], done: str, undone: str
):
    first = await call(name, given, "one")

    assert await call(name, given, "two") != first or table == "reservations"
    assert order_summary()[table] == {done: 2}


@each_effect
async def test_an_undo_works_once_however_often_it_is_called(
    name: str, undo: str, table: str, given: dict[str, Any], done: str, undone: str
):
    output = await call(name, given)

    for _ in range(2):
        assert await call(undo, undo_input(given, output), "step.rollback[0]") == undone
    assert order_summary()[table].pop(undone) == 1
    assert done not in order_summary()[table]


@each_effect
async def test_a_step_of_unknown_outcome_is_undone_if_it_took_effect(
    name: str, undo: str, table: str, given: dict[str, Any], done: str, undone: str
):
    await call(name, given)

    assert await call(undo, undo_input(given), "step.rollback[0]") == undone


@each_effect
async def test_after_the_undo_a_straggling_attempt_cannot_take_effect(
    name: str, undo: str, table: str, given: dict[str, Any], done: str, undone: str
):
    assert await call(undo, undo_input(given), "step.rollback[0]") == "void"
    assert await call(undo, undo_input(given), "step.rollback[0]") == "void"

    error = await fails(name, given)

    assert (error.type, error.non_retryable) == ("StepUndone", True)
    assert order_summary()[table] == {"void": 1}
    assert order_summary()["stock"]["book"] == 1000


async def test_reserving_takes_stock_and_totals_the_prices():
    given = {"order_id": "A-1", "items": [{"sku": "book", "quantity": 2}, {"sku": "desk", "quantity": 1}]}

    answer = await call("reserve_stock", given)

    assert answer["total_cents"] == 2 * 1900 + 69900
    assert (order_summary()["stock"]["book"], order_summary()["stock"]["desk"]) == (998, 9)

    await call("release_stock", undo_input(given, answer), "step.rollback[0]")
    assert (order_summary()["stock"]["book"], order_summary()["stock"]["desk"]) == (1000, 10)


async def test_an_order_is_reserved_whole_or_not_at_all():
    error = await fails(
        "reserve_stock", {"order_id": "A-1", "items": [{"sku": "book", "quantity": 1}, {"sku": "globe", "quantity": 2}]}
    )

    assert (error.type, error.non_retryable, error.details) == ("OutOfStock", True, ({"sku": "globe", "left": 1},))
    assert order_summary()["stock"]["book"] == 1000
    assert order_summary()["reservations"] == {}


async def test_business_errors_are_typed_and_final():
    unknown = await fails("reserve_stock", {"order_id": "A-1", "items": [{"sku": "unicorn", "quantity": 1}]})
    declined = await fails("charge_card", {**CHARGE, "card_token": "tok_declined"})
    far = await fails("create_shipment", {"order_id": "A-1", "address": {**ADDRESS, "country": "AQ"}})

    assert [(error.type, error.non_retryable) for error in (unknown, declined, far)] == [
        ("UnknownProduct", True),
        ("CardDeclined", True),
        ("NotDeliverable", True),
    ]
    assert order_summary()["payments"] == {}


async def test_concurrent_attempts_of_one_step_take_effect_once():
    def attempt(_: int) -> Any:
        environment = ActivityEnvironment()
        environment.info = replace(environment.info, activity_id="step", workflow_run_id="run")
        barrier.wait()
        return environment.run(orders.charge_card, **CHARGE).payment_id

    barrier = threading.Barrier(8)
    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(attempt, range(8)))

    assert len(answers) == 1
    assert order_summary()["payments"] == {"charged": 1}


async def test_concurrent_orders_never_sell_more_than_there_is():
    def attempt(number: int) -> bool:
        environment = ActivityEnvironment()
        environment.info = replace(environment.info, activity_id=f"step{number}", workflow_run_id="run")
        try:
            environment.run(orders.reserve_stock, "A", [Item(sku="globe", quantity=1)])
        except ApplicationError:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(attempt, range(6))) == 1
    assert order_summary()["stock"]["globe"] == 0


async def test_invoice_numbers_have_no_gaps_and_are_not_used_twice():
    numbers: list[int] = []
    for step in ("a", "b", "c"):
        given = {"order_id": step, "amount_cents": 1}
        answer = await call("issue_invoice", given, step)
        numbers.append(answer["number"])
        await call("void_invoice", undo_input(given, answer, step), f"{step}.rollback[0]")
    await call("void_invoice", undo_input({"order_id": "d"}, None, "d"), "d.rollback[0]")
    numbers.append((await call("issue_invoice", {"order_id": "e", "amount_cents": 1}, "e"))["number"])

    assert numbers == [1001, 1002, 1003, 1004]


async def test_a_correction_follows_a_message_that_was_queued():
    given = {"order_id": "A-1", "recipient": "a@b.c", "shipment_id": "shp_1"}
    output = await call("notify_customer", given)
    await call("correct_notification", undo_input(given, output), "step.rollback[0]")

    assert order_summary()["outbox"] == {"corrected": 1, "correction": 1}
    with transaction() as db:
        rows = db.execute("SELECT recipient, body FROM outbox ORDER BY rowid").fetchall()
    assert {row["recipient"] for row in rows} == {"a@b.c"}
    assert "cancelled" in rows[1]["body"]


@pytest.mark.parametrize(("place", "charged_meanwhile"), [("before", {}), ("after", {"charged": 1})])
async def test_the_provider_s_latency_lies_before_or_after_the_charge(
    place: str, charged_meanwhile: dict[str, int], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(LATENCY_SETTING, "30")
    monkeypatch.setenv(LATENCY_PLACE_SETTING, place)
    slept: list[tuple[float, dict[str, int]]] = []
    monkeypatch.setattr("time.sleep", lambda seconds: slept.append((seconds, order_summary()["payments"])))

    await call("charge_card", CHARGE)

    assert slept == [(30.0, charged_meanwhile)]


async def test_a_latency_that_is_no_number_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(LATENCY_SETTING, "soon")

    assert LATENCY_SETTING in (await fails("charge_card", CHARGE)).message


async def test_the_database_outlives_processes_and_is_in_wal_mode(database: Path):
    await call("charge_card", CHARGE)

    connection = sqlite3.connect(database)
    try:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        row = connection.execute("SELECT idempotency_key, order_id, amount_cents, answer FROM payments").fetchone()
    finally:
        connection.close()
    assert row[:3] == ("run:step", "A-1", 500)
    assert "tok_visa" not in json.dumps(row)


def test_the_database_lies_under_the_current_folder_by_default(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv(PATH_SETTING)

    assert ORDERS.path() == DEFAULT_PATH


def test_many_processes_may_make_the_database_at_once(database: Path):
    def first_use(_: int) -> int:
        barrier.wait()
        return order_summary()["stock"]["book"]

    barrier = threading.Barrier(6)
    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(first_use, range(6))) == {1000}


def test_a_failed_transaction_leaves_nothing(database: Path):
    def fail() -> None:
        with transaction() as db:
            db.execute("UPDATE stock SET quantity = 0")
            raise LookupError

    run: Callable[[], None] = fail
    with pytest.raises(LookupError):
        run()
    assert order_summary()["stock"]["book"] == 1000
