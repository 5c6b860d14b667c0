"""Rules about `sla_targets`: seconds and shares."""

from __future__ import annotations

from collections.abc import Iterator

from advanced_workflow.workflows.definition.model.sla_targets import SHARES, TIMES
from advanced_workflow.workflows.definition.problems.codes import Code
from advanced_workflow.workflows.definition.problems.places import problem
from advanced_workflow.workflows.definition.problems.problem import Problem
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow


def sla_problems(workflow: AdvancedWorkflow) -> Iterator[Problem]:
    """Everything about a workflow's `sla_targets`."""
    for name in (*TIMES, *SHARES):
        value = workflow.sla_targets.get(name)
        if value is None:
            continue
        top = 1 if name in SHARES else float("inf")
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= top:
            meant = (
                "a share between 0 and 1"
                if name in SHARES
                else "a number of seconds above 0, or a duration such as '90s'"
            )
            yield problem(Code.WRONG_VALUE, ("sla_targets", name), f"'{name}' must be {meant}.", "Change the value.")
