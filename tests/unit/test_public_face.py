"""What users import, and what it loads."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import advanced_workflow

NAMES = [
    "ActionError",
    "AdvancedWorkflow",
    "GraphCallFailed",
    "GraphContext",
    "Namespace",
    "Run",
    "StepType",
    "UndoInput",
    "WorkflowStep",
    "action",
    "check",
    "connect",
    "context",
    "load",
    "start",
]
WITHOUT_TEMPORAL = ["AdvancedWorkflow", "GraphContext", "StepType", "UndoInput", "WorkflowStep", "check", "load"]


def loaded_by(program: str) -> set[str]:
    """Top packages that are loaded when a fresh Python has run the program."""
    look = "import json, sys; print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    command = [sys.executable, "-c", f"{program}\n{look}"]
    return set(json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout))


def test_the_face_has_these_names_and_each_can_be_used() -> None:
    assert sorted(advanced_workflow.__all__) == NAMES
    assert [name for name in NAMES if getattr(advanced_workflow, name) is None] == []
    assert set(NAMES) <= set(dir(advanced_workflow))
    with pytest.raises(AttributeError, match="has no attribute 'worker_of_mine'"):
        _ = advanced_workflow.worker_of_mine


def test_names_come_from_where_type_checkers_find_them() -> None:
    tree = ast.parse(Path(str(advanced_workflow.__file__)).read_text(encoding="utf-8"))
    [checked] = [node for node in tree.body if isinstance(node, ast.If)]
    imported = {
        alias.name: f"{node.module}.context" if alias.name == "context" else node.module
        for node in checked.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }

    assert imported == advanced_workflow._HOMES


def test_definitions_are_written_and_checked_without_temporal() -> None:
    used = f"import advanced_workflow\nfor name in {WITHOUT_TEMPORAL}: getattr(advanced_workflow, name)"
    check = (
        'one = advanced_workflow.WorkflowStep(step_id="a", action="act")\n'
        'assert advanced_workflow.check(advanced_workflow.AdvancedWorkflow(workflow_id="w", steps=(one,))) == []'
    )

    assert "pydantic" not in loaded_by("import advanced_workflow")
    assert not {"temporalio", "langgraph", "httpcore"} & loaded_by(f"{used}\n{check}")
    assert "temporalio" in loaded_by("from advanced_workflow import action")


def test_the_example_of_the_docstring_runs() -> None:
    example = str(advanced_workflow.__doc__).partition("```python\n")[2].partition("```")[0]

    assert "import" in example
    loaded_by(example)
