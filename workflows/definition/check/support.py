"""What the language has and this release does not run yet."""

from __future__ import annotations

from collections.abc import Iterator

from advanced_workflow.workflows.definition.graph.outline import Placement, outline
from advanced_workflow.workflows.definition.kinds.table import KINDS
from advanced_workflow.workflows.definition.model.marked import marked
from advanced_workflow.workflows.definition.model.markers import NotYet
from advanced_workflow.workflows.definition.problems.codes import Code
from advanced_workflow.workflows.definition.problems.places import Loc, problem
from advanced_workflow.workflows.definition.problems.problem import Problem
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow


def unsupported(workflow: AdvancedWorkflow) -> list[Problem]:
    """List the uses of parts that are checked but not run yet, in document order; the engine refuses each of them."""
    return [problem for one in outline(workflow).placements for problem in support_problems(one)]


def support_problems(placement: Placement) -> Iterator[Problem]:
    """The uses on one step."""
    step, loc = placement.step, placement.loc
    if not KINDS[step.step_type].runs:
        yield _unsupported((*loc, "step_type"), f"step type '{step.step_type.value}'")
    for place, value, mark in marked(step, NotYet, loc):
        if value if mark.value is None else value == mark.value:
            yield _unsupported(place, mark.what)


def _unsupported(loc: Loc, what: str) -> Problem:
    message = f"{what} is checked but not supported yet; the engine refuses it."
    return problem(Code.NOT_SUPPORTED_YET, loc, message, "Leave it out for now.")
