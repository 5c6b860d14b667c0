"""Rules about which fields a step type needs, and which mean nothing for it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, Final

from advanced_workflow.workflows.definition.graph.outline import Placement
from advanced_workflow.workflows.definition.kinds.table import KINDS
from advanced_workflow.workflows.definition.model.base import DefinitionModel
from advanced_workflow.workflows.definition.model.marked import mark_of, marks_of
from advanced_workflow.workflows.definition.model.markers import For, Needed, Trait
from advanced_workflow.workflows.definition.model.retries import RetryPolicy
from advanced_workflow.workflows.definition.model.step_type import StepType
from advanced_workflow.workflows.definition.problems.codes import Code
from advanced_workflow.workflows.definition.problems.places import listed, problem
from advanced_workflow.workflows.definition.problems.problem import Problem
from advanced_workflow.workflows.definition.step import WorkflowStep


def traits_of(step: WorkflowStep) -> frozenset[Trait]:
    """What a step has in common with others; a loop over a body runs nothing of its own."""
    over_body = step.step_type is StepType.LOOP and step.action is None and bool(step.body)
    return frozenset() if over_body else KINDS[step.step_type].traits


@cache
def types_for(model: type[DefinitionModel], field: str) -> frozenset[StepType]:
    """The step types for which a field of a step, or of its `retry_policy`, means something."""
    mark = mark_of(model, field, For)
    return frozenset(one for one in StepType if mark is None or mark.fits(one, KINDS[one].traits))


@cache
def _others(model: type[DefinitionModel], step_type: StepType, traits: frozenset[Trait]) -> frozenset[str]:
    """The fields that mean nothing for a step of this type and with these traits."""
    return frozenset(name for name, mark in marks_of(model, For).items() if not mark.fits(step_type, traits))


def _needed(step_type: StepType) -> dict[str, str]:
    """The fields that a step type needs, with the advice."""
    return {
        name: mark.fix
        for name, mark in marks_of(WorkflowStep, Needed).items()
        if step_type in (mark.types or types_for(WorkflowStep, name))
    }


NEEDED: Final = {step_type: _needed(step_type) for step_type in StepType}


@cache
def _default(field: str) -> Any:  # noqa: ANN401 - of a field of any type
    return WorkflowStep.model_fields[field].get_default(call_default_factory=True)


def field_problems(placement: Placement) -> Iterator[Problem]:
    """Everything about the presence of fields on one step."""
    yield from _missing(placement)
    yield from _meaningless(placement)


def _missing(placement: Placement) -> Iterator[Problem]:
    step = placement.step
    for name, fix in NEEDED[step.step_type].items():
        if getattr(step, name) in (None, ()):
            message = f"a step of type '{step.step_type.value}' needs '{name}'."
            yield problem(Code.MISSING_FIELD, (*placement.loc, name), message, fix)


def _meaningless(placement: Placement) -> Iterator[Problem]:
    step, policy = placement.step, placement.step.retry_policy
    kind = (step.step_type, traits_of(step))
    # Only what is written can be wrong, and most steps write few of their fields.
    for name in sorted(step.model_fields_set & _others(WorkflowStep, *kind)):
        if getattr(step, name) != _default(name):
            yield _means_nothing(placement, (name,), types_for(WorkflowStep, name))
    for name in sorted(policy.model_fields_set & _others(RetryPolicy, *kind)):
        if getattr(policy, name) is not None:
            yield _means_nothing(placement, ("retry_policy", name), types_for(RetryPolicy, name))


def _means_nothing(placement: Placement, name: tuple[str, ...], types: frozenset[StepType]) -> Problem:
    loc, owner = (*placement.loc, *name), f"a step of type '{placement.step.step_type.value}'"
    fix = f"Remove it; it is for: {listed(sorted(one.value for one in types), len(StepType))}."
    if placement.step.step_type in types:
        owner, fix = "a loop with a 'body'", "Remove it, or write it on the steps of the body."
    return problem(Code.MEANINGLESS_FIELD, loc, f"'{'.'.join(name)}' means nothing on {owner}.", fix)
