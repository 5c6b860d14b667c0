"""Rules about times: a limit that a shorter one around it cuts is never reached."""

from __future__ import annotations

from collections.abc import Iterator

from advanced_workflow.workflows.definition.graph.outline import Placement
from advanced_workflow.workflows.definition.model.marked import marked
from advanced_workflow.workflows.definition.model.markers import WithinRun
from advanced_workflow.workflows.definition.problems.codes import Code
from advanced_workflow.workflows.definition.problems.places import Loc, warning
from advanced_workflow.workflows.definition.problems.problem import Problem
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow


def timeout_problems(placement: Placement, workflow: AdvancedWorkflow) -> Iterator[Problem]:
    """Every time of a step that is longer than one around it."""
    step, loc, whole = placement.step, placement.loc, "the workflow's 'timeout'"
    yield from _too_long((*loc, "heartbeat_timeout"), step.heartbeat_timeout, "the step's 'timeout'", step.timeout)
    if "timeout" in step.model_fields_set:  # Nobody wrote a default: a shorter limit around it cuts it, as it should.
        yield from _too_long((*loc, "timeout"), step.timeout, "'total_timeout'", step.total_timeout)
        yield from _too_long((*loc, "timeout"), step.timeout, whole, workflow.timeout)
    for place, value, _ in marked(step, WithinRun, loc):
        yield from _too_long(place, value, whole, workflow.timeout)


def _too_long(loc: Loc, value: object, bound_name: str, bound: object) -> Iterator[Problem]:
    if isinstance(value, int | float) and isinstance(bound, int | float) and value > bound:
        message = f"{value:g} s is longer than {bound_name} of {bound:g} s, so it never passes."
        yield warning(Code.TIMEOUT_RELATION, loc, message, "Shorten it, or lengthen the other.")
