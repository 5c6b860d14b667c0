from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from advanced_workflow.activities.library.ledger import PATH_SETTING
from advanced_workflow.activities.library.notices import correct_notice, plan_response, send_notice
from tests.library.outcomes import effects, ledger_summary
from tests.unit.acting import call, fails, undo_input

GIVEN = {"recipient": "ann", "subject": "Trip T-1", "text": "We are booking your trip."}


@pytest.fixture(autouse=True)
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PATH_SETTING, str(tmp_path / "ledger.db"))


async def test_a_notice_is_sent_once_per_step():
    first = await call(send_notice, GIVEN)

    assert await call(send_notice, GIVEN, attempt=2) == first
    assert ledger_summary() == {"notice": {"done": 1, "undone": 0}}


async def test_one_correction_follows_a_notice_that_was_sent():
    undo = undo_input(GIVEN, await call(send_notice, GIVEN))

    for _ in range(2):
        assert await call(correct_notice, undo, "step.rollback[0]") is True

    assert ledger_summary() == {"correction": {"done": 1, "undone": 0}, "notice": {"done": 0, "undone": 1}}
    correction = effects(kind="correction")[0]["data"]
    assert (correction["recipient"], correction["subject"]) == ("ann", "Correction: Trip T-1")


async def test_a_notice_that_was_never_sent_needs_no_correction_and_cannot_follow():
    assert await call(correct_notice, undo_input(GIVEN), "step.rollback[0]") is False

    assert (await fails(send_notice, GIVEN, attempt=2)).type == "StepUndone"
    assert ledger_summary() == {}


@pytest.mark.parametrize("number", ["4111111111111111", "4111 1111 1111 1111", "3782-822463-10005"])
@pytest.mark.parametrize("place", ["subject", "text"])
async def test_a_card_number_does_not_leave_the_house(number: str, place: str):
    error = await fails(send_notice, {**GIVEN, place: f"Card {number} was charged"})

    assert (error.type, error.non_retryable) == ("UnsafeNotice", True)
    assert number not in error.message
    assert ledger_summary() == {}


@pytest.mark.parametrize("harmless", ["+44 20 7946 0958 1234 5", "order 4111111111111112", "123-456"])
async def test_other_numbers_may(harmless: str):
    await call(send_notice, {**GIVEN, "text": harmless})

    assert effects(kind="notice")[0]["data"]["text"] == harmless


@pytest.mark.parametrize(("severity", "tool"), [(1, "send_notice"), (2, "send_notice"), (3, None), (5, None)])
async def test_the_planner_proposes_a_notice_for_bad_incidents_only(severity: int, tool: str | None):
    given = {"service": "checkout", "severity": severity, "description": "no orders come in\nsince 8 o'clock"}

    plan: dict[str, Any] = await call(plan_response, given)

    assert plan["summary"] == f"checkout: no orders come in (severity {severity})"
    assert plan["tool"] == tool
    assert (plan["arguments"] is None) == (tool is None)


async def test_the_planner_does_nothing_itself():
    plan = await call(plan_response, {"service": "checkout", "severity": 1, "description": "down"})
    assert ledger_summary() == {}

    await call(send_notice, plan["arguments"])
    assert effects(kind="notice")[0]["data"]["recipient"] == "operations"
