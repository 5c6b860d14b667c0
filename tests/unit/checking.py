"""Definitions in a few words, checked."""

from __future__ import annotations

import json
import textwrap
from typing import Any

from advanced_workflow.workflows.definition.check.catalog import ActionInfo
from advanced_workflow.workflows.definition.check.check import check_text
from advanced_workflow.workflows.definition.problems.problem import Problem
from advanced_workflow.workflows.definition.text.load import parse
from advanced_workflow.workflows.definition.versions import Known
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow


def checked(
    steps: str,
    actions: dict[str, ActionInfo] | None = None,
    top: str = "",
    definitions: Known | None = None,
) -> list[Problem]:
    """The problems of a definition with these steps, in YAML."""
    text = f"workflow_id: w\n{textwrap.dedent(top)}\nsteps:\n{textwrap.indent(textwrap.dedent(steps), '  ')}"
    return check_text(text, "w.yaml", actions, definitions)


def problems(
    steps: str,
    actions: dict[str, ActionInfo] | None = None,
    top: str = "",
    definitions: Known | None = None,
) -> list[tuple[str, str]]:
    """Their codes and places."""
    return [(one.code, one.path) for one in checked(steps, actions, top, definitions)]


def codes_of(document: dict[str, Any]) -> list[str]:
    """The codes of the problems of a definition given as data."""
    return [str(one.code) for one in check_text(json.dumps(document), "w.json")]


def definition(text: str) -> AdvancedWorkflow:
    """A definition from YAML, not checked."""
    return parse(textwrap.dedent(text), source="w.yaml").workflow
