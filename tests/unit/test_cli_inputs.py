"""What people type or save as data: each mistake is one sentence, nothing is guessed."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from advanced_workflow.activities.library import ledger
from advanced_workflow.activities.library.orders import database, payments
from advanced_workflow.activities.library.research import notes
from advanced_workflow.client.cli.inputs import read_input
from advanced_workflow.client.render.console import SafeConsole
from advanced_workflow.client.render.listing import Listing
from advanced_workflow.client.render.report import RunReport, print_report
from advanced_workflow.client.unknown_settings import OF_THE_LIBRARY, unknown_settings
from advanced_workflow.workflows.contract import AuditEntry, StepState
from advanced_workflow.workflows.definition.model.step_type import StepStatus, StepType
from advanced_workflow.workflows.errors import DataInvalid
from tests.unit.shown import running

SAVED = {
    "empty": (b"", "is empty"),
    "blank": (b" \n", "is empty"),
    "utf-16": ('{"a": 1}'.encode("utf-16"), "is UTF-16 text"),
    "latin-1": (b'{"a": "\xe9"}', "is not UTF-8 text"),
    "not a number": (b'{"a": NaN}', "NaN is not a JSON number"),
    "too large": (b'{"a": 1e999}', "is too large"),
    "too long": (b"1" * 5_000, "a number has 5,000 digits"),
    "twice": (b'{"a": {"b": 1, "b": 2}}', "the key 'b' is there twice"),
    "half a character": (rb'{"a": "\ud800"}', "lone surrogate"),
    "deep": (b"[" * 100_000, "nested too deeply"),
    "cut": (b'{"a":', "is not valid JSON"),
}


@pytest.mark.parametrize("name", SAVED)
def test_a_file_that_is_not_json_is_one_sentence(tmp_path: Path, name: str) -> None:
    data, sentence = SAVED[name]
    file = tmp_path / "data.json"
    file.write_bytes(data)

    for typed in (str(file), f"@{file}"):
        with pytest.raises(DataInvalid) as refused:
            read_input(typed)
        assert sentence in str(refused.value)
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("9" * 5_000, "a number has 5,000 digits"),
        ("-" + "9" * 5_000, "a number has 5,000 digits"),
        ("x" * 5_000, "(5,000 characters in all)"),
        ("NaN", "NaN is not a JSON number"),
        ("", "neither JSON nor a file"),
        (".", "neither JSON nor a file that can be read (Is a directory)"),
        ("@nowhere.json", "'nowhere.json' is neither JSON nor a file"),
    ],
)
def test_what_is_typed_wrongly_is_one_short_sentence(typed: str, sentence: str) -> None:
    with pytest.raises(DataInvalid) as refused:
        read_input(typed)
    assert sentence in str(refused.value)
    assert len(str(refused.value)) < 250


def test_data_with_a_mark_before_it_is_read(tmp_path: Path) -> None:
    file = tmp_path / "data.json"
    file.write_text("[1]", encoding="utf-8-sig")

    assert read_input(str(file)) == [1]
    assert read_input('\ufeff{"a": 5}') == {"a": 5}
    assert [read_input(one) for one in ("5", "[]", "-2e3", " true ")] == [5, [], -2000.0, True]


def test_a_variable_that_is_no_setting_is_told_with_the_nearest() -> None:
    wrong = {"ADW_TASK_QUEU": "x", "ADW_SOMETHING_ELSE": "x", "adw_user": "x"}
    right = {"ADW_PROMETHEUS": "x", "ADW_WEB_UI": "x", "ADW_SECRET_SHOP": "x", "HOME": "x"}

    told = list(unknown_settings({**wrong, **right, **dict.fromkeys(OF_THE_LIBRARY, "x")}))

    assert told == [
        "ADW_SOMETHING_ELSE is not a setting and has no effect; README.md lists the settings.",
        "ADW_TASK_QUEU is not a setting and has no effect; did you mean ADW_TASK_QUEUE?",
    ]
    assert not list(unknown_settings({"PATH": "x"}))
    assert set(OF_THE_LIBRARY) == {
        ledger.PATH_SETTING,
        database.PATH_SETTING,
        payments.LATENCY_SETTING,
        payments.LATENCY_PLACE_SETTING,
        notes.FOLDER_SETTING,
    }


@pytest.mark.parametrize("width", [40, 80, 120, 1_000])
def test_ids_of_a_list_are_in_one_piece_at_any_width(width: int) -> None:
    long = [f"{letter * 200}" for letter in "ab"]
    listing = Listing(("run", "workflow", "status"))
    listing.add(long[0], long[1], "waits for somebody who has a lot to say " * 5)
    listing.add("short", "short-too", "ok")
    screen = Console(file=io.StringIO(), width=width)

    listing.print(screen)

    assert isinstance(screen.file, io.StringIO)
    lines = screen.file.getvalue().split("\n")
    for one in (*long, "short-too"):
        assert any(one in line for line in lines), width


@pytest.mark.parametrize("width", [40, 80, 1_000])
def test_ids_on_the_page_of_a_run_are_in_one_piece_at_any_width(width: int) -> None:
    path, id = "step" * 50, "run" * 70
    state = StepState(path=path, step_id=path, name=path, step_type=StepType.WAIT, status=StepStatus.WAITING)
    act = AuditEntry(time="2026-01-02T03:04:05Z", operation="pause", by="ann", reason="lunch", step_id=path)
    snapshot = running([state], audit=[act])
    screen = SafeConsole(file=io.StringIO(), width=width)

    print_report(screen, RunReport(replace(snapshot, summary=replace(snapshot.summary, id=id)), [], None, None))

    assert isinstance(screen.file, io.StringIO)
    shown = screen.file.getvalue()
    assert id in shown
    assert shown.count(path) >= 2
