"""`--json` on every command: one JSON document on standard output, whatever happens."""

from __future__ import annotations

import json
from typing import Any

import pytest

from advanced_workflow.client.cli.app import COMMANDS, app
from advanced_workflow.client.cli.lazy import LazyCommand
from advanced_workflow.client.cli.streaming import Changes
from advanced_workflow.client.cli.telling import Asked, document_of, told_of
from advanced_workflow.client.errors import RunFailed
from advanced_workflow.workflows.contract import StepState
from advanced_workflow.workflows.definition.model.step_type import StepStatus, StepType
from advanced_workflow.workflows.definition.problems.problem import DefinitionProblems, Problem
from advanced_workflow.workflows.errors import DataInvalid
from tests.unit.shown import running

NOWHERE = ("--address", "127.0.0.1:1")
NO_SERVER = {"demo", "dev", "check", "definitions", "actions", "graphs", "mcp-tools", "schema"}
MORE = {"pause": ("--reason", "x"), "retry": ("--reason", "x"), "skip": ("--reason", "x")}
GIVEN = {
    "RUN": "some-run",
    "STEP": "some-step",
    "NAME": "some-event",
    "NAME[@VERSION]|FILE": "some-flow",
    "FILE|NAME|RUN": "some-run",
}


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as leaving:
        app(list(arguments), prog_name="adw")
    return int(leaving.value.code or 0)


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    """The one document of an error, which is a sentence for people too."""
    capsys.readouterr()
    code = run(*arguments)
    printed = capsys.readouterr()
    document: dict[str, Any] = json.loads(printed.out)
    assert document["exit_code"] == code != 0
    assert {"code", "message", "fix", "command"} <= document.keys()
    assert printed.err.startswith("adw: ")
    assert printed.err.count("\n") == 1
    return document


def arguments_of(command: LazyCommand) -> list[str]:
    """What the command must be given."""
    with command.make_context(command.name, [], resilient_parsing=True) as context:
        needed = [one for one in context.command.params if one.param_type_name == "argument" and one.required]
    return [*(GIVEN[one.metavar] for one in needed), *MORE.get(str(command.name), ())]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda one: str(one.name))
def test_each_command_has_json_and_tells_wrong_usage_by_it(
    command: LazyCommand, capsys: pytest.CaptureFixture[str]
) -> None:
    name = str(command.name)
    with command.make_context(name, [], resilient_parsing=True) as context:
        assert "--json" in [option for one in context.command.params for option in one.opts]

    document = told(capsys, name, "--no-such-option", "--json")

    assert (document["code"], document["exit_code"], document["command"]) == ("WrongUsage", 2, f"adw {name}")
    assert "--no-such-option" in document["message"]
    assert document["fix"] == f"'adw {name} --help' says what it takes."


@pytest.mark.parametrize(
    "command", [one for one in COMMANDS if one.name not in NO_SERVER], ids=lambda one: str(one.name)
)
def test_each_command_that_needs_a_server_tells_by_json_that_there_is_none(
    command: LazyCommand, capsys: pytest.CaptureFixture[str]
) -> None:
    given = arguments_of(command)

    document = told(capsys, *NOWHERE, str(command.name), *given, "--json")

    assert (document["code"], document["exit_code"]) == ("ConnectionFailed", 4)
    assert document.get("run") == ("some-run" if "some-run" in given and command.name != "graph" else None)
    assert document.get("step") == ("some-step" if "some-step" in given else None)


def test_the_document_of_an_error_has_its_places() -> None:
    asked = Asked(as_json=True, command="adw start", given={"id": "r"})
    problem = Problem("unknown_step", "steps[0]", "there is no step 'x'.", "Name another.", 3)

    found = document_of(told_of(DefinitionProblems("a.yaml", [problem]), asked), asked)
    assert (found["code"], found["source"], found["fix"]) == ("DefinitionInvalid", "a.yaml", "Name another.")
    assert found["problems"][0]["line"] == 3
    found = document_of(told_of(RunFailed("a; b", failure_type="WorkflowFailed"), asked), asked)
    assert (found["code"], found["failure_type"], found["fix"]) == (
        "RunFailed",
        "WorkflowFailed",
        "'adw show r' says more.",
    )
    found = document_of(told_of(DataInvalid("it is wrong; correct it."), asked), asked)
    assert (found["fix"], found["run"]) == ("correct it.", "r")


def test_a_fault_of_adw_is_a_sentence(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise KeyError("\x1b[31m")

    monkeypatch.setattr("advanced_workflow.client.cli.definition_commands.json_schema", broken)

    document = told(capsys, "schema", "--json")

    assert (document["code"], document["exit_code"]) == ("Fault", 70)
    assert "Traceback" not in capsys.readouterr().err


def test_a_watched_run_is_lines_of_what_is_new() -> None:
    waits = StepState(path="a", step_id="a", name="a", step_type=StepType.WAIT, status=StepStatus.WAITING)
    done = waits.model_copy(update={"status": StepStatus.COMPLETED})
    changes = Changes()

    assert [one["type"] for one in changes.lines(running([waits]))] == ["run", "step"]
    assert not list(changes.lines(running([waits])))
    [line] = changes.lines(running([done]))
    assert (line["type"], line["path"], line["status"]) == ("step", "a", "completed")
