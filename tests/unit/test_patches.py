from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from temporalio.exceptions import FailureError

from advanced_workflow.workflows.contract import RULES
from advanced_workflow.workflows.engine.temporal import patches
from advanced_workflow.workflows.engine.temporal.patches import LIVES, Patch
from advanced_workflow.workflows.errors import WorkflowError
from tests.harness import ROOT

CODE = [file for folder in ("workflows", "activities", "client") for file in (ROOT / folder).rglob("*.py")]
TEMPORAL_CALLS = {"patched", "deprecate_patch"}
OWN_CALLS = {"patched", "settled"}


def test_only_the_patches_file_asks_temporal() -> None:
    askers = {file for file in CODE if set(asks_temporal(file.read_text(encoding="utf-8")))}

    assert askers == {Path(patches.__file__).resolve()}


def test_every_patch_is_used_and_says_when_it_ends() -> None:
    used = {name for file in CODE for name in patches_used(file.read_text(encoding="utf-8"))}

    assert used == set(Patch.__members__)
    assert set(LIVES) == set(Patch)
    for life in LIVES.values():
        assert re.fullmatch(r"\d+\.\d+\.\d+", life.since)
        assert life.changes
        assert life.ends


@pytest.mark.parametrize("number", [RULES + 1, RULES + 7])
def test_a_worker_leaves_runs_of_a_later_release_alone(number: int) -> None:
    with pytest.raises(patches.LaterRules, match=f"rules {number}, of a later release") as refused:
        patches.follow_rules(number)

    # Any error of the project would end the run, and undo it.
    assert not isinstance(refused.value, WorkflowError | FailureError)


def asks_temporal(source: str) -> Iterator[str]:
    """The calls of Temporal's own functions, however they are named."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "workflow":
            yield from TEMPORAL_CALLS & {node.attr}
        elif isinstance(node, ast.ImportFrom) and node.module == "temporalio.workflow":
            yield from TEMPORAL_CALLS & {alias.name for alias in node.names}


def patches_used(source: str) -> Iterator[str]:
    """The members in `patched(Patch.X)` and `settled(Patch.X)`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in OWN_CALLS:
            yield from (one.attr for one in node.args if isinstance(one, ast.Attribute))


def test_the_two_searches_find_what_they_are_for() -> None:
    assert list(asks_temporal("workflow.patched('x')")) == ["patched"]
    assert list(asks_temporal("from temporalio.workflow import deprecate_patch as d")) == ["deprecate_patch"]
    assert list(asks_temporal("patched(Patch.X)")) == []
    assert list(patches_used("if patched(Patch.X): settled(Patch.Y)")) == ["X", "Y"]
