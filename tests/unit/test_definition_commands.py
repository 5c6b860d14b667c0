from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from advanced_workflow.client.cli.app import app

PARENT = "workflow_id: %s\nsteps: [{step_id: s, step_type: sub_workflow, workflow: child, input_mapping: {n: %s}}]\n"
CHILD = """\
workflow_id: child
input_schema: {type: object, properties: {n: {type: integer}}, required: [n]}
steps: [{step_id: a, step_type: wait, wait: {seconds: 1}}]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "parent.yaml").write_text(PARENT % ("parent", 3), encoding="utf-8")
    (tmp_path / "child.yaml").write_text(CHILD, encoding="utf-8")
    return tmp_path


def found(capsys: pytest.CaptureFixture[str], *arguments: Path | str) -> list[tuple[str, str]]:
    """File and code of each problem of `adw check`."""
    with pytest.raises(SystemExit):
        app(["check", "--json", *map(str, arguments)], prog_name="adw")
    problems: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return [(Path(one["file"]).name, one["code"]) for one in problems]


def test_definitions_of_a_folder_know_each_other(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert found(capsys, folder) == []
    assert found(capsys, folder / "parent.yaml", folder / "child.yaml") == []
    assert found(capsys, folder / "parent.yaml") == [("parent.yaml", "unknown_workflow")]


def test_a_sub_workflow_of_a_folder_takes_what_it_is_given(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "other.yaml").write_text(PARENT % ("other", 3.5), encoding="utf-8")

    assert found(capsys, folder) == [("other.yaml", "wrong_parameter")]
    assert found(capsys, "--no-actions", folder) == []


def test_a_broken_definition_is_still_known_by_its_name(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "child.yaml").write_text(CHILD + "retry_policy: {delay: soon}\n", encoding="utf-8")

    assert found(capsys, folder / "parent.yaml", folder / "child.yaml") == [("child.yaml", "wrong_value")]


def test_a_definition_that_is_served_here_may_be_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    parent = tmp_path / "parent.yaml"
    parent.write_text((PARENT % ("parent", 3)).replace("child", "order-fulfilment"), encoding="utf-8")

    assert found(capsys, parent) == [("parent.yaml", "unknown_workflow")]
    monkeypatch.setenv("ADW_LIBRARY", "on")
    assert found(capsys, parent) == [("parent.yaml", "missing_parameter"), ("parent.yaml", "unknown_parameter")]


def test_a_folder_without_definitions_is_a_problem(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert found(capsys, tmp_path) == [(tmp_path.name, "unreadable")]
    assert found(capsys, tmp_path / "nowhere") == [("nowhere", "unreadable")]
