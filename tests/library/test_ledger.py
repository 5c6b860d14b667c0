from __future__ import annotations

import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from advanced_workflow.activities.library.ledger import (
    DEFAULT_PATH,
    LEDGER,
    PATH_SETTING,
    take_effect,
    transaction,
    undo_effect,
)
from advanced_workflow.workflows.contract import UndoInput
from tests.library.outcomes import effects, ledger_summary

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "new" / "ledger.db"
    monkeypatch.setenv(PATH_SETTING, str(path))
    return path


def take(kind: str, data: Any, step: str = "step") -> dict[str, Any]:
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, activity_id=step, workflow_run_id="run")
    return environment.run(take_effect, kind, data)


def undo_of(step: str = "step") -> UndoInput:
    return UndoInput(step_id=step, outcome="completed", idempotency_key=f"run:{step}")


def test_an_effect_is_recorded_once_and_a_repeated_attempt_gets_the_first_data():
    first = take("parcel", {"number": 1})

    assert take("parcel", {"number": 2}) == first == {"number": 1}
    assert ledger_summary() == {"parcel": {"done": 1, "undone": 0}}


def test_each_step_and_each_kind_has_an_effect_of_its_own():
    take("parcel", {}, "one")
    take("parcel", {}, "two")
    take("letter", {}, "one")

    assert ledger_summary() == {"letter": {"done": 1, "undone": 0}, "parcel": {"done": 2, "undone": 0}}


def test_an_undo_says_whether_there_was_an_effect_however_often_it_is_called():
    take("parcel", {})

    assert [undo_effect("parcel", undo_of()), undo_effect("parcel", undo_of())] == [True, True]
    assert [undo_effect("parcel", undo_of("other")), undo_effect("parcel", undo_of("other"))] == [False, False]
    assert ledger_summary() == {"parcel": {"done": 0, "undone": 1}}


@pytest.mark.parametrize("taken_first", [True, False])
def test_an_attempt_that_comes_after_the_undo_takes_no_effect(taken_first: bool):
    if taken_first:
        take("parcel", {})
    undo_effect("parcel", undo_of())

    with pytest.raises(ApplicationError, match="undone before this attempt") as caught:
        take("parcel", {})

    assert caught.value.type == "StepUndone"
    assert caught.value.non_retryable
    assert ledger_summary() == ({"parcel": {"done": 0, "undone": 1}} if taken_first else {})


def test_other_tables_change_with_the_effect_and_are_changed_back_once():
    with transaction() as db:
        db.execute("CREATE TABLE shelf (parcels INTEGER)")
        db.execute("INSERT INTO shelf VALUES (5)")

    def change(by: int) -> Any:
        def run(db: sqlite3.Connection, *_: Any) -> dict[str, Any]:
            db.execute("UPDATE shelf SET parcels = parcels + ?", (by,))
            return {"by": by}

        return run

    def parcels() -> int:
        with transaction() as db:
            return db.execute("SELECT parcels FROM shelf").fetchone()[0]

    for _ in range(2):
        assert take("parcel", change(-1)) == {"by": -1}
        assert parcels() == 4
    for _ in range(2):
        undo_effect("parcel", undo_of(), change(1))
        assert parcels() == 5


def test_nothing_happened_when_the_change_fails():
    with transaction() as db:
        db.execute("CREATE TABLE shelf (parcels INTEGER)")

    def fail(db: sqlite3.Connection, *_: Any) -> Any:
        db.execute("INSERT INTO shelf VALUES (1)")
        raise ValueError("no room")

    with pytest.raises(ValueError, match="no room"):
        take("parcel", fail)
    take("parcel", {})
    with pytest.raises(ValueError, match="no room"):
        undo_effect("parcel", undo_of(), fail)

    with transaction() as db:
        assert db.execute("SELECT COUNT(*) FROM shelf").fetchone()[0] == 0
    assert ledger_summary() == {"parcel": {"done": 1, "undone": 0}}


def test_effects_are_listed_oldest_first_by_path_and_kind(book: Path, monkeypatch: pytest.MonkeyPatch):
    take("parcel", {"number": 1}, "b")
    take("letter", {"number": 2}, "c")
    take("parcel", {"number": 3}, "a")
    undo_effect("parcel", undo_of("b"))
    undo_effect("parcel", undo_of("never"))
    monkeypatch.delenv(PATH_SETTING)

    assert [one["data"]["number"] for one in effects(book)] == [1, 2, 3]
    assert [(one["state"], one["idempotency_key"]) for one in effects(book, "parcel")] == [
        ("undone", "run:b"),
        ("done", "run:a"),
    ]


def test_without_the_setting_the_ledger_lies_in_the_current_folder(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv(PATH_SETTING)

    assert LEDGER.path() == DEFAULT_PATH


def test_many_processes_write_to_a_ledger_that_none_of_them_found(book: Path):
    script = (
        "import sys\nfrom advanced_workflow import UndoInput\nfrom advanced_workflow.activities.library.ledger import undo_effect\n"
        "from tests.library.test_ledger import take\n"
        "for number in range(20):\n"
        "    take('own', {}, f'{sys.argv[1]}-{number}')\n"
        "    take('shared', {'by': sys.argv[1]}, f'{number}')\n"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", script, str(number)], cwd=ROOT, stderr=subprocess.PIPE, text=True)
        for number in range(4)
    ]
    errors = [process.communicate()[1] for process in processes]

    assert errors == [""] * 4
    assert ledger_summary(book) == {"own": {"done": 80, "undone": 0}, "shared": {"done": 20, "undone": 0}}
