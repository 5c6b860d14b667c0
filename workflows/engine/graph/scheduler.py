"""Decides which steps start: incremental, pure, and ignorant of Temporal.

A step is settled when it completed, failed or was skipped. Settling one step touches only its own dependents, so the cost of
a settled step does not grow with the number of steps.

An edge is taken or not: one from a conditional step to a step that a route of it names is taken when it routed there, every other
one when its source completed. A step with edges starts when all its sources are settled, none has failed, and at least one edge
is taken; with a join, as soon as enough edges are.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from advanced_workflow.workflows.contract import SkipReason


class Outcome(Enum):
    """How a step settled, as far as its dependents care."""

    COMPLETED = "completed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Settled:
    """A step's outcome.

    `routed` names the targets a conditional step chose; None routes to all of its targets. `handled` says how the error
    handlers ended that ran for this step.
    """

    outcome: Outcome
    routed: frozenset[str] | None = None
    reason: SkipReason | None = None
    handled: Mapping[str, Settled] = field(default_factory=dict[str, "Settled"])

    @property
    def satisfies(self) -> bool:
        """Whether dependents count it as completed: an operator's skip means 'continue without it'."""
        return self.outcome is Outcome.COMPLETED or self.reason is SkipReason.BY_OPERATOR


@dataclass(frozen=True, slots=True)
class Node:
    """One step as the scheduler sees it.

    `routes` are those `dependents` that start only when this step routes to them. `owners` are the steps whose failure this
    step handles; a handler is started by its owner's failure and never by the scheduler.
    """

    step_id: str
    index: int
    dependencies: tuple[str, ...]
    dependents: tuple[str, ...]
    routes: frozenset[str] = frozenset()
    routed_by: int = 0
    handlers: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    needed: int | None = None
    """How many edges must be taken; None: one is enough, once all dependencies are settled and none has failed."""
    asks: bool = False
    """Whether the step's own expression says when it starts."""
    cancel_rest: bool = False


Graph = Mapping[str, Node]

AskJoin = Callable[[str, int], bool]
"""Whether a step whose join is an expression may start, with so many edges taken."""
RoutesRule = Callable[[], bool]
"""Whether a step with routes and other edges starts only where a route chose it, as runs of before 0.2.0 do."""
NoteSkip = Callable[[str, SkipReason], None]
"""Hears of a step that is skipped, before anything is decided that may look at it."""


@dataclass(slots=True)
class Changes:
    """What settling a step brought, in definition order: steps to start, steps now skipped, and steps no longer needed."""

    ready: list[str] = field(default_factory=list)
    skipped: list[tuple[str, SkipReason]] = field(default_factory=list)
    unneeded: list[str] = field(default_factory=list)
    """Unsettled steps that a join with `cancel_rest` gives up; whoever runs them settles them."""


@dataclass(slots=True)
class _Counters:
    remaining: int
    taken: int = 0
    routed: bool = False
    """Whether a route that was taken leads to it."""
    failed: int = 0
    failed_upstream: int = 0
    owners_remaining: int = 0
    handled: Settled | None = None


class Scheduler:
    """The settled and unsettled steps of one graph."""

    def __init__(
        self,
        graph: Graph,
        ask: AskJoin | None = None,
        on_skip: NoteSkip | None = None,
        routes_rule: RoutesRule = lambda: False,
    ) -> None:
        """Take a graph whose edges are known to be consistent and acyclic (`check` sees to it).

        `routes_rule` is asked only where its answer makes a difference.
        """
        self._graph = graph
        self._ask = ask
        self._on_skip = on_skip
        self._routes_rule = routes_rule
        self._counters = {
            step_id: _Counters(len(node.dependencies), owners_remaining=len(node.owners))
            for step_id, node in graph.items()
        }
        self._settled: dict[str, Settled] = {}
        self.ended: dict[Outcome, int] = dict.fromkeys(Outcome, 0)
        """How many steps settled in which way."""
        self._offered: set[str] = set()

    @property
    def remaining(self) -> int:
        """How many steps are not settled."""
        return len(self._graph) - len(self._settled)

    def is_settled(self, step_id: str) -> bool:
        """Whether a step is settled."""
        return step_id in self._settled

    def unsettled(self) -> list[str]:
        """Ids of the steps not settled, in definition order."""
        return [step_id for step_id in self._graph if step_id not in self._settled]

    def start(self, known: Mapping[str, Settled] | None = None) -> Changes:
        """Give the first ready steps; `known` are steps that settled before (when a graph is taken up again)."""
        changes = Changes()
        for step_id, node in self._graph.items():
            if not node.dependencies and not node.owners:
                changes.ready.append(step_id)
                self._offered.add(step_id)
        for step_id, settled in (known or {}).items():
            if step_id in self._settled:
                continue
            later = self.settle(step_id, settled)
            changes.ready.extend(later.ready)
            changes.skipped.extend(later.skipped)
            changes.unneeded.extend(later.unneeded)
        for step_id in known or {}:
            if self._graph[step_id].cancel_rest:  # Whatever of its rest is run again is not needed again.
                changes.unneeded.extend(self._rest(self._graph[step_id]))
        changes.ready = self._in_order(one for one in changes.ready if one not in self._settled)
        changes.unneeded = self._in_order({one for one in changes.unneeded if one not in self._settled})
        return changes

    def settle(self, step_id: str, settled: Settled) -> Changes:
        """Record an outcome and give what follows from it."""
        changes = Changes()
        waiting: deque[tuple[str, Settled]] = deque([(step_id, settled)])
        while waiting:
            current, how = waiting.popleft()
            if current in self._settled:
                continue
            self._settled[current] = how
            self.ended[how.outcome] += 1
            node = self._graph[current]
            for dependent in node.dependents:
                self._count(node, dependent, how)
                self._decide(dependent, changes, waiting)
            for handler in node.handlers:
                self._release_handler(handler, how.handled.get(handler), changes, waiting)
        changes.ready = self._in_order(changes.ready)
        changes.unneeded = self._in_order(one for one in changes.unneeded if one not in self._settled)
        return changes

    def _count(self, node: Node, dependent: str, how: Settled) -> None:
        counters = self._counters[dependent]
        counters.remaining -= 1
        if dependent not in node.routes:
            counters.taken += how.satisfies
        elif how.satisfies and (how.routed is None or dependent in how.routed):
            counters.taken += 1
            counters.routed = True
        if how.outcome is Outcome.FAILED:
            counters.failed += 1
        if how.reason is SkipReason.DEPENDENCY_FAILED:
            counters.failed_upstream += 1

    def _decide(self, step_id: str, changes: Changes, waiting: deque[tuple[str, Settled]]) -> None:
        if step_id in self._settled or step_id in self._offered:
            return
        node, counters = self._graph[step_id], self._counters[step_id]
        starts = self._starts(node, counters)
        if not starts and counters.remaining:
            return
        self._offered.add(step_id)
        if starts:
            changes.ready.append(step_id)
            if node.cancel_rest:
                changes.unneeded.extend(self._rest(node))
            return
        reason = _reason_to_skip(counters)
        self._note_skip(step_id, reason, changes)
        waiting.append((step_id, Settled(Outcome.SKIPPED, reason=reason)))

    def _starts(self, node: Node, counters: _Counters) -> bool:
        if node.asks and self._ask is not None:
            return self._ask(node.step_id, counters.taken)
        if node.needed is not None:
            return counters.taken >= node.needed
        if counters.remaining or counters.failed or not counters.taken:
            return False
        return counters.routed or not node.routed_by or not self._routes_rule()

    def _rest(self, node: Node) -> list[str]:
        """The dependencies that are not settled, and what leads only to them; error handlers end with their owners."""
        rest: dict[str, None] = {}
        waiting = deque(node.dependencies)
        while waiting:
            current = waiting.popleft()
            if current in self._settled or current in rest or self._graph[current].owners:
                continue
            rest[current] = None
            for earlier in self._graph[current].dependencies:
                if all(one in rest or one in self._settled for one in self._graph[earlier].dependents):
                    waiting.append(earlier)
        return self._in_order(rest)

    def _release_handler(
        self, handler: str, ended: Settled | None, changes: Changes, waiting: deque[tuple[str, Settled]]
    ) -> None:
        """A handler settles once no owner can need it any more: as it last ended, or skipped if nobody needed it."""
        counters = self._counters[handler]
        counters.owners_remaining -= 1
        counters.handled = ended or counters.handled
        if counters.owners_remaining:
            return
        if counters.handled is None:
            self._note_skip(handler, SkipReason.NOT_ROUTED, changes)
        waiting.append((handler, counters.handled or Settled(Outcome.SKIPPED, reason=SkipReason.NOT_ROUTED)))

    def _note_skip(self, step_id: str, reason: SkipReason, changes: Changes) -> None:
        changes.skipped.append((step_id, reason))
        if self._on_skip is not None:
            self._on_skip(step_id, reason)

    def _in_order(self, step_ids: Iterable[str]) -> list[str]:
        return sorted(step_ids, key=lambda step_id: self._graph[step_id].index)


def _reason_to_skip(counters: _Counters) -> SkipReason:
    """Why a step is skipped: a failure kept an edge from being taken, or nothing chose it."""
    blamed = counters.failed or counters.failed_upstream
    return SkipReason.DEPENDENCY_FAILED if blamed else SkipReason.NOT_ROUTED
