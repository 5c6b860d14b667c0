from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from advanced_workflow.activities.library.ledger import PATH_SETTING
from advanced_workflow.activities.library.processes import (
    process_state,
    start_process,
    stop_process,
    stop_started_process,
)
from tests.library.outcomes import ledger_summary
from tests.unit.acting import call, fails, undo_input

LONG: dict[str, Any] = {"name": "scan", "seconds": 3600, "fails": False}
SHORT: dict[str, Any] = {**LONG, "seconds": 0}
BAD: dict[str, Any] = {**SHORT, "fails": True}


@pytest.fixture(autouse=True)
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PATH_SETTING, str(tmp_path / "ledger.db"))


async def started(given: dict[str, Any]) -> dict[str, Any]:
    process = await call(start_process, given)
    return {"process_id": process["process_id"]}


async def test_a_process_is_started_once_and_works_until_its_time_has_come():
    first = await call(start_process, LONG)

    assert await call(start_process, LONG, attempt=2) == first
    assert (await call(process_state, {"process_id": first["process_id"]}))["state"] == "running"
    assert ledger_summary() == {"process": {"done": 1, "undone": 0}}


async def test_it_completes_or_fails():
    assert (await call(process_state, await started(SHORT)))["state"] == "completed"
    bad = await call(start_process, BAD, "other")
    error = await fails(process_state, {"process_id": bad["process_id"]})

    assert (error.type, error.non_retryable, error.message) == ("ProcessFailed", True, "process 'scan' failed")


@pytest.mark.parametrize(("given", "state"), [(LONG, "stopped"), (SHORT, "completed"), (BAD, "failed")])
async def test_stopping_says_how_it_ended_and_says_it_again(given: dict[str, Any], state: str):
    which = await started(given)

    for attempt in (1, 2):
        assert (await call(stop_process, which, "stop", attempt=attempt))["state"] == state
    assert ledger_summary()["process_stop"] == {"done": 1, "undone": 0}


async def test_a_stopped_process_stays_stopped():
    which = await started(LONG)
    await call(stop_process, which, "stop")

    assert (await call(process_state, which))["state"] == "stopped"
    assert (await call(stop_process, which, "another"))["state"] == "stopped"


async def test_the_undo_stops_what_was_started_also_when_the_answer_was_lost():
    which = await started(LONG)

    for _ in range(2):
        assert await call(stop_started_process, undo_input(LONG), "step.rollback[0]") is True
    assert (await call(process_state, which))["state"] == "stopped"
    assert ledger_summary() == {"process": {"done": 0, "undone": 1}}


async def test_after_the_undo_a_straggling_attempt_starts_nothing():
    assert await call(stop_started_process, undo_input(LONG), "step.rollback[0]") is False

    assert (await fails(start_process, LONG, attempt=2)).type == "StepUndone"
    assert ledger_summary() == {}


async def test_an_unknown_process_is_named():
    for function in (process_state, stop_process):
        error = await fails(function, {"process_id": "prc_nope"})
        assert (error.type, error.non_retryable) == ("UnknownProcess", True)
        assert "prc_nope" in error.message
    assert ledger_summary() == {}
