"""Expressions that read the output or the error of a step which may have none: it was skipped, failed, or is not over."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from advanced_workflow.workflows.definition.check.sites import Site
from advanced_workflow.workflows.definition.check.worlds.view import View
from advanced_workflow.workflows.definition.check.worlds.worlds import Worlds
from advanced_workflow.workflows.definition.graph.layout import Layout
from advanced_workflow.workflows.definition.graph.outline import Placement
from advanced_workflow.workflows.definition.model.markers import Moment
from advanced_workflow.workflows.definition.model.step_type import StepType
from advanced_workflow.workflows.definition.problems.codes import Code
from advanced_workflow.workflows.definition.problems.places import problem, warning
from advanced_workflow.workflows.definition.problems.problem import Problem
from advanced_workflow.workflows.errors import ExpressionInvalid
from advanced_workflow.workflows.expressions import Reference
from advanced_workflow.workflows.expressions.absence import Absence
from advanced_workflow.workflows.expressions.syntax import Node
from advanced_workflow.workflows.plain.decisions import NEVER, TooManyDecisions

ALLOWANCE: Final = 60_000
"""What the decisions about one definition may cost, some 0.2 s; of one that needs more nothing is said here."""


@dataclass(frozen=True, slots=True)
class _Read:
    """An expression that reads parts of steps, where it is evaluated."""

    site: Site
    tree: Node
    parts: tuple[Reference, ...]


@dataclass(frozen=True, slots=True)
class _Place:
    """The worlds in which the expressions of one moment are evaluated; `surely` in each of them."""

    view: View
    worlds: int
    surely: bool = True


def absence_problems(layout: Layout, sites: Iterable[Site]) -> Iterator[Problem]:
    """An error where no run gets past the expressions of a step, a warning where some do not."""
    moments: dict[tuple[object, ...], list[_Read]] = {}
    for site in sites:
        read = _read_of(site, layout)
        if read is not None:
            number = site.reader.number if site.reader is not None else -1
            moments.setdefault((number, site.at, site.loc if site.at is Moment.CHOOSING else None), []).append(read)
    if not moments:
        return
    try:
        worlds = Worlds(layout, ALLOWANCE)
        for reads in moments.values():
            yield from _moment_problems(reads, worlds)
    except TooManyDecisions:
        return


def _read_of(site: Site, layout: Layout) -> _Read | None:
    try:
        parts = [one for one in site.compile().references if _is_visible_part(one, site, layout)]
        if not parts:
            return None
        tree = site.tree()
    except ExpressionInvalid:
        return None
    return _Read(site, tree, tuple(sorted(parts, key=lambda one: (one.column, one.path))))


def _is_visible_part(reference: Reference, site: Site, layout: Layout) -> bool:
    """Whether it reads a part of a step that may be read there at all; what may not is reported for itself."""
    if reference.root != "steps" or reference.path[1:2] not in (("output",), ("error",)):
        return False
    target = layout.outline.by_id.get(reference.path[0])
    return target is not None and bool(site.visible >> target.number & 1)


def _moment_problems(reads: list[_Read], worlds: Worlds) -> Iterator[Problem]:
    told: set[tuple[str, ...]] = set()
    for place in _places(reads[0].site, worlds):
        to, absence = worlds.to, Absence(place.view)
        failing = to.any_of(absence.fails(one.tree) for one in reads)
        never_passes = place.surely and place.worlds != NEVER and to.both(place.worlds, to.negated(failing)) == NEVER
        for read in reads:
            for part in {one.path[:2]: one for one in reversed(read.parts) if one.path[:2] not in told}.values():
                fails = to.both(place.worlds, Absence(place.view, frozenset({part.path[0]})).fails(read.tree))
                if worlds.questions.may_be(fails):
                    told.add(part.path[:2])
                    always = never_passes and worlds.layout.workflow.on_failure != "pause"
                    yield _problem(read, part, fails, place, worlds, always=always)


def _places(site: Site, worlds: Worlds) -> list[_Place]:
    """Where the expressions of a step's moment are evaluated."""
    reader = site.reader
    if reader is None:
        return [_Place(View(worlds, None), worlds.completed)]
    fate = worlds.fates.get(reader.number)
    if fate is None:
        return []
    step = reader.step
    view = View(worlds, reader, site.at)
    match site.at:
        case Moment.CHOOSING:
            index = site.loc[len(reader.loc) + 1]
            return [_Place(view, fate.choices[index])] if isinstance(index, int) else []
        case Moment.JOINING:
            return [_Place(view, fate.joining)]
        case Moment.ENDED:
            return [_Place(view, fate.succeeded)]
        case Moment.BETWEEN_ROUNDS | Moment.RUNNING if step.step_type is StepType.LOOP:
            first = _Place(View(worlds, reader, site.at, first=True), fate.runs)
            later = _Place(view, worlds.to.all_of((fate.runs, fate.rounds, fate.inside)), surely=False)
            waits = site.at is Moment.BETWEEN_ROUNDS and step.loop_check == "after"
            return [later] if waits else [first, later]
        case _:
            return [_Place(view, fate.runs)]


def _problem(read: _Read, part: Reference, fails: int, place: _Place, worlds: Worlds, *, always: bool) -> Problem:
    step_id, name = part.path[:2]
    at = f" (column {part.column})" if part.column else ""
    why = _reason(step_id, name, fails, place, worlds)
    make = problem if always else warning
    message = f"no run gets past this: {why}{at}." if always else f"{why}{at}."
    return make(Code.ABSENT_OUTPUT, read.site.loc, message, _fix(part))


def _fix(part: Reference) -> str:
    step_id, name, *rest = part.path
    plain = all(one.isidentifier() for one in (step_id, *rest))
    step = f"steps.{step_id}" if plain else f"steps['{step_id}']"
    tail = "".join(f".{one}" for one in rest) if plain else ""
    return f"Write {step}.?{name}{tail}.orValue(null), or ask has({step}.{name}) first."


def _reason(step_id: str, name: str, fails: int, place: _Place, worlds: Worlds) -> str:
    """How it may come that a step has no output where it is read."""
    target = worlds.layout.outline.by_id[step_id]
    fate, to = worlds.fates[target.number], worlds.to
    what = f"step {step_id!r}"
    if name == "error":
        return f"{what} has an error only where it failed"
    if to.both(place.worlds, to.negated(fails)) == NEVER and place.surely:
        return f"{what} never has an output where it is read"
    ways = [
        (to.negated(to.either(fate.completed, fate.failed)), "may be skipped, and then it has no output"),
        (fate.failed, "may fail and the run continue, and then it has no output"),
        (to.both(fate.completed, to.negated(fate.succeeded)), "has no output where its error handlers recover it"),
        (to.both(fate.output, to.negated(fate.full_output)), "may end without an output"),
    ]
    for state, text in ways:
        if worlds.questions.may_be(to.both(fails, state)):
            return f"{what} {text}{_around(target, to.both(fails, state), worlds)}"
    return f"{what} need not be over where it is read, or its container ends without it; then it has no output"


def _around(target: Placement, worlds_of_it: int, worlds: Worlds) -> str:
    """Where all of it comes from the container, the container is named."""
    owner = target.graph.owner
    if owner is None:
        return ""
    fate = worlds.fates[owner.number]
    return f" ({owner.step.step_id!r} is around it)" if worlds.to.both(worlds_of_it, fate.completed) == NEVER else ""
