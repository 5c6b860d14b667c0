from __future__ import annotations

import sys
from pathlib import Path

import pytest

from advanced_workflow.workflows.definition.model.step_type import StepType
from advanced_workflow.workflows.engine import kinds
from advanced_workflow.workflows.engine.kinds.table import KINDS

RUNNERS = Path(kinds.__file__).parent
TESTS = Path(__file__).parents[1] / "engine" / "kinds"
SHARED = {
    StepType.SEQUENTIAL: "action",
    StepType.WORKER: "action",
    StepType.RAISE: "raising",
}
"""Types that have no file of their own name: two share one, and a word of Python names no module."""


def file_of(kind: StepType) -> str:
    return SHARED.get(kind, kind.value)


def test_every_step_type_has_a_runner_and_no_other_name_has_one() -> None:
    assert set(KINDS) == set(StepType)


@pytest.mark.parametrize("kind", StepType)
def test_a_kind_is_run_by_the_file_of_its_name(kind: StepType) -> None:
    runner = sys.modules[KINDS[kind].__module__]

    assert Path(runner.__file__ or "") == RUNNERS / f"{file_of(kind)}.py"


def test_the_folder_of_kinds_holds_nothing_but_runners_and_their_table() -> None:
    files = {one.stem for one in RUNNERS.glob("*.py")}

    assert files == {file_of(kind) for kind in StepType} | {"__init__", "table"}


@pytest.mark.parametrize("kind", StepType)
def test_a_kind_that_runs_has_tests_of_its_name(kind: StepType) -> None:
    assert (TESTS / f"test_{file_of(kind)}.py").is_file()
