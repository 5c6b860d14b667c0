"""What is known of other steps where an expression of one step is evaluated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from advanced_workflow.workflows.definition.check.worlds.fate import Fate
from advanced_workflow.workflows.definition.check.worlds.questions import Questions
from advanced_workflow.workflows.definition.graph.layout import Layout
from advanced_workflow.workflows.definition.graph.outline import Placement
from advanced_workflow.workflows.definition.model.markers import Moment
from advanced_workflow.workflows.expressions.absence import Part, paths_in, value_of
from advanced_workflow.workflows.expressions.syntax import Node
from advanced_workflow.workflows.plain.decisions import ALWAYS, NEVER, Decisions

_ROUND: Final = "iteration"


class Facts:
    """What is worked out of a definition's steps so far."""

    def __init__(self, layout: Layout, decisions: Decisions) -> None:
        """Nothing is known yet."""
        self.layout = layout
        self.to = decisions
        self.fates: dict[int, Fate] = {}
        self.questions = Questions(decisions)
        self.constants: Mapping[str, object] = {}
        """Variables of `workflow` that nothing writes before the loop that is looked at."""
        self.races: set[int] = set()
        """Graphs in which a step may start while something before it is not settled."""
        self._seen: dict[tuple[int, int], dict[int, int]] = {}

    def seen(self, target: Placement, reader: Placement) -> int:
        """Where a step is settled when another one of its graph starts: some joins do not wait for all that is before them."""
        if id(target.graph) not in self.races:
            return ALWAYS
        key = (id(target.graph), target.number)
        known = self._seen.get(key)
        if known is None or reader.number not in known:
            known = self._seen[key] = self._spread(target, reader)
        return known.get(reader.number, ALWAYS)

    def _spread(self, target: Placement, reader: Placement) -> dict[int, int]:
        order = self.layout.orders[id(target.graph)]
        owners = {edge.before.number for edge in order.incoming.get(target.number, ()) if edge.kind == "handler"}
        found: dict[int, int] = {}
        self.to.spend(len(order.ordered))
        for placement in order.ordered:
            late = self.fates[placement.number].late if placement.number in self.fates else {}
            sees = NEVER
            for edge in order.incoming.get(placement.number, ()):
                before = edge.before.number
                through = ALWAYS if before == target.number or before in owners else found.get(before, NEVER)
                in_time = self.to.negated(late[before]) if before in late else ALWAYS
                sees = self.to.either(sees, self.to.both(in_time, through))
            found[placement.number] = sees
            if placement is reader:
                break
        return found


class View:
    """What one expression of a step may find; without a step it is the definition's `output`."""

    def __init__(
        self, facts: Facts, reader: Placement | None, at: Moment = Moment.CHOOSING, *, first: bool = False
    ) -> None:
        """`first` is before the first round of a loop has given anything."""
        self._facts = facts
        self._reader = reader
        self._at = at
        self._first = first
        self._around = {one.number for one in _chain(reader)} if reader is not None else set[int]()

    @property
    def decisions(self) -> Decisions:
        """Where the decisions are kept."""
        return self._facts.to

    def has(self, part: Part) -> int:
        """When the step has it; steps of which nothing is known have it."""
        target = self._facts.layout.outline.by_id.get(part.step_id)
        fate = self._facts.fates.get(target.number) if target is not None else None
        if target is None or fate is None:
            return ALWAYS
        reader, to = self._reader, self._facts.to
        if reader is not None and _is_within(target, reader):
            if self._at is Moment.UNDOING:
                return ALWAYS
            if target is reader:
                return NEVER if self._first else ALWAYS
            if self._first:
                return NEVER
        there = fate.broke if part.name == "error" else fate.full_output if part.deep else fate.output
        if reader is not None and self._at is Moment.COUNTING and _is_within(target, reader):
            there = to.both(there, self._facts.questions.about("open", target.number))
        return to.both(self._from_outside(target, there), self._seen(target))

    def status(self, step_id: str, status: str) -> int | None:
        """When a step before this one has this status; None for one that is inside of another, or need not be settled."""
        target = self._facts.layout.outline.by_id.get(step_id)
        fate = self._facts.fates.get(target.number) if target is not None else None
        if target is None or fate is None or self._seen(target) != ALWAYS or not self._is_before(target):
            return None
        to = self._facts.to
        match status:
            case "completed":
                return fate.completed
            case "failed":
                return fate.failed
            case "skipped":
                return to.negated(to.either(fate.completed, fate.failed))
            case _:
                return NEVER

    def question(self, node: Node) -> int:
        """The answer to a test of data; before the first round the number of rounds is known."""
        if self._first:
            constants = self._facts.constants
            if all(one == (_ROUND,) or _is_variable(one, constants) for one in paths_in(node)):
                value = value_of(node, {_ROUND: 0, "workflow": constants})
                if isinstance(value, bool):
                    return ALWAYS if value else NEVER
        return self._facts.questions.test(node)

    def _from_outside(self, target: Placement, there: int) -> int:
        """What is inside of a container may have had no round, or may have been given up."""
        to, owner = self._facts.to, target.graph.owner
        while owner is not None:
            if owner.number in self._around and not (owner is self._reader and self._at is Moment.ENDED):
                break
            fate = self._facts.fates[owner.number]
            given_up = to.both(fate.cut, self._facts.questions.about("cut", target.number)) if fate.cut else NEVER
            there = to.all_of((there, fate.rounds, to.negated(given_up)))
            owner = owner.graph.owner
        return there

    def _seen(self, target: Placement) -> int:
        if self._reader is None:
            return ALWAYS
        places: dict[int, Placement] = {id(one.graph): one for one in _chain(self._reader)}
        for one in _chain(target):
            reader = places.get(id(one.graph))
            if reader is not None:
                return ALWAYS if reader is one else self._facts.seen(one, reader)
        return ALWAYS

    def _is_before(self, target: Placement) -> bool:
        if self._reader is None:
            return target.graph.owner is None
        upstream = self._facts.layout.upstream[self._reader.number] >> target.number & 1
        return bool(upstream) and (target.graph.owner is None or target.graph.owner.number in self._around)


def _is_variable(path: tuple[str, ...], variables: Mapping[str, object]) -> bool:
    return path[0] == "workflow" and len(path) > 1 and path[1] in variables


def _chain(placement: Placement) -> list[Placement]:
    """A step, and those it is in, from the inside out."""
    found = [placement]
    while (owner := found[-1].graph.owner) is not None:
        found.append(owner)
    return found


def _is_within(placement: Placement, other: Placement) -> bool:
    """Whether a step is another one or inside of it."""
    return placement.loc[: len(other.loc)] == other.loc
