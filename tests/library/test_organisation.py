from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from advanced_workflow.activities.library import organisation
from advanced_workflow.activities.library.ledger import PATH_SETTING, transaction
from advanced_workflow.activities.library.organisation import (
    close_account,
    create_unit,
    delete_stack,
    delete_unit,
    deploy_stack,
    describe_account,
    find_unit,
    move_account,
    move_account_back,
    order_account,
)
from advanced_workflow.activities.library.organisation.database import EXISTING_UNIT, OWNER_EMAIL
from tests.library.outcomes import ledger_summary
from tests.unit.acting import call, fails, undo_input

UNIT = {"name": "Research"}
ORDER = {"name": "lab", "email": "lab@example.com"}
TEMPLATE = {"Resources": {"Trail": {}, "Budget": {}}}


@pytest.fixture(autouse=True)
def organisation_without_delay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PATH_SETTING, str(tmp_path / "ledger.db"))
    monkeypatch.setattr("advanced_workflow.activities.library.organisation.accounts.PROVIDING_SECONDS", 0.0)


def rows(query: str) -> list[tuple[Any, ...]]:
    with transaction() as db:
        return [tuple(row) for row in db.execute(query).fetchall()]


async def provided(order: dict[str, Any], step: str = "order") -> tuple[str, dict[str, Any]]:
    """Order an account; gives its id and what the order step's undo receives."""
    ordered = await call(order_account, order, step)
    state = await call(describe_account, {"order_id": ordered["order_id"]})
    return state["account_id"], undo_input(order, ordered, step)


async def test_a_unit_is_made_once_and_found_by_its_name():
    unit = await call(create_unit, UNIT)

    assert await call(create_unit, UNIT, attempt=2) == unit
    assert await call(find_unit, UNIT) == unit
    assert ledger_summary() == {"unit": {"done": 1, "undone": 0}}


async def test_a_second_unit_of_the_name_is_refused_and_the_one_there_is_found():
    error = await fails(create_unit, {"name": EXISTING_UNIT})

    assert (error.type, error.non_retryable) == ("DuplicateUnit", True)
    assert (await call(find_unit, {"name": EXISTING_UNIT}))["unit_id"] == "unit_production"
    assert (await fails(find_unit, UNIT)).type == "UnknownUnit"
    assert ledger_summary() == {}


async def test_of_runs_that_make_the_same_unit_at_once_one_makes_it():
    def attempt(number: int) -> str:
        environment = ActivityEnvironment()
        environment.info = replace(environment.info, activity_id=f"step{number}", workflow_run_id="run")
        barrier.wait()
        try:
            return environment.run(organisation.create_unit, "Research").unit_id
        except ApplicationError as error:
            return str(error.type)

    barrier = threading.Barrier(6)
    with ThreadPoolExecutor(6) as pool:
        answers = sorted(pool.map(attempt, range(6)))

    assert answers.count("DuplicateUnit") == 5
    assert rows("SELECT count(*) FROM units WHERE name = 'Research'") == [(1,)]


async def test_an_empty_unit_is_deleted_once():
    undo = undo_input(UNIT, await call(create_unit, UNIT))

    for _ in range(2):
        assert await call(delete_unit, undo, "step.rollback[0]") is True
    assert (await fails(find_unit, UNIT)).type == "UnknownUnit"


async def test_a_unit_that_was_refused_as_a_duplicate_is_not_deleted():
    existing = {"name": EXISTING_UNIT}
    await fails(create_unit, existing)

    assert await call(delete_unit, undo_input(existing), "step.rollback[0]") is False
    assert (await call(find_unit, existing))["name"] == EXISTING_UNIT


async def test_a_unit_that_others_use_by_now_stays():
    unit = await call(create_unit, UNIT)
    account_id, _ = await provided(ORDER)
    await call(move_account, {"account_id": account_id, "unit_id": unit["unit_id"]}, "move")

    error = await fails(delete_unit, undo_input(UNIT, unit), "step.rollback[0]")

    assert (error.type, error.non_retryable) == ("UnitNotEmpty", True)
    assert await call(find_unit, UNIT) == unit
    assert ledger_summary()["unit"] == {"done": 1, "undone": 0}


async def test_an_account_takes_its_time(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("advanced_workflow.activities.library.organisation.accounts.PROVIDING_SECONDS", 3600.0)
    ordered = await call(order_account, ORDER)

    assert await call(order_account, ORDER, attempt=2) == ordered
    state = await call(describe_account, {"order_id": ordered["order_id"]})
    assert (state["state"], state["account_id"]) == ("in_progress", None)


async def test_an_order_may_be_stuck_for_ever():
    ordered = await call(order_account, {**ORDER, "name": "stuck"})

    assert (await call(describe_account, {"order_id": ordered["order_id"]}))["state"] == "in_progress"


async def test_no_account_comes_of_an_address_that_has_one():
    ordered = await call(order_account, {**ORDER, "email": OWNER_EMAIL})

    error = await fails(describe_account, {"order_id": ordered["order_id"]})

    assert (error.type, error.non_retryable) == ("AccountFailed", True)
    assert OWNER_EMAIL in error.message


async def test_closing_an_account_frees_its_address():
    _, undo = await provided(ORDER)

    for _ in range(2):
        assert await call(close_account, undo, "order.rollback[0]") is True
    account_id, _ = await provided(ORDER, "again")
    assert account_id
    assert ledger_summary() == {"account": {"done": 1, "undone": 1}}


async def test_an_account_is_moved_to_a_unit_and_back():
    unit = await call(create_unit, UNIT)
    account_id, _ = await provided(ORDER)
    given = {"account_id": account_id, "unit_id": unit["unit_id"]}
    place = f"SELECT unit_id FROM accounts WHERE account_id = '{account_id}'"  # noqa: S608

    moved = await call(move_account, given, "move")
    assert rows(place) == [(unit["unit_id"],)]

    assert await call(move_account_back, undo_input(given, moved, "move"), "move.rollback[0]") is True
    assert rows(place) == [(None,)]


async def test_only_what_exists_is_moved():
    account_id, _ = await provided(ORDER)

    nowhere = await fails(move_account, {"account_id": account_id, "unit_id": "unit_nope"}, "move")
    nobody = await fails(move_account, {"account_id": "acc_nope", "unit_id": "unit_production"}, "move")

    assert (nowhere.type, nobody.type) == ("UnknownUnit", "UnknownAccount")
    assert "placement" not in ledger_summary()


async def test_a_stack_has_the_template_s_resources_and_can_be_deleted():
    given = {"account_id": "acc_1", "name": "baseline", "template": TEMPLATE}
    stack = await call(deploy_stack, given)

    assert stack["resources"] == ["Budget", "Trail"]
    assert await call(delete_stack, undo_input(given, stack), "step.rollback[0]") is True
    assert ledger_summary() == {"stack": {"done": 0, "undone": 1}}


@pytest.mark.parametrize("template", [{}, {"Resources": {}}, {"Resources": "all"}])
async def test_a_template_without_resources_is_refused(template: dict[str, Any]):
    error = await fails(deploy_stack, {"account_id": "acc_1", "name": "baseline", "template": template})

    assert (error.type, error.non_retryable) == ("TemplateInvalid", True)
    assert ledger_summary() == {}
