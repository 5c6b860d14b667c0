"""Every expression of a definition: where it is written, which names it may use, and which steps it may look at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, cast

from advanced_workflow.workflows.definition.check.layout import Layout
from advanced_workflow.workflows.definition.graph.outline import Graph, Placement
from advanced_workflow.workflows.definition.model.conditions import Condition
from advanced_workflow.workflows.definition.model.events import EventTrigger
from advanced_workflow.workflows.definition.model.roots import EVENT, ORDINARY, PROGRESS, RESULT, roots_at
from advanced_workflow.workflows.definition.model.step_type import StepType
from advanced_workflow.workflows.definition.problems.places import Loc
from advanced_workflow.workflows.definition.step import WorkflowStep

ANYTHING: Final[frozenset[str]] = frozenset()
_BOOL: Final = frozenset({"bool"})
_COUNT: Final = frozenset({"bool", "number"})
_LIST: Final = frozenset({"list"})
_NUMBER: Final = frozenset({"number"})
_TEXT: Final = frozenset({"string"})
_TIME: Final = frozenset({"string", "timestamp"})


@dataclass(frozen=True, slots=True)
class Site:
    """One expression, or one condition in its three-part form.

    `visible` has a bit for each step whose entry the expression may read; `target` is the right side of an output mapping;
    `gives` are the types its value may have, where not all are good; `result_of` is the step whose output `result` is.
    """

    loc: Loc
    source: str | Condition
    roots: frozenset[str]
    visible: int
    target: str | None = None
    gives: frozenset[str] = ANYTHING
    result_of: WorkflowStep | None = None
    fix: str = "Correct the expression."


@dataclass(frozen=True, slots=True)
class _Place:
    """What the expressions of one step have in common."""

    placement: Placement
    roots: frozenset[str]
    before: int
    own: int
    """The step and what is nested in it, but for copies."""

    @property
    def loc(self) -> Loc:
        """Where the step is."""
        return self.placement.loc

    @property
    def inside(self) -> int:
        """What is nested in the step, but for copies."""
        return self.own & ~(1 << self.placement.number)

    @property
    def again(self) -> int:
        """The step itself where it is a loop over an action, which may look at what its latest round gave."""
        step = self.placement.step
        return 1 << self.placement.number if step.step_type is StepType.LOOP and step.action is not None else 0

    @property
    def rounds(self) -> frozenset[str]:
        """The names of what a loop does in each round."""
        return self.roots | roots_at(in_loop=self.placement.step.step_type is StepType.LOOP)


def sites(plan: Layout) -> Iterator[Site]:
    """Yield every expression of a definition."""
    for placement in plan.outline.placements:
        number = placement.number
        place = _Place(placement, _roots(placement.graph), plan.upstream[number], plan.settled[number])
        yield from _step_sites(placement.step, place)
    everything = 0
    for placement in plan.outline.top.members:
        everything |= plan.settled[placement.number]
    yield from _mapping(("output",), plan.workflow.output or {}, ORDINARY, everything)


def _step_sites(step: WorkflowStep, place: _Place) -> Iterator[Site]:
    yield from _condition_sites(step, place)
    yield from _data_sites(step, place)
    yield from _join_sites(step, place)
    yield from _repetition_sites(step, place)
    yield from _trigger_sites("cancel_on", step.cancel_on, place)
    yield from _approval_sites(step, place)
    yield from _wait_sites(step, place)
    yield from _webhook_sites(step, place)
    if step.orchestrator is not None and step.orchestrator.task:
        yield Site((*place.loc, "orchestrator", "task"), step.orchestrator.task, place.roots, place.before)


def _data_sites(step: WorkflowStep, place: _Place) -> Iterator[Site]:
    yield from _mapping((*place.loc, "input_mapping"), step.input_mapping, place.rounds, place.before | place.again)
    for source, target in step.output_mapping.items():
        loc: Loc = (*place.loc, "output_mapping", source)
        yield Site(loc, source, place.roots | RESULT, place.before | place.inside, target, result_of=step)
    rollback = (*place.loc, "rollback_mapping")
    for site in _mapping(rollback, step.rollback_mapping, place.roots | RESULT, place.before | place.own):
        yield replace(site, result_of=step)


def _join_sites(step: WorkflowStep, place: _Place) -> Iterator[Site]:
    if isinstance(step.join, str) and step.join not in ("all", "any"):
        fix = "Write 'all', 'any', a number, or an expression that gives a number or a bool."
        yield Site((*place.loc, "join"), step.join, place.roots, place.before, gives=_COUNT, fix=fix)


def _repetition_sites(step: WorkflowStep, place: _Place) -> Iterator[Site]:
    if step.for_each is not None:
        yield Site((*place.loc, "for_each"), step.for_each, place.roots, place.before, gives=_LIST)
    yield from _trigger_sites("add_on", step.add_on, place)
    if step.complete_when is not None:
        visible = place.before | place.inside
        yield Site((*place.loc, "complete_when"), step.complete_when, place.roots | PROGRESS, visible, gives=_BOOL)
    if step.loop_condition is not None:
        visible = place.before | place.inside | place.again
        yield Site((*place.loc, "loop_condition"), step.loop_condition, place.rounds, visible, gives=_BOOL)


def _trigger_sites(name: str, trigger: EventTrigger | None, place: _Place) -> Iterator[Site]:
    if trigger is not None and trigger.match is not None:
        yield Site((*place.loc, name, "match"), trigger.match, place.roots | EVENT, place.before, gives=_BOOL)


def _condition_sites(step: WorkflowStep, place: _Place) -> Iterator[Site]:
    for index, condition in enumerate(step.conditions):
        if not condition.default:
            yield Site((*place.loc, "conditions", index), condition, place.roots, place.before)


def _approval_sites(step: WorkflowStep, place: _Place) -> Iterator[Site]:
    if step.approval is None:
        return
    loc = (*place.loc, "approval")
    yield from _mapping((*loc, "subject"), step.approval.subject, place.roots, place.before)
    for index, approver in enumerate(step.approval.approvers):
        if not isinstance(approver, str):
            place_of = (*loc, "approvers", index, "expression")
            yield Site(place_of, approver.expression, place.roots, place.before, gives=_TEXT | _LIST)


def _wait_sites(step: WorkflowStep, place: _Place) -> Iterator[Site]:
    if step.wait is None:
        return
    for name, source, gives in (("seconds", step.wait.seconds, _NUMBER), ("until", step.wait.until, _TIME)):
        if isinstance(source, str):
            yield Site((*place.loc, "wait", name), source, place.roots, place.before, gives=gives)
    if step.wait.match is not None:
        yield Site((*place.loc, "wait", "match"), step.wait.match, place.roots | EVENT, place.before, gives=_BOOL)


def _webhook_sites(step: WorkflowStep, place: _Place) -> Iterator[Site]:
    if step.webhook is None:
        return
    loc = (*place.loc, "webhook")
    fix = "Write an expression; fixed text needs quotes inside: \"'https://...'\"."
    yield Site((*loc, "url"), step.webhook.url, place.roots, place.before, gives=_TEXT, fix=fix)
    for header in _mapping((*loc, "headers"), step.webhook.headers, place.roots, place.before):
        yield replace(header, gives=_TEXT | _NUMBER)
    yield from _mapping((*loc, "body"), step.webhook.body, place.roots, place.before)
    callback = step.webhook.callback
    if callback is not None and callback.match is not None:
        yield Site((*loc, "callback", "match"), callback.match, place.roots | EVENT, place.before, gives=_BOOL)


def _mapping(loc: Loc, value: object, roots: frozenset[str], visible: int) -> Iterator[Site]:
    """The strings of a mapping, nested ones included; everything else is a literal."""
    if isinstance(value, str):
        yield Site(loc, value, roots, visible)
    elif isinstance(value, Mapping):
        for name, inner in cast("Mapping[str, Any]", value).items():
            yield from _mapping((*loc, name), inner, roots, visible)
    elif isinstance(value, list):
        for index, inner in enumerate(cast("list[Any]", value)):
            yield from _mapping((*loc, index), inner, roots, visible)


def _roots(graph: Graph) -> frozenset[str]:
    in_for_each = in_loop = False
    owner = graph.owner
    while owner is not None:
        in_for_each = in_for_each or owner.step.for_each is not None
        in_loop = in_loop or owner.step.step_type is StepType.LOOP
        owner = owner.graph.owner
    return roots_at(in_for_each=in_for_each, in_loop=in_loop)
