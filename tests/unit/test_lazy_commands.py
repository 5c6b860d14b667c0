"""Commands that need no server: what they load, and how they take modules that users wrote."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from advanced_workflow.client.cli.app import COMMANDS, app
from tests.unit.test_public_face import loaded_by

ACTIONS = '''
from advanced_workflow import action

print("loading the shop")

@action
def sell(item: str) -> str:
    """Sell it."""
    return item
'''


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a module of actions, which is the current one."""
    (tmp_path / "adw_shop.py").write_text(ACTIONS, encoding="utf-8")
    (tmp_path / "sale.yaml").write_text("workflow_id: sale\nsteps: [{step_id: a, action: sell}]\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "adw_shop", raising=False)
    monkeypatch.setenv("ADW_ACTIONS", "adw_shop")
    return tmp_path


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as leaving:
        app(list(arguments), prog_name="adw")
    return int(leaving.value.code or 0)


def loaded_by_command(*arguments: str) -> set[str]:
    return loaded_by(
        "import contextlib, io\n"
        "from advanced_workflow.client.cli.app import app\n"
        "with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):\n"
        f"    app({list(arguments)!r}, prog_name='adw')"
    )


def test_the_list_of_commands_says_what_each_says_of_itself() -> None:
    assert {one.name: one.help for one in COMMANDS} == {
        one.name: str(one.function().__doc__).partition("\n")[0] for one in COMMANDS
    }


def test_every_function_that_makes_a_command_is_listed() -> None:
    modules = {one.place.partition(":")[0] for one in COMMANDS}
    made = {
        f"{module}:{name}"
        for module in modules
        for name, value in vars(importlib.import_module(module)).items()
        if not name.startswith("_") and callable(value) and getattr(value, "__module__", "") == module
    }

    assert {one.place for one in COMMANDS} == made


def test_help_loads_neither_models_nor_temporal() -> None:
    assert not {"pydantic", "temporalio", "grpc", "opentelemetry"} & loaded_by_command("--help")


def test_definitions_are_listed_and_checked_without_temporal(tmp_path: Path) -> None:
    file = tmp_path / "one.yaml"
    file.write_text("workflow_id: one\nsteps: [{step_id: a, action: act}]\n", encoding="utf-8")

    for arguments in (["definitions"], ["check", "--no-actions", str(file)], ["schema"], ["graph", str(file)]):
        assert not {"temporalio", "grpc", "opentelemetry", "watchfiles"} & loaded_by_command(*arguments), arguments
    assert not {"opentelemetry", "watchfiles"} & loaded_by_command("check", str(file))


def test_actions_of_the_current_folder_are_known_and_what_they_print_is_not_data(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("actions", "--json") == 0
    captured = capsys.readouterr()
    listed: list[dict[str, Any]] = json.loads(captured.out)
    assert [(one["name"], one["description"]) for one in listed] == [("sell", "Sell it.")]
    assert "loading the shop" in captured.err
    assert run("check", str(shop / "sale.yaml")) == 1
    assert "missing_parameter" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("import no_such_module", "module 'adw_shop' cannot be imported (ModuleNotFoundError"),
        ("nothing = 1", "module 'adw_shop' has no @action function"),
        ("raise SystemExit(3)", "a module of ADW_ACTIONS ends the process (exit code 3)"),
    ],
)
def test_a_broken_module_is_one_sentence(
    shop: Path, capsys: pytest.CaptureFixture[str], text: str, sentence: str
) -> None:
    (shop / "adw_shop.py").write_text(text, encoding="utf-8")

    assert run("actions") == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("adw: ")
    assert sentence in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""


def test_who_asks_a_run_loads_nothing_that_reads_definitions() -> None:
    loaded = loaded_by_command("show", "--help")

    assert "temporalio" in loaded
    assert "yaml" not in loaded
