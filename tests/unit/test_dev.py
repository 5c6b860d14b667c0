from __future__ import annotations

from pathlib import Path

import pytest

from advanced_workflow.client.dev.development import NOTHING_SERVED, first_commands, greeting, watched_folders
from advanced_workflow.client.dev.server import DevServer
from advanced_workflow.client.render.console import SafeConsole
from advanced_workflow.client.settings import load_settings
from advanced_workflow.workflows.definition.text.load import LIBRARY

MINE = "workflow_id: mine\nsteps: [{step_id: a, step_type: wait, wait: {seconds: 1}}]\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "mine.yaml").write_text(MINE, encoding="utf-8")
    return tmp_path


def test_the_first_commands_begin_with_a_definition_of_the_user_s_own(folder: Path) -> None:
    settings = load_settings(definitions="flows")

    assert first_commands(settings) == ["adw start mine --input '{...}' --watch"]

    (folder / "flows" / "input.json").write_text("{}", encoding="utf-8")
    assert first_commands(settings) == ["adw start mine --input flows/input.json --watch"]


def test_with_the_library_they_begin_with_an_example_and_its_input(folder: Path) -> None:
    [start] = first_commands(load_settings(library="on", definitions="flows"))

    assert start == f"adw start order-fulfilment --input {LIBRARY / 'order-fulfilment' / 'input.json'} --watch"


def test_without_definitions_there_is_nothing_to_start(folder: Path) -> None:
    assert first_commands(load_settings()) == []


def test_a_broken_definition_is_first_of_all_checked(folder: Path) -> None:
    (folder / "flows" / "mine.yaml").write_text("workflow_id: mine\nsteps: {", encoding="utf-8")

    assert first_commands(load_settings(definitions="flows")) == ["adw check --no-actions flows"]


def test_the_library_is_watched_where_it_is_served(folder: Path) -> None:
    flows = (folder / "flows").resolve()

    assert watched_folders(load_settings(definitions="flows")) == [flows]
    watched = watched_folders(load_settings(definitions="flows", library="on"))
    assert set(watched) == {flows, LIBRARY.resolve(), LIBRARY.resolve().parents[1] / "activities" / "library"}


@pytest.mark.parametrize("definitions", ["flows", ""])
def test_the_greeting_is_told_line_by_line(folder: Path, definitions: str, capsys: pytest.CaptureFixture[str]) -> None:
    server = DevServer(database=folder / "dev.db", port=7001, ui_port=7002, log_path=folder / "log")
    server.http_port = 7003
    console = SafeConsole(width=100)

    for line in greeting(load_settings(definitions=definitions), server):
        console.print(line, soft_wrap=True)

    shown = capsys.readouterr().out
    assert "\\n" not in shown
    first = [NOTHING_SERVED, ""] if not definitions else []
    commands = ["  adw start mine --input '{...}' --watch"] if definitions else []
    assert shown.splitlines() == [
        "Web UI  http://127.0.0.1:7002",
        "Server  127.0.0.1:7001",
        "HTTP    http://127.0.0.1:7003",
        "",
        *first,
        "In another terminal:",
        "  export TEMPORAL_ADDRESS=127.0.0.1:7001",
        "  export ADW_WEB_UI=http://127.0.0.1:7002",
        *commands,
        "  adw list",
        "",
        "Ctrl-C stops both; runs are kept.",
        "",
    ]
