"""Every expression of a definition: where it is written, which names it may use, and which steps it may look at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from advanced_workflow.workflows.definition.graph.layout import Layout
from advanced_workflow.workflows.definition.graph.outline import Graph, Placement
from advanced_workflow.workflows.definition.model.conditions import Condition
from advanced_workflow.workflows.definition.model.marked import marked
from advanced_workflow.workflows.definition.model.markers import ANYTHING, Expr, Moment
from advanced_workflow.workflows.definition.model.roots import ORDINARY, RESULT, roots_at
from advanced_workflow.workflows.definition.model.step_type import StepType
from advanced_workflow.workflows.definition.problems.places import Loc
from advanced_workflow.workflows.definition.step import WorkflowStep
from advanced_workflow.workflows.expressions import Expression, compile_condition, compile_expression
from advanced_workflow.workflows.expressions.absence import tree_of, tree_of_condition
from advanced_workflow.workflows.expressions.condition import CompiledCondition
from advanced_workflow.workflows.expressions.syntax import Node


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
    reader: Placement | None = None
    """The step it belongs to; None for those of the definition itself."""
    at: Moment = Moment.RUNNING
    fix: str = "Correct the expression."
    reads: Callable[[object], object] | None = None
    """Raises ValueError for a value that the field cannot use."""

    @property
    def text(self) -> str:
        """The expression; of a condition in three parts, its left side."""
        return self.source if isinstance(self.source, str) else self.source.expression or self.source.field or ""

    def compile(self) -> Expression | CompiledCondition:
        """It as a run evaluates it. Raises `ExpressionInvalid`."""
        if isinstance(self.source, str):
            return compile_expression(self.source, self.roots)
        return compile_condition(self.source, self.roots)

    def tree(self) -> Node:
        """Its syntax tree, once it compiles."""
        return tree_of(self.source) if isinstance(self.source, str) else tree_of_condition(self.source)


@dataclass(slots=True)
class _Place:
    """What the expressions of one step have in common."""

    placement: Placement
    roots: frozenset[str]
    """The names that all of them may use."""
    before: int
    own: int
    """The step and what is nested in it, but for copies."""

    def visible(self, mark: Expr) -> int:
        """The steps that an expression may read, as bits."""
        step, itself, seen = self.placement.step, 1 << self.placement.number, self.before
        if mark.sees_inside:
            seen |= self.own & ~itself
        if mark.sees_itself or (mark.sees_rounds and step.step_type is StepType.LOOP and step.action is not None):
            seen |= itself
        return seen


def sites(layout: Layout) -> Iterator[Site]:
    """Yield every expression of a definition."""
    everything = 0
    roots = {id(graph): _roots(graph) for graph in layout.outline.graphs}
    for placement in layout.outline.placements:
        names = roots[id(placement.graph)]
        yield from _step_sites(
            _Place(placement, names, layout.upstream[placement.number], layout.settled[placement.number])
        )
    for placement in layout.outline.top.members:
        everything |= layout.settled[placement.number]
    for loc, value, mark in marked(layout.workflow, Expr):
        for place, source, target in mark.sources(loc, value):
            yield Site(
                place,
                source,
                mark.names(ORDINARY, on_loop=False),
                everything,
                target,
                mark.gives,
                fix=mark.fix,
                reads=mark.reads,
            )


def _step_sites(place: _Place) -> Iterator[Site]:
    step = place.placement.step
    on_loop = step.step_type is StepType.LOOP
    for loc, value, mark in marked(step, Expr, place.placement.loc):
        roots, visible = mark.names(place.roots, on_loop=on_loop), place.visible(mark)
        result_of = step if mark.adds >= RESULT else None
        for where, source, target in mark.sources(loc, value):
            yield Site(
                where,
                source,
                roots,
                visible,
                target,
                mark.gives,
                result_of,
                place.placement,
                mark.at,
                mark.fix,
                mark.reads,
            )


def _roots(graph: Graph) -> frozenset[str]:
    in_for_each = in_loop = False
    owner = graph.owner
    while owner is not None:
        in_for_each = in_for_each or owner.step.for_each is not None
        in_loop = in_loop or owner.step.step_type is StepType.LOOP
        owner = owner.graph.owner
    return roots_at(in_for_each=in_for_each, in_loop=in_loop)
