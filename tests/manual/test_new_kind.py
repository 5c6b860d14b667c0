"""A kind of step is added by the list in CONTRIBUTING alone, and none of its items can be forgotten unnoticed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness import ROOT
from tests.manual.email_kind import HISTORY, LIST, copy_of_the_repository

CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
WATCHERS = (
    "tests/unit/test_kinds.py",
    "tests/unit/test_markers.py",
    "tests/manual/test_readme.py::test_every_step_type_that_can_run_is_in_the_table",
    "tests/replay/test_histories.py::test_every_scenario_has_its_history_and_no_other_is_kept",
    "tests/replay/test_histories.py::test_every_step_type_that_runs_today_has_a_history_in_which_it_ran",
)
"""The tests that notice what was forgotten, beside those of the new kind."""
LAWS = "not compiles and not at_its_place"
"""Those over hundreds of definitions would find nothing that these do not."""
NEW_TESTS = "tests/engine/kinds/test_email.py"


def run(copy: Path, *command: str) -> tuple[int, str]:
    """Run a module of Python in the copy, with the copy's code."""
    ended = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return ended.returncode, ended.stdout


def watched(copy: Path) -> tuple[int, str]:
    new = [NEW_TESTS] if (copy / NEW_TESTS).exists() else []
    return run(copy, "pytest", "-q", "-x", "-n", "0", "-p", "no:cacheprovider", "-k", LAWS, *WATCHERS, *new)


def types(copy: Path) -> tuple[int, str]:
    touched = [path for item in LIST.values() for path in item.paths if path.endswith(".py") and (copy / path).exists()]
    return run(copy, "basedpyright", "--pythonpath", sys.executable, *(seen_as(path) for path in touched))


def seen_as(path: str) -> str:
    """The path by which a file is imported."""
    return path if path.startswith("tests/") else f"advanced_workflow/{path}"


@pytest.mark.timeout(600)
def test_a_kind_added_by_the_list_passes_types_contracts_and_tests(tmp_path: Path) -> None:
    copy = copy_of_the_repository(tmp_path / "copy")
    for item in LIST.values():
        item.do(copy)

    assert run(copy, "tests.replay.record", "email")[0] == 0  # It replays strictly what it records.
    assert (copy / HISTORY).exists()
    for code, output in (
        types(copy),
        run(copy, "ruff", "check", "."),
        run(copy, "importlinter.cli", "lint", "--no-cache"),
        watched(copy),
    ):
        assert code == 0, output


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("forgotten", [*LIST, "recording"])
def test_whatever_is_forgotten_fails_the_types_or_a_test(tmp_path: Path, forgotten: str) -> None:
    copy = copy_of_the_repository(tmp_path / "copy")
    for name, item in LIST.items():
        if name != forgotten:
            item.do(copy)
    if forgotten != "recording":
        run(copy, "tests.replay.record", "email")

    assert types(copy)[0] != 0 or watched(copy)[0] != 0


def test_the_list_in_contributing_names_the_files_it_touches() -> None:
    section = CONTRIBUTING.partition("## A new kind of step\n")[2].partition("\n## ")[0]
    named = {path.replace("NAME", "email") for path in re.findall(r"`([\w./]+\.(?:py|md|json))`", section)}

    assert named == {path for item in LIST.values() for path in item.paths} | {HISTORY}
