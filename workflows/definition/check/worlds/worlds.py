"""Works out what may become of the steps of a definition, by the rules that the scheduler follows.

An edge is taken or not, a failure is recovered, tolerated or the end, a join starts before all is settled: all of it as decisions over
what only a run can tell. What an operator does is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from advanced_workflow.workflows.definition.check.constants import constants_of
from advanced_workflow.workflows.definition.check.worlds.fate import Fate, Rules
from advanced_workflow.workflows.definition.check.worlds.view import Facts, View
from advanced_workflow.workflows.definition.graph.layout import Layout
from advanced_workflow.workflows.definition.graph.outline import Edge, Graph, Placement
from advanced_workflow.workflows.definition.model.conditions import Condition
from advanced_workflow.workflows.definition.model.retries import chosen
from advanced_workflow.workflows.definition.model.step_type import StepType
from advanced_workflow.workflows.definition.step import WorkflowStep
from advanced_workflow.workflows.errors import ExpressionInvalid
from advanced_workflow.workflows.expressions.absence import Absence, tree_of, tree_of_condition
from advanced_workflow.workflows.expressions.faults import InvalidFault
from advanced_workflow.workflows.plain.decisions import ALWAYS, NEVER, Decisions

_MOST_COUNTED = 8
"""Steps of a container whose successes are counted one by one; of more it is only known whether all must succeed."""
_TOP = Rules(ends_with_one=True)


class Worlds(Facts):
    """The fates of all steps; of those in or behind a cycle nothing is known."""

    def __init__(self, layout: Layout, allowance: int) -> None:
        """Work them out. Raises `TooManyDecisions`."""
        super().__init__(layout, Decisions(allowance))
        self._handling: dict[int, list[tuple[int, int, int]]] = {}
        """By the number of an error handler: each time it may run, complete and fail."""
        self._giving_up: dict[int, list[Placement]] = {}
        """By graph: its joins with `cancel_rest`."""
        for one in layout.outline.placements:
            if one.step.cancel_rest:
                self._giving_up.setdefault(id(one.graph), []).append(one)
        self.completed = self._graph(layout.outline.top, ALWAYS, _TOP)

    def _graph(self, graph: Graph, base: int, rules: Rules) -> int:
        """Work out the steps of a graph that runs in these worlds; gives where all of them settle and it continues."""
        order = self.layout.orders[id(graph)]
        for placement in order.ordered:
            edges = order.incoming.get(placement.number, ())
            self._step(placement, [one for one in edges if one.before.number in self.fates], base, rules)
        return self.to.all_of(self.fates[one.number].past for one in order.ordered)

    def _step(self, placement: Placement, edges: Sequence[Edge], base: int, rules: Rules) -> None:
        fate = self.fates[placement.number] = Fate()
        owners = {edge.before.number for edge in edges if edge.kind == "handler"}
        if owners:
            self._handler(placement, fate, owners)
            return
        before = self._start(placement, fate, edges, base)
        fate.runs = self._conditions(placement, fate)
        self._body(placement, fate)
        fatal = rules.ends_with_any or (
            rules.ends_with_one and not self._retries(placement.step, "continue_on_failure")
        )
        own = self._may_fail(placement, tolerated=not fatal)
        skipped, empty = self._ended_early(placement)
        going = self.to.both(fate.runs, self.to.negated(skipped))
        fate.broke = self.to.both(going, self.to.either(own, self.to.negated(fate.inside)))
        fate.succeeded = self.to.both(going, self.to.negated(fate.broke))
        if placement.nested:
            fate.cut = self.to.either(fate.cut, fate.broke)
        recovered = self._handlers(placement, fate)
        fate.completed = self.to.either(fate.succeeded, recovered)
        fate.failed = self.to.both(fate.broke, self.to.negated(recovered))
        fate.past = self.to.both(before, self.to.negated(fate.failed)) if fatal else before
        self._outputs(placement, fate, empty)

    def _start(self, placement: Placement, fate: Fate, edges: Sequence[Edge], base: int) -> int:
        """When its turn comes; gives where all that must be settled before it is, and the graph continues."""
        routed = {edge.before.number for edge in edges if edge.kind == "route"}
        befores = list(dict.fromkeys(edge.before.number for edge in edges))
        if not befores:
            fate.turn = base
            return base
        taken = [self._taken(placement, number, routed) for number in befores]
        if placement.step.join == "all":
            before = self.to.both(base, self.to.all_of(self.fates[one].past for one in befores))
            none_failed = self.to.all_of(self.to.negated(self.fates[one].failed) for one in befores)
            fate.turn = self.to.all_of((before, none_failed, self.to.any_of(taken)))
            return before
        fate.late = {number: self.to.ask() for number in befores}
        self.races.add(id(placement.graph))
        here = [self.to.negated(late) for late in fate.late.values()]
        past = self.to.all_of(self.to.either(late, self.fates[one].past) for one, late in fate.late.items())
        before = self.to.both(base, past)
        settled = self.to.both(before, self.to.any_of(here))
        join = placement.step.join
        if isinstance(join, str) and join != "any":
            fate.joining = settled
            fate.turn = self.to.both(settled, self.to.ask())
        else:
            arrived = [self.to.both(one, now) for one, now in zip(taken, here, strict=True)]
            fate.turn = self.to.both(before, self._at_least(join if isinstance(join, int) else 1, arrived))
        return before

    def _taken(self, placement: Placement, number: int, routed: set[int]) -> int:
        source = self.fates[number]
        if number in routed:
            return self.to.both(source.succeeded, source.routes.get(placement.step.step_id, NEVER))
        return source.completed

    def _at_least(self, needed: int, parts: list[int]) -> int:
        """Where so many of them hold."""
        counts = [ALWAYS, *[NEVER] * needed]
        for one in parts:
            for number in range(needed, 0, -1):
                counts[number] = self.to.choose(one, counts[number - 1], counts[number])
        return counts[needed]

    def _conditions(self, placement: Placement, fate: Fate) -> int:
        """Where its conditions hold; of a conditional step they choose the routes."""
        step = placement.step
        going, chosen_before = fate.turn, NEVER
        default: Sequence[str] = ()
        routes: list[tuple[Sequence[str], int]] = []
        for condition in step.conditions:
            fate.choices.append(going)
            if condition.default:
                default = condition.next_steps
                continue
            holds = self._holds(placement, condition)
            if step.step_type is not StepType.CONDITIONAL:
                going = self.to.both(going, holds)
                continue
            routes.append((condition.next_steps, self.to.both(going, holds)))
            chosen_before = self.to.either(chosen_before, holds)
            if step.mode == "first":
                going = self.to.both(going, self.to.negated(holds))
        routes.append((default, self.to.both(fate.turn, self.to.negated(chosen_before))))
        for targets, holds in routes:
            for target in targets:
                fate.routes[target] = self.to.either(fate.routes.get(target, NEVER), holds)
        return fate.turn if step.step_type is StepType.CONDITIONAL else going

    def _holds(self, placement: Placement, condition: Condition) -> int:
        try:
            return Absence(View(self, placement)).holds(tree_of_condition(condition))
        except (ExpressionInvalid, InvalidFault):  # It is reported for itself.
            return self.to.ask()

    def _all_hold(self, placement: Placement) -> int:
        is_conditional = placement.step.step_type is StepType.CONDITIONAL
        conditions = () if is_conditional else placement.step.conditions
        return self.to.all_of(self._holds(placement, one) for one in conditions if not one.default)

    def _body(self, placement: Placement, fate: Fate) -> None:
        """What is inside of a container."""
        step = placement.step
        if step.step_type is StepType.LOOP:
            fate.rounds = self._first_round(placement)
        if not placement.nested:
            return
        base = self.to.both(fate.runs, fate.rounds)
        for graph in placement.nested:
            single = step.step_type is StepType.PARALLEL and step.for_each is None
            needed = self._retries(step, "parallel_failure_threshold")
            strict = single and step.complete_when is None and (len(graph.members) - 1) / len(graph.members) < needed
            rules = Rules(ends_with_one=not single, ends_with_any=strict)
            past = self._graph(graph, base, rules)
            if not single:
                if step.for_each is None:
                    fate.inside = self.to.choose(fate.rounds, past, ALWAYS)
            elif step.complete_when is not None:
                fate.cut = fate.runs
                fate.inside = self.to.either(self.to.ask(), self._enough(graph, needed))
            else:
                fate.inside = past if strict else self._enough(graph, needed)

    def _first_round(self, placement: Placement) -> int:
        """Where a loop runs one round at least."""
        step = placement.step
        if step.loop_check == "after" or step.loop_condition is None:
            return ALWAYS
        self.constants = constants_of(self.layout, inside=placement)
        try:
            return Absence(View(self, placement, first=True)).holds(tree_of(step.loop_condition))
        except (ExpressionInvalid, InvalidFault):
            return self.to.ask()

    def _enough(self, graph: Graph, needed: float) -> int:
        """Where enough of those that ran succeeded."""
        members = [self.fates[one.number] for one in graph.members if one.number in self.fates]
        if len(members) > _MOST_COUNTED:
            return ALWAYS
        known: dict[tuple[int, int, int], int] = {}

        def count(at: int, completed: int, failed: int) -> int:
            if at == len(members):
                return ALWAYS if not failed or completed / (completed + failed) >= needed else NEVER
            key = (at, completed, failed)
            if key not in known:
                one = members[at]
                rest = self.to.choose(
                    one.failed, count(at + 1, completed, failed + 1), count(at + 1, completed, failed)
                )
                known[key] = self.to.choose(one.completed, count(at + 1, completed + 1, failed), rest)
            return known[key]

        return count(0, 0, 0)

    def _retries(self, step: WorkflowStep, name: str) -> Any:  # noqa: ANN401 - the field's
        return chosen(name, step.retry_policy, self.layout.workflow.retry_policy)

    def _may_fail(self, placement: Placement, *, tolerated: bool) -> int:
        return self.to.ask() if tolerated or placement.step.error_handlers else NEVER

    def _ended_early(self, placement: Placement) -> tuple[int, int]:
        """Where something else ends it: it counts as skipped, or as completed without an output."""
        cancel_on = placement.step.cancel_on
        skipped = self.to.ask() if cancel_on is not None and cancel_on.outcome == "skip" else NEVER
        empty = self.to.ask() if cancel_on is not None and cancel_on.outcome == "complete" else NEVER
        if self._may_be_given_up(placement):
            skipped = self.to.either(skipped, self.to.ask())
        return skipped, empty

    def _may_be_given_up(self, placement: Placement) -> bool:
        """Whether a join with `cancel_rest` may start while the step is not settled: enough of what it waits for does not need it."""
        joins = self._giving_up.get(id(placement.graph), ())
        self.to.spend(len(joins))
        for one in joins:
            if self.layout.upstream[one.number] >> placement.number & 1:
                incoming = self.layout.orders[id(placement.graph)].incoming.get(one.number, ())
                sources = {edge.before.number for edge in incoming if edge.kind != "handler"}
                free = [
                    number
                    for number in sources
                    if not (self.layout.upstream[number] | 1 << number) >> placement.number & 1
                ]
                if len(free) >= (one.step.join if isinstance(one.step.join, int) else 1):
                    return True
        return False

    def _handlers(self, placement: Placement, fate: Fate) -> int:
        """Let its error handlers run; gives where they recover it."""
        going, any_ran = fate.broke, NEVER
        for entry in placement.step.error_handlers:
            handler = placement.graph.ids.get(entry.handler)
            if handler is None:
                continue
            turn = self.to.both(going, self.to.ask()) if entry.on else going
            succeeds = self.to.both(self.to.ask(), self._all_hold(handler))
            self._handling.setdefault(handler.number, []).append((placement.number, turn, succeeds))
            any_ran = self.to.either(any_ran, turn)
            # One whose condition does not hold recovers nothing.
            going = self.to.both(going, self.to.either(succeeds, self.to.negated(turn)))
        return self.to.both(any_ran, going)

    def _handler(self, placement: Placement, fate: Fate, owners: set[int]) -> None:
        """An error handler runs once for each step that failed; expressions see how it ended last."""
        turns = self._handling.get(placement.number, [])
        fate.turn = self.to.any_of(turn for _, turn, _ in turns)
        fate.runs = self._conditions(placement, fate)
        self._body(placement, fate)
        ended = self.to.all_of(self.to.either(self.to.negated(turn), well) for _, turn, well in turns)
        fate.succeeded = fate.completed = self.to.both(fate.turn, ended)
        fate.broke = fate.failed = self.to.both(fate.runs, self.to.negated(ended))
        if len(owners) > 1:
            fate.late = {number: self.to.negated(turn) for number, turn, _ in turns}
            self.races.add(id(placement.graph))
        self._outputs(placement, fate, NEVER)

    def _outputs(self, placement: Placement, fate: Fate, empty: int) -> None:
        """A failing `output_mapping` leaves the output where it is; an error handler that recovers a step gives it none."""
        fate.output = fate.succeeded
        if placement.step.output_mapping and fate.broke != NEVER:
            fate.output = self.to.either(fate.succeeded, self.to.both(fate.broke, self.to.ask()))
        fate.full_output = self.to.both(fate.output, self.to.negated(empty))
        if placement.step.step_type is StepType.LOOP and not placement.nested:
            fate.full_output = self.to.both(fate.full_output, fate.rounds)
