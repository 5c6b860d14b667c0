"""What is derived from the markers of the models, beside what was written by hand."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest

from advanced_workflow.client.render.graph import SHAPES
from advanced_workflow.client.reruns.fit import _MAKES_RESULT
from advanced_workflow.workflows.definition.check import (
    outputs,
    outputs_by_hand,
    sites,
    sites_by_hand,
    support,
    support_by_hand,
)
from advanced_workflow.workflows.definition.check.layout import layout
from advanced_workflow.workflows.definition.check.rules import (
    actions,
    actions_by_hand,
    fields,
    fields_by_hand,
    policies_by_hand,
    schemas,
    sla_targets,
    timeouts,
)
from advanced_workflow.workflows.definition.editor_schema import _SHORT_FORMS
from advanced_workflow.workflows.definition.graph import outline, outline_by_hand
from advanced_workflow.workflows.definition.kinds.table import KINDS, kind_problems
from advanced_workflow.workflows.definition.model.marked import marks_of, models_in, named
from advanced_workflow.workflows.definition.model.markers import ActionName, MakesResult, ShortForm
from advanced_workflow.workflows.definition.model.retries import RetryPolicy
from advanced_workflow.workflows.definition.model.step_type import StepType
from advanced_workflow.workflows.definition.problems.problem import Problem
from advanced_workflow.workflows.definition.step import WorkflowStep
from advanced_workflow.workflows.definition.text.load import LIBRARY, find_definitions
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow
from tests.unit.generated import some_definition
from tests.unit.test_definition_fuzz import KNOWN

SHIPPED = [*(one.workflow for one in find_definitions([LIBRARY]).values()), *KNOWN.values()]
GENERATED = 4000


def definitions() -> Iterator[AdvancedWorkflow]:
    yield from SHIPPED
    for seed in range(GENERATED):
        yield some_definition(Random(seed))


def test_the_expressions_of_every_definition_are_the_same() -> None:
    count = 0
    for workflow in definitions():
        plan = layout(workflow)
        by_hand = {one.loc: one for one in sites_by_hand.sites(plan)}
        derived = {one.loc: one for one in sites.sites(plan)}
        count += len(by_hand)
        assert {loc: tuple(getattr(one, name) for name in one.__slots__) for loc, one in derived.items()} == {
            loc: tuple(getattr(one, name) for name in one.__slots__) for loc, one in by_hand.items()
        }
    print("expressions", count)


def test_the_steps_graphs_and_names_are_the_same() -> None:
    for workflow in definitions():
        derived, by_hand = outline.outline(workflow), outline_by_hand.outline(workflow)
        assert [(one.loc, one.number, one.step) for one in derived.placements] == [
            (one.loc, one.number, one.step) for one in by_hand.placements
        ]
        assert [[one.number for one in graph.members] for graph in derived.graphs] == [
            [one.number for one in graph.members] for graph in by_hand.graphs
        ]
        assert (derived.too_deep, derived.truncated) == (by_hand.too_deep, by_hand.truncated)
        for new, old in zip(derived.placements, by_hand.placements, strict=True):
            assert [(one.kind, one.step_id, one.loc) for one in outline.references(new)] == [
                (one.kind, one.step_id, one.loc) for one in outline_by_hand.references(old)
            ]
            assert sorted(named_by_hand(old)) == sorted(
                (loc, name) for loc, name, _ in named(new.step, ActionName, new.loc)
            )


def named_by_hand(placement: outline_by_hand.Placement) -> Iterator[object]:
    for place, name in actions_by_hand._named(placement.step):
        yield (*placement.loc, *place), name


def key(found: Iterator[Problem] | list[Problem]) -> list[tuple[str, str, str, str, str]]:
    listed = [(one.path, one.code, one.message, one.fix.replace("Mend", "Fix"), one.severity) for one in found]
    return sorted(listed, key=lambda one: one[0])  # As `check` does: what is said of one place keeps its order.


@pytest.mark.timeout(600)
def test_the_rules_find_the_same() -> None:
    found = 0
    for workflow in definitions():
        assert key(support.unsupported(workflow)) == key(support_by_hand.unsupported(workflow))
        derived = [*schemas.json_schema_problems(workflow), *sla_targets.sla_problems(workflow)]
        by_hand = [*policies_by_hand.workflow_policy_problems(workflow)]
        for one in outline.outline(workflow).placements:
            shape, by_hand_shape = (module.output_schema(one.step, {}, {}) for module in (outputs, outputs_by_hand))
            assert (shape or {}) == (by_hand_shape or {})
            derived += [
                *fields.field_problems(one),
                *schemas.json_schema_problems(one.step, one.loc),
                *kind_problems(one.step, one.loc),
                *timeouts.timeout_problems(one, workflow),
                *actions.action_problems(one, workflow, {}),
            ]
            by_hand += [
                *fields_by_hand.field_problems(one),
                *policies_by_hand.step_policy_problems(one, workflow),
                *actions_by_hand.action_problems(one, workflow, {}),
            ]
        assert key(derived) == key(by_hand)
        found += len(by_hand)
    print("problems", found)


@pytest.mark.parametrize(
    ("model", "by_hand"), [(WorkflowStep, fields_by_hand.MEANING), (RetryPolicy, fields_by_hand.RETRY_MEANING)]
)
def test_the_step_types_of_each_field_are_the_same(
    model: type[WorkflowStep | RetryPolicy], by_hand: dict[str, frozenset[StepType]]
) -> None:
    everywhere = frozenset(StepType)
    assert {name: fields.types_for(model, name) for name in model.model_fields} == {
        name: by_hand.get(name, everywhere) for name in model.model_fields
    }


def test_the_needed_fields_are_the_same() -> None:
    by_hand = {one: dict([fields_by_hand._NEEDED[one]]) if one in fields_by_hand._NEEDED else {} for one in StepType}
    assert by_hand == fields.NEEDED


def test_what_makes_a_result_is_the_same_in_the_same_order() -> None:
    assert tuple(marks_of(WorkflowStep, MakesResult)) == _MAKES_RESULT


def test_the_short_forms_are_the_same() -> None:
    models = {AdvancedWorkflow, WorkflowStep}
    while new := {inner for one in models for name in one.model_fields for inner in models_in(one, name)} - models:
        models |= new
    forms = {one.__name__: mark.description for one in models for mark in marks_of(one, ShortForm).values()}
    assert forms == _SHORT_FORMS


def test_the_shapes_of_drawings_are_the_same() -> None:
    assert {one: kind.drawn for one, kind in KINDS.items() if kind.drawn != ("[", "]")} == SHAPES
