"""Rules about `sub_workflow` steps, where other definitions are at hand: they exist, and take what they are given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias

from advanced_workflow.workflows.definition.check.rules.parameters import parameter_problems
from advanced_workflow.workflows.definition.graph.outline import Placement
from advanced_workflow.workflows.definition.problems.codes import Code
from advanced_workflow.workflows.definition.problems.places import nearest, problem
from advanced_workflow.workflows.definition.problems.problem import Problem
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow

Definitions: TypeAlias = Mapping[str, AdvancedWorkflow]
"""Definitions by `workflow_id`."""


def child_problems(placement: Placement, definitions: Definitions) -> Iterator[Problem]:
    """Everything about the definition that one step runs."""
    yield from named_child_problems(placement, definitions)
    child = definitions.get(placement.step.workflow or "")
    if child is not None:
        yield from parameter_problems(placement, f"definition {placement.step.workflow!r}", child.input_schema)


def named_child_problems(placement: Placement, definitions: Definitions) -> Iterator[Problem]:
    """Whether there is the definition that a step, or a tool of an agent, names."""
    step = placement.step
    if step.workflow is None:
        return
    child = definitions.get(step.workflow)
    if child is None:
        message = f"there is no definition {step.workflow!r}; 'adw definitions' lists those that are served."
        fix = nearest(step.workflow, sorted(definitions)) or "Correct the name, or check both definitions together."
        yield problem(Code.UNKNOWN_WORKFLOW, (*placement.loc, "workflow"), message, fix)
    elif step.workflow_version not in (None, child.version):
        message = f"definition {step.workflow!r} has version {child.version!r}, not {step.workflow_version!r}."
        fix = "Write its version, or leave 'workflow_version' out."
        yield problem(Code.WRONG_VERSION, (*placement.loc, "workflow_version"), message, fix)
