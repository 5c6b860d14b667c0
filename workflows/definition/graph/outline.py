"""The steps of a definition with their places, their graphs and the edges between them."""

from __future__ import annotations

from dataclasses import dataclass, field

from advanced_workflow.workflows.definition.model.marked import marked, named
from advanced_workflow.workflows.definition.model.markers import Nested, ReferenceKind, StepName
from advanced_workflow.workflows.definition.problems.places import Loc
from advanced_workflow.workflows.definition.step import WorkflowStep
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow

MAX_DEPTH = 32
"""Levels of steps inside steps, the top level counted."""
MAX_STEPS = 10_000
"""Steps of one definition, nested ones included."""


@dataclass(slots=True, eq=False)
class Graph:
    """Steps that may depend on each other: the top level, a `parallel` step's `parallel_steps` or a loop's `body`."""

    owner: Placement | None
    members: list[Placement] = field(default_factory=list)
    ids: dict[str, Placement] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Placement:
    """A step and where it is. `number` counts all steps of the definition in document order."""

    step: WorkflowStep
    loc: Loc
    graph: Graph
    number: int
    nested: list[Graph] = field(default_factory=list)
    references: list[StepReference] = field(default_factory=list)
    """Every id that the step names outside of its expressions, in document order."""

    def __post_init__(self) -> None:
        """Look for the names."""
        for loc, name, mark in named(self.step, StepName, self.loc):
            self.references.append(StepReference(mark.kind, self, name, loc))


@dataclass(frozen=True, slots=True)
class StepReference:
    """A step's id as another step names it, outside of expressions."""

    kind: ReferenceKind
    by: Placement
    step_id: str
    loc: Loc


@dataclass(slots=True, eq=False)
class Outline:
    """All steps in document order.

    `by_id` holds the first step of each id. `too_deep` are the places of nested graphs that were not entered;
    `truncated` says that there are more than `MAX_STEPS` steps, of which only the first are held.
    """

    top: Graph = field(default_factory=lambda: Graph(None))
    placements: list[Placement] = field(default_factory=list)
    graphs: list[Graph] = field(default_factory=list)
    by_id: dict[str, Placement] = field(default_factory=dict)
    too_deep: list[Loc] = field(default_factory=list)
    truncated: bool = False


def outline(workflow: AdvancedWorkflow) -> Outline:
    """Place every step of a definition, as deep and as many as the limits allow."""
    found = Outline()
    found.graphs.append(found.top)
    _place(workflow.steps, ("steps",), found.top, 1, found)
    return found


def _place(steps: tuple[WorkflowStep, ...], loc: Loc, graph: Graph, depth: int, found: Outline) -> None:
    if steps and depth > MAX_DEPTH:
        found.too_deep.append(loc)
        return
    for index, step in enumerate(steps):
        if len(found.placements) >= MAX_STEPS:
            found.truncated = True
            return
        placement = Placement(step, (*loc, index), graph, len(found.placements))
        found.placements.append(placement)
        found.by_id.setdefault(step.step_id, placement)
        graph.members.append(placement)
        graph.ids.setdefault(step.step_id, placement)
        for place, nested, _ in marked(step, Nested, placement.loc):
            if nested:
                inner = Graph(placement)
                placement.nested.append(inner)
                found.graphs.append(inner)
                _place(nested, place, inner, depth + 1, found)


@dataclass(frozen=True, slots=True)
class Edge:
    """`after` starts when `before` is settled; `loc` is where the definition says so."""

    before: Placement
    after: Placement
    loc: Loc
    kind: ReferenceKind


def edges(graph: Graph) -> list[Edge]:
    """The edges of a graph, those to error handlers included; ids that are not in the graph give none."""
    found: list[Edge] = []
    for member in graph.members:
        for reference in member.references:
            other = graph.ids.get(reference.step_id)
            if other is None or reference.kind == "rollback_to":
                continue
            before, after = (other, member) if reference.kind == "dependency" else (member, other)
            found.append(Edge(before, after, reference.loc, reference.kind))
    return found
