"""What `adw` answers or refuses; called as a function, as every start of a process takes a second."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pytest

from advanced_workflow.client.cli.app import app
from tests.acceptance.command import Adw, Ended
from tests.acceptance.in_process import InProcess

Command = Callable[..., Ended]


@pytest.fixture
def command(in_process: InProcess, adw: Adw) -> Command:
    def main(arguments: Sequence[str]) -> None:
        app(list(arguments), prog_name="adw")

    return partial(in_process, main, folder=adw.folder, **adw.environment)


def test_all_definitions_of_a_folder_are_checked_whatever_is_wrong_with_one(command: Command, tmp_path: Path) -> None:
    known = "workflow_id: {}\nsteps: [{{step_id: a, step_type: wait, wait: {{event: go, timeout: 60}}}}]\n"
    files = {
        "a": "workflow_id: a\nsteps: [",
        "b": known.format("b"),
        "c": known.format("b"),
        "d": "steps: 1\nworkflow_id: d",
    }
    for name, text in files.items():
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")

    checked = command("check", str(tmp_path), "--json")

    problems = [(Path(one["file"]).stem, one["code"]) for one in json.loads(checked.output)]
    assert checked.code == 1
    assert problems == [("a", "syntax"), ("c", "duplicate_workflow"), ("d", "wrong_type")]
    assert (command("check", str(tmp_path / "b.yaml"), str(tmp_path / "c.yaml"))).code == 0


ERRORS: dict[str, tuple[list[str], int, str]] = {
    "no server": (["--address", "127.0.0.1:1", "list"], 4, "Temporal server 127.0.0.1:1: connection refused"),
    "no namespace": (["--namespace", "nowhere", "list"], 4, "namespace 'nowhere' does not exist"),
    "no definition": (["start", "unknown-type"], 3, "this worker has no definition 'unknown-type'"),
    "bad input": (["start", "order-fulfilment", "--input", "{}"], 2, "input_data does not fit the input_schema"),
    "not JSON": (["start", "waits", "--input", '{"a": NaN}'], 2, "NaN is not a JSON number"),
    "no run": (["watch", "no-such-run"], 3, "run 'no-such-run' does not exist in this namespace"),
}


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("name", ERRORS)
def test_an_error_is_one_sentence_and_an_exit_code(command: Command, name: str) -> None:
    arguments, code, sentence = ERRORS[name]

    ended = command(*arguments)

    assert sentence in ended.errors
    assert ended.code == code
    assert ended.output == ""
    assert ended.errors.startswith("adw: ")
    assert ended.errors.count("\n") == 1
