from __future__ import annotations

import io
import json
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest
from pydantic import JsonValue

from advanced_workflow.client.cli.app import app
from advanced_workflow.client.cli.exits import Exit
from advanced_workflow.client.cli.failures import exit_code
from advanced_workflow.client.cli.inputs import is_file, read_input, read_json_option, read_valid
from advanced_workflow.client.errors import ConnectionFailed, NoAnswer, RunFailed, RunNotFound
from advanced_workflow.workflows.definition.problems.problem import DefinitionProblems
from advanced_workflow.workflows.errors import (
    DataInvalid,
    DefinitionNotFound,
    NotAnApprover,
    UnknownStep,
    WorkflowError,
)


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as leaving:
        app(list(arguments), prog_name="adw")
    return int(leaving.value.code or 0)


def test_the_version_is_printed_and_nothing_else_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--version") == 0
    assert capsys.readouterr().out == f"adw {version('advanced-workflow')}\n"


def test_check_without_actions_needs_no_registry(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "good.yaml"
    file.write_text("workflow_id: good\nsteps:\n  - step_id: a\n    action: nobody_knows\n", encoding="utf-8")

    assert run("check", "--no-actions", str(file)) == 0
    assert capsys.readouterr().out == "no problems in 1 file\n"


def test_check_prints_place_code_sentence_and_fix(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "bad.yaml"
    text = "workflow_id: bad\nsteps:\n  - step_id: a\n    action: x\n    dependencies: [b]\n"
    file.write_text(text, encoding="utf-8")

    assert run("check", "--no-actions", str(file)) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"{file}:5  error  ")
    assert lines[1].startswith("    steps[0].dependencies[0]: ")
    assert lines[-1] == "1 error in 1 file"


def test_check_of_a_missing_file_is_a_problem(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", "--no-actions", "--json", "missing.yaml") == 1
    assert json.loads(capsys.readouterr().out)[0]["file"] == "missing.yaml"


def test_schema_is_that_of_definitions(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("schema") == 0
    assert json.loads(capsys.readouterr().out)["title"] == "AdvancedWorkflow"


def test_graph_draws_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "one.yaml"
    file.write_text("workflow_id: one\nsteps: [{step_id: a, action: x}]\n", encoding="utf-8")

    assert run("graph", str(file)) == 0
    assert 's1["a"]' in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["nonsense"], ["list", "--status", "odd"], ["approve", "only-a-run"]])
def test_wrong_usage_is_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*arguments) == 2
    told = capsys.readouterr().err
    assert told.startswith("adw: ")
    assert told.endswith(" --help' says what it takes.\n")
    assert told.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConnectionFailed("x"), Exit.UNREACHABLE),
        (NoAnswer("x"), Exit.NO_ANSWER),
        (RunNotFound("x"), Exit.NOT_FOUND),
        (UnknownStep("x"), Exit.NOT_FOUND),
        (NotAnApprover("x"), Exit.REFUSED),
        (WorkflowError("x"), Exit.REFUSED),
        (DefinitionProblems("x", []), Exit.FAILED),
        (RunFailed("x", failure_type="WorkflowFailed"), Exit.FAILED),
        (RunFailed("x", failure_type=DefinitionNotFound.code), Exit.NOT_FOUND),
    ],
)
def test_each_error_has_its_exit_code(error: WorkflowError, code: Exit) -> None:
    assert exit_code(error) is code


def test_input_is_json_or_a_file(tmp_path: Path) -> None:
    file = tmp_path / "data.json"
    file.write_text('{"a": 1}', encoding="utf-8")

    assert read_input(str(file)) == {"a": 1}
    assert read_input(' {"a": 2}') == {"a": 2}
    assert read_input("[1]") == [1]
    assert read_input('"text"') == "text"
    assert [read_input(one) for one in ("7", "-1.5", "true", "null")] == [7, -1.5, True, None]
    assert read_input(None) is None
    file.write_text('{"a": 3}', encoding="utf-8-sig")
    assert read_input(str(file)) == {"a": 3}


@pytest.mark.parametrize("read", [read_input, lambda text: read_json_option(text, "--output")])
def test_standard_input_is_data(read: Callable[[str], JsonValue], monkeypatch: pytest.MonkeyPatch) -> None:
    for given in (b'{"a": 1}', b"\xffa"):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(given)))
        if given[0] == 0xFF:
            with pytest.raises(DataInvalid, match="put - is not UTF-8 text"):
                read("-")
        else:
            assert read("-") == {"a": 1}


@pytest.mark.parametrize("name", ["", " ", "\u200b"])
def test_an_empty_name_does_not_act_as_who_types(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("approve", "order", "pay", "--as", name) == 2
    assert "names nobody" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"a":', "--input is not valid JSON (Expecting value: line 1 column 6"),
        ('{"a": NaN}', "--input is not valid JSON (NaN is not a JSON number)"),
        ("[" * 100_000, "--input is nested too deeply"),
        ("nowhere.json", "neither JSON nor a file that can be read (No such file or directory)"),
    ],
)
def test_bad_input_is_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(DataInvalid) as refused:
        read_input(text)
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)


def test_json_options_name_themselves() -> None:
    assert read_json_option('{"reason": "x"}', "--form") == {"reason": "x"}
    with pytest.raises(DataInvalid, match="--form is not valid JSON"):
        read_json_option("x", "--form")


def test_a_definition_file_is_told_from_a_name(tmp_path: Path) -> None:
    assert is_file("missing.yaml")
    assert not is_file("order-fulfilment")
    assert not is_file("é" * 300)
    with pytest.raises(DefinitionProblems, match="No such file"):
        read_valid(str(tmp_path / "missing.yaml"))
