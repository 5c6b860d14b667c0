"""Rules about `sub_workflow` steps, where other definitions are at hand: they exist, and take what they are given."""

from __future__ import annotations

from collections.abc import Iterator

from advanced_workflow.workflows.definition.check.rules.parameters import parameter_problems
from advanced_workflow.workflows.definition.graph.outline import Placement
from advanced_workflow.workflows.definition.problems.codes import Code
from advanced_workflow.workflows.definition.problems.places import nearest, problem
from advanced_workflow.workflows.definition.problems.problem import Problem
from advanced_workflow.workflows.definition.versions import AT, Definitions, split_name


def child_problems(placement: Placement, definitions: Definitions) -> Iterator[Problem]:
    """Everything about the definition that one step runs."""
    yield from named_child_problems(placement, definitions)
    child = definitions.find(placement.step.workflow, placement.step.workflow_version)
    if child is not None:
        yield from parameter_problems(placement, f"definition {placement.step.workflow!r}", child.input_schema)


def named_child_problems(placement: Placement, definitions: Definitions) -> Iterator[Problem]:
    """Whether there is the definition that a step, or a tool of an agent, names."""
    step = placement.step
    if step.workflow is None:
        return
    if definitions.find(step.workflow) is None:
        message = f"there is no definition {step.workflow!r}; 'adw definitions' lists those that are served."
        yield problem(
            Code.UNKNOWN_WORKFLOW, (*placement.loc, "workflow"), message, _right_name(step.workflow, definitions)
        )
    elif step.workflow_version is not None and definitions.find(step.workflow, step.workflow_version) is None:
        message = f"{definitions.lack(step.workflow, step.workflow_version)}."
        fix = "Write one of these, or leave 'workflow_version' out: each run then takes the highest."
        yield problem(Code.WRONG_VERSION, (*placement.loc, "workflow_version"), message, fix)


def _right_name(name: str, definitions: Definitions) -> str:
    workflow_id, version = split_name(name)
    if version is not None and definitions.find(workflow_id) is not None:
        return f"Without {AT!r}: write 'workflow: {workflow_id}' and 'workflow_version: \"{version}\"'."
    return nearest(name, definitions.ids) or "Correct the name, or check both definitions together."
