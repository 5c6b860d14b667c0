from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advanced_workflow.workflows.contract import SkipReason
from advanced_workflow.workflows.definition.step import WorkflowStep
from advanced_workflow.workflows.engine.graph.edges import graph_of
from advanced_workflow.workflows.engine.graph.scheduler import Changes, Graph, Node, Outcome, Scheduler, Settled
from tests.engine.cases import Case, cases
from tests.engine.races import Naive
from tests.examples import profile

COMPLETED = Settled(Outcome.COMPLETED)
FAILED = Settled(Outcome.FAILED)
FALSE = Settled(Outcome.SKIPPED, reason=SkipReason.CONDITION_FALSE)


def graph(*steps: dict[str, Any]) -> Graph:
    return graph_of([WorkflowStep.model_validate(step) for step in steps])


def step(step_id: str, *dependencies: str, **more: Any) -> dict[str, Any]:
    return {"step_id": step_id, "dependencies": dependencies, **more}


def choice(step_id: str, *routes: list[str], **more: Any) -> dict[str, Any]:
    conditions = [{"expression": "true", "next_steps": route} for route in routes]
    return {"step_id": step_id, "step_type": "conditional", "conditions": conditions, **more}


def routed(*targets: str) -> Settled:
    return Settled(Outcome.COMPLETED, routed=frozenset(targets))


def begin(*steps: dict[str, Any]) -> Scheduler:
    scheduler = Scheduler(graph(*steps))
    scheduler.start()
    return scheduler


def settle(scheduler: Scheduler, *ends: tuple[str, Settled]) -> Changes:
    """Settle several steps; gives what the last one brought."""
    changes = Changes()
    for step_id, settled in ends:
        changes = scheduler.settle(step_id, settled)
    return changes


def test_steps_without_dependencies_start_at_once_in_definition_order() -> None:
    changes = Scheduler(graph(step("z"), step("b", "z"), step("a"))).start()

    assert changes.ready == ["z", "a"]
    assert changes.skipped == []


def test_a_step_starts_when_its_last_dependency_completed() -> None:
    scheduler = begin(step("a"), step("b"), step("c", "a", "b"))

    assert settle(scheduler, ("b", COMPLETED)).ready == []
    assert settle(scheduler, ("a", COMPLETED)).ready == ["c"]


def test_next_steps_is_the_same_edge_as_dependencies() -> None:
    there = graph(step("a", next_steps=["b"]), step("b"))
    here = graph(step("a"), step("b", "a"))

    assert there == here
    assert graph(step("a", next_steps=["b"]), step("b", "a")) == here


def test_steps_that_become_ready_together_are_given_in_definition_order() -> None:
    scheduler = begin(step("c", "a"), step("d", "b"), step("b", "a"), step("a"))

    assert settle(scheduler, ("a", COMPLETED)).ready == ["c", "b"]


def test_a_step_is_skipped_when_a_dependency_failed_though_another_completed() -> None:
    scheduler = begin(step("a"), step("b"), step("c", "a", "b"))

    changes = settle(scheduler, ("a", COMPLETED), ("b", FAILED))

    assert changes.skipped == [("c", SkipReason.DEPENDENCY_FAILED)]
    assert changes.ready == []


def test_a_failure_skips_the_whole_chain_behind_it_for_the_same_reason() -> None:
    scheduler = begin(step("a"), step("b", "a"), step("c", "b"))

    changes = settle(scheduler, ("a", FAILED))

    assert changes.skipped == [("b", SkipReason.DEPENDENCY_FAILED), ("c", SkipReason.DEPENDENCY_FAILED)]
    assert scheduler.remaining == 0


def test_a_step_runs_when_one_dependency_completed_and_the_others_were_skipped() -> None:
    scheduler = begin(step("a"), step("b"), step("c", "a", "b"))

    assert settle(scheduler, ("a", FALSE), ("b", COMPLETED)).ready == ["c"]


def test_a_step_is_skipped_when_all_its_dependencies_were() -> None:
    scheduler = begin(step("a"), step("b"), step("c", "a", "b"))

    assert settle(scheduler, ("a", FALSE), ("b", FALSE)).skipped == [("c", SkipReason.NOT_ROUTED)]


def test_a_step_behind_two_skipped_ones_names_the_failure_when_one_was_skipped_for_it() -> None:
    scheduler = begin(step("a"), step("b", "a"), step("c"), step("d", "b", "c"))

    assert settle(scheduler, ("a", FAILED), ("c", FALSE)).skipped == [("d", SkipReason.DEPENDENCY_FAILED)]


def test_a_step_an_operator_skipped_counts_as_completed() -> None:
    scheduler = begin(step("a"), step("b", "a"))

    assert settle(scheduler, ("a", Settled(Outcome.SKIPPED, reason=SkipReason.BY_OPERATOR))).ready == ["b"]


def test_a_conditional_step_starts_the_targets_it_chose_and_skips_the_others() -> None:
    scheduler = begin(choice("c", ["x"], ["y"]), step("x"), step("y"), step("after_y", "y"))

    changes = settle(scheduler, ("c", routed("x")))

    assert changes.ready == ["x"]
    assert changes.skipped == [("y", SkipReason.NOT_ROUTED), ("after_y", SkipReason.NOT_ROUTED)]


def test_a_plain_dependency_on_a_conditional_step_is_an_ordinary_edge() -> None:
    scheduler = begin(choice("c", ["x"]), step("x"), step("always", "c"))

    assert settle(scheduler, ("c", routed())).ready == ["always"]


def test_a_target_nobody_routed_to_runs_where_another_edge_to_it_is_taken() -> None:
    scheduler = begin(step("a"), choice("c", ["x"]), step("x", "a"))

    assert settle(scheduler, ("a", COMPLETED), ("c", routed())).ready == ["x"]


@pytest.mark.parametrize("chosen", ["review", "ship"])
def test_a_step_that_follows_another_one_or_a_route_directly_runs_after_either(chosen: str) -> None:
    scheduler = begin(choice("c", ["review"], ["ship"]), step("review"), step("ship", "review"))

    first = settle(scheduler, ("c", routed(chosen)))
    last = settle(scheduler, ("review", COMPLETED)) if chosen == "review" else first

    assert first.ready == [chosen]
    assert first.skipped == ([("review", SkipReason.NOT_ROUTED)] if chosen == "ship" else [])
    assert last.ready == [chosen if chosen == "ship" else "ship"]


def test_a_source_that_failed_blocks_a_step_that_a_route_leads_to() -> None:
    scheduler = begin(step("a"), choice("c", ["x"]), step("x", "a"))

    changes = settle(scheduler, ("a", FAILED), ("c", routed("x")))

    assert changes.skipped == [("x", SkipReason.DEPENDENCY_FAILED)]


def test_a_target_is_skipped_for_a_failure_where_its_router_was() -> None:
    scheduler = begin(step("a"), choice("c", ["x"], dependencies=["a"]), step("x"))

    assert settle(scheduler, ("a", FAILED)).skipped == [
        ("c", SkipReason.DEPENDENCY_FAILED),
        ("x", SkipReason.DEPENDENCY_FAILED),
    ]


def test_runs_of_an_earlier_release_skip_what_nobody_routed_to_and_are_asked_only_then() -> None:
    asked: list[bool] = []
    old = Scheduler(
        graph(step("a"), choice("c", ["x"], ["y", "z"]), step("x", "a"), step("y", "a"), step("z")),
        routes_rule=lambda: not asked.append(True),
    )
    old.start()

    changes = settle(old, ("a", COMPLETED), ("c", routed("y")))

    assert changes.skipped == [("x", SkipReason.NOT_ROUTED), ("z", SkipReason.NOT_ROUTED)]
    assert changes.ready == ["y"]
    assert len(asked) == 1


def test_one_of_several_routers_is_enough() -> None:
    scheduler = begin(choice("c", ["x"]), choice("d", ["x"]), step("x"))

    assert settle(scheduler, ("c", routed("x")), ("d", routed())).ready == ["x"]


def test_a_routed_target_still_waits_for_its_other_dependencies() -> None:
    scheduler = begin(step("a"), choice("c", ["x"]), step("x", "a"))

    assert settle(scheduler, ("c", routed("x"))).ready == []
    assert settle(scheduler, ("a", COMPLETED)).ready == ["x"]


def test_a_routed_target_runs_though_its_other_dependency_was_skipped() -> None:
    scheduler = begin(step("a"), choice("c", ["x"]), step("x", "a"))

    assert settle(scheduler, ("a", FALSE), ("c", routed("x"))).ready == ["x"]


def test_branches_join_again_behind_the_one_that_was_routed() -> None:
    scheduler = begin(choice("c", ["x"], ["y"]), step("x"), step("y"), step("end", "x", "y"))

    assert settle(scheduler, ("c", routed("y")), ("y", COMPLETED)).ready == ["end"]


def test_a_conditional_step_that_failed_skips_its_targets_for_that() -> None:
    scheduler = begin(choice("c", ["x"]), step("x"))

    assert settle(scheduler, ("c", FAILED)).skipped == [("x", SkipReason.DEPENDENCY_FAILED)]


def test_an_error_handler_never_starts_by_itself_and_is_skipped_when_nobody_needed_it() -> None:
    scheduler = Scheduler(graph(step("a", error_handlers=["h"]), step("b", error_handlers=["h"]), step("h")))

    assert scheduler.start().ready == ["a", "b"]
    assert settle(scheduler, ("a", COMPLETED)).skipped == []
    assert settle(scheduler, ("b", COMPLETED)).skipped == [("h", SkipReason.NOT_ROUTED)]
    assert scheduler.remaining == 0


@pytest.mark.parametrize(
    ("end", "follows"), [(COMPLETED, ["x"]), (FAILED, [("x", SkipReason.DEPENDENCY_FAILED)])], ids=["done", "failed"]
)
def test_an_error_handler_that_ran_settles_as_it_ended_for_those_who_depend_on_it(end: Settled, follows: Any) -> None:
    scheduler = begin(step("a", error_handlers=["h"]), step("b", error_handlers=["h"]), step("h"), step("x", "h"))

    changes = settle(scheduler, ("a", Settled(Outcome.FAILED, handled={"h": end})), ("b", COMPLETED))

    assert changes.ready + changes.skipped == follows
    assert scheduler.unsettled() == (["x"] if changes.ready else [])


def test_a_recovered_step_starts_its_dependents() -> None:
    scheduler = begin(step("a", error_handlers=["h"]), step("h"), step("b", "a"))

    changes = settle(scheduler, ("a", Settled(Outcome.COMPLETED, handled={"h": COMPLETED})))

    assert changes.ready == ["b"]
    assert changes.skipped == []


def test_settling_a_step_again_changes_nothing() -> None:
    scheduler = begin(step("a"), step("b", "a"))
    settle(scheduler, ("a", COMPLETED))

    assert settle(scheduler, ("a", FAILED)) == Changes()
    assert scheduler.unsettled() == ["b"]


def test_a_graph_taken_up_again_goes_on_where_it_was() -> None:
    scheduler = Scheduler(graph(step("a"), step("b", "a"), step("c"), step("d", "b", "c")))

    changes = scheduler.start({"a": COMPLETED, "c": COMPLETED})

    assert changes.ready == ["b"]
    assert scheduler.unsettled() == ["b", "d"]


NOT_NEEDED = Settled(Outcome.SKIPPED, reason=SkipReason.NOT_NEEDED)
RACE = {"join": "any", "cancel_rest": True}


def test_a_join_starts_once_enough_dependencies_completed_and_only_once() -> None:
    scheduler = begin(
        step("a"), step("b"), step("c"), step("any", "a", "b", "c", join="any"), step("two", "a", "b", "c", join=2)
    )

    assert settle(scheduler, ("a", FAILED)).ready == []
    assert settle(scheduler, ("b", COMPLETED)).ready == ["any"]
    assert settle(scheduler, ("c", COMPLETED)).ready == ["two"]
    assert scheduler.unsettled() == ["any", "two"]


@pytest.mark.parametrize(
    ("ends", "reason"),
    [
        ((FAILED, FALSE, COMPLETED), SkipReason.DEPENDENCY_FAILED),
        ((FALSE, COMPLETED, FALSE), SkipReason.NOT_ROUTED),
        ((FALSE, COMPLETED, NOT_NEEDED), SkipReason.NOT_ROUTED),
    ],
)
def test_a_join_that_was_not_met_is_skipped_when_all_dependencies_are_settled(ends: Any, reason: SkipReason) -> None:
    scheduler = begin(step("a"), step("b"), step("c"), step("two", "a", "b", "c", join=2), step("after", "two"))

    changes = settle(scheduler, *zip("abc", ends, strict=True))

    assert changes.skipped == [("two", reason), ("after", reason)]
    assert changes.ready == []


def test_a_join_counts_a_route_that_was_taken_and_what_an_operator_skipped() -> None:
    by_operator = Settled(Outcome.SKIPPED, reason=SkipReason.BY_OPERATOR)
    scheduler = begin(choice("c", ["j"], ["x"]), choice("d", ["j"]), step("a"), step("x"), step("j", "a", join=2))

    assert settle(scheduler, ("c", routed("x"))).ready == ["x"]
    assert settle(scheduler, ("d", routed("j"))).ready == []
    assert settle(scheduler, ("a", by_operator)).ready == ["j"]


def test_a_join_expression_is_asked_whenever_a_dependency_settles_until_it_says_yes() -> None:
    asked: list[tuple[str, int]] = []

    def ask(step_id: str, completed: int) -> bool:
        asked.append((step_id, completed))
        return completed == 2

    scheduler = Scheduler(graph(step("a"), step("b"), step("c"), step("j", "a", "b", "c", join="1 < 2")), ask)
    scheduler.start()

    assert settle(scheduler, ("a", COMPLETED), ("b", FAILED)).ready == []
    assert settle(scheduler, ("c", COMPLETED)).ready == ["j"]
    assert asked == [("j", 1), ("j", 1), ("j", 2)]


def test_a_join_whose_expression_never_says_yes_is_skipped() -> None:
    scheduler = Scheduler(graph(step("a"), step("j", "a", join="false")), lambda *_: False)
    scheduler.start()

    assert settle(scheduler, ("a", COMPLETED)).skipped == [("j", SkipReason.NOT_ROUTED)]


def test_a_step_that_is_skipped_is_heard_of_before_a_join_behind_it_is_asked() -> None:
    heard: list[str] = []
    scheduler = Scheduler(
        graph(step("a"), step("b", "a"), step("j", "b", join="true")),
        lambda step_id, _: heard.append(f"ask {step_id}") is None,
        lambda step_id, _: heard.append(f"skip {step_id}"),
    )
    scheduler.start()

    assert settle(scheduler, ("a", FAILED)).ready == ["j"]
    assert heard == ["skip b", "ask j"]


def test_the_rest_is_what_leads_only_to_dependencies_that_are_not_settled() -> None:
    scheduler = begin(
        step("far"),
        step("long", "near"),
        step("near", "far"),
        step("both"),
        step("shared", "both"),
        step("other", "both"),
        step("done"),
        step("quick"),
        step("j", "quick", "long", "shared", "done", join=2, cancel_rest=True),
    )

    assert settle(scheduler, ("done", COMPLETED)).unneeded == []
    changes = settle(scheduler, ("quick", COMPLETED))

    assert changes.ready == ["j"]
    assert changes.unneeded == ["far", "long", "near", "shared"]


def test_the_rest_includes_what_leads_to_a_step_that_is_settled_already() -> None:
    scheduler = begin(
        step("a"), step("x"), step("first", "a", "x", join="any"), step("b", "a"), step("j", "first", "b", **RACE)
    )

    settle(scheduler, ("x", COMPLETED))

    assert settle(scheduler, ("first", COMPLETED)).unneeded == ["a", "b"]


def test_an_error_handler_is_never_part_of_the_rest() -> None:
    scheduler = begin(step("a", error_handlers=["h"]), step("h"), step("x"), step("j", "h", "x", **RACE))

    assert settle(scheduler, ("x", COMPLETED)).unneeded == []
    assert settle(scheduler, ("a", NOT_NEEDED)).skipped == [("h", SkipReason.NOT_ROUTED)]


def test_steps_behind_one_that_was_given_up_are_skipped_unless_another_dependency_completed() -> None:
    scheduler = begin(step("a"), step("b"), step("j", "a", "b", **RACE), step("c", "b"), step("d", "a", "b"))
    settle(scheduler, ("a", COMPLETED))

    changes = settle(scheduler, ("b", NOT_NEEDED))

    assert changes.skipped == [("c", SkipReason.NOT_ROUTED)]
    assert changes.ready == ["d"]


@pytest.mark.parametrize("first", ["j", "a"], ids=["join first", "join last"])
@pytest.mark.parametrize("joined", [False, True], ids=["before the join", "after it"])
def test_a_race_taken_up_again_gives_up_its_rest_again(first: str, joined: bool) -> None:
    race, others = step("j", "a", "b", **RACE), [step("b", "c"), step("a"), step("c")]
    nodes = graph(*([race, *others] if first == "j" else [*others, race]))
    known = {step_id: COMPLETED for step_id in nodes if step_id == "a" or (joined and step_id == "j")}

    changes = Scheduler(nodes).start(known)

    assert changes.unneeded == ["b", "c"]
    assert changes.ready == (
        ["c"] if joined else sorted(["j", "c"], key=[*"jc"].index if first == "j" else [*"cj"].index)
    )


@profile(300)
@given(case=cases(races=True), data=st.data())
def test_joins_start_skip_and_give_up_what_the_naive_model_says(case: Case, data: st.DataObject) -> None:
    Race(case, data.draw).run()


class Race:
    """Settles the top level of a case step by step, in the scheduler and in the naive model, and compares the two."""

    def __init__(self, case: Case, draw: Any) -> None:
        self.draw = draw
        self.steps = {one["step_id"]: one for one in case.definition["steps"]}
        self.scheduler = Scheduler(graph(*case.definition["steps"]))
        self.naive = Naive(case.definition["steps"])
        self.running: list[str] = []
        self.given_up: set[str] = set()

    def run(self) -> None:
        self.naive.decide()
        self.take(self.scheduler.start(), frozenset())
        while self.running:
            step_id = self.running.pop(self.draw(st.integers(0, len(self.running) - 1)))
            given_up = step_id in self.given_up and self.draw(st.booleans())
            self.settle(step_id, NOT_NEEDED if given_up else self.some_end(step_id))
        assert self.scheduler.unsettled() == self.naive.unsettled() == []

    def some_end(self, step_id: str) -> Settled:
        """One of the ends a step may have; where it fails, its error handlers may have ended in any way."""
        outcome = self.draw(st.sampled_from([COMPLETED, COMPLETED, FAILED, FALSE]))
        names = self.steps[step_id].get("error_handlers", []) if outcome is FAILED else []
        handled = {name: self.draw(st.sampled_from([COMPLETED, FAILED])) for name in names}
        targets = sorted(self.naive.targets[step_id])
        if targets and outcome is COMPLETED:
            return routed(*self.draw(st.lists(st.sampled_from(targets), unique=True)))
        if handled and all(one is COMPLETED for one in handled.values()):
            return Settled(Outcome.COMPLETED, routed=frozenset(), handled=handled)
        return Settled(outcome.outcome, reason=outcome.reason, handled=handled)

    def settle(self, step_id: str, settled: Settled) -> None:
        before = frozenset(self.naive.ends)
        handled = {name: one.outcome.value for name, one in settled.handled.items()}
        reason = settled.reason.value if settled.reason else None
        self.naive.end(step_id, settled.outcome.value, reason, settled.routed, handled)
        self.take(self.scheduler.settle(step_id, settled), before)

    def take(self, changes: Changes, before: frozenset[str]) -> None:
        least, most = self.naive.rest(before), self.naive.rest(frozenset(self.naive.ends))
        assert least <= set(changes.unneeded) <= most
        assert set(changes.ready) == self.naive.take_started()
        assert {step_id: reason.value for step_id, reason in changes.skipped} == self.naive.take_skipped()
        self.running += changes.ready
        self.given_up |= set(changes.unneeded)
        for step_id in changes.unneeded:
            if step_id not in self.running and not self.scheduler.is_settled(step_id):
                self.settle(step_id, NOT_NEEDED)


class CountingGraph(Mapping[str, Node]):
    """Counts how often a node is looked at."""

    def __init__(self, nodes: Graph) -> None:
        self._nodes = nodes
        self.looks = 0

    def __getitem__(self, step_id: str) -> Node:
        self.looks += 1
        return self._nodes[step_id]

    def __iter__(self) -> Iterator[str]:
        for step_id in self._nodes:
            self.looks += 1
            yield step_id

    def __len__(self) -> int:
        return len(self._nodes)


def looks_per_step(steps: list[dict[str, Any]]) -> float:
    counting = CountingGraph(graph(*steps))
    scheduler = Scheduler(counting)
    waiting = scheduler.start().ready
    counting.looks = 0
    while waiting:
        waiting += scheduler.settle(waiting.pop(), COMPLETED).ready
    assert scheduler.remaining == 0
    return counting.looks / len(steps)


@pytest.mark.parametrize("shape", ["chain", "fan", "independent"])
def test_settling_a_step_looks_at_no_more_nodes_in_a_large_graph_than_in_a_small_one(shape: str) -> None:
    def steps(count: int) -> list[dict[str, Any]]:
        before = {"chain": lambda i: [f"s{i - 1}"], "fan": lambda _: ["s0"], "independent": lambda _: []}[shape]
        return [step(f"s{i}", *(before(i) if i else [])) for i in range(count)]

    small, large = looks_per_step(steps(20)), looks_per_step(steps(2000))

    assert large <= small + 1
    assert large < 4


def ends_of(case: Case, draw: Any) -> list[tuple[str, Settled]]:
    """Settle the top level step by step, ready ones in any order and with any outcome; gives the steps that ran."""
    by_id = {one["step_id"]: one for one in case.definition["steps"]}
    scheduler = Scheduler(graph(*case.definition["steps"]))
    waiting, order = list(scheduler.start().ready), list[tuple[str, Settled]]()
    offered = set(waiting)
    while waiting:
        step_id = waiting.pop(draw(st.integers(0, len(waiting) - 1)))
        outcome = draw(st.sampled_from([COMPLETED, COMPLETED, FAILED, FALSE]))
        targets = [
            target
            for one in by_id[step_id].get("conditions", [])
            if isinstance(one, dict)
            for target in one["next_steps"]
        ]
        settled = routed(*targets[:1]) if targets and outcome is COMPLETED else outcome
        order.append((step_id, settled))
        ready = scheduler.settle(step_id, settled).ready
        assert not offered & set(ready), "a step was offered twice"
        offered |= set(ready)
        waiting += ready
    assert scheduler.remaining == 0
    return order


@profile(100)
@given(case=cases(), data=st.data())
def test_taking_up_a_graph_is_the_same_as_having_settled_its_steps_one_by_one(case: Case, data: st.DataObject) -> None:
    order = ends_of(case, data.draw)
    known = order[: data.draw(st.integers(0, len(order)))]
    one_by_one, at_once = Scheduler(graph(*case.definition["steps"])), Scheduler(graph(*case.definition["steps"]))
    ready, skipped = set(one_by_one.start().ready), set[tuple[str, SkipReason]]()
    for step_id, settled in known:
        changes = one_by_one.settle(step_id, settled)
        ready |= set(changes.ready)
        skipped |= set(changes.skipped)

    taken_up = at_once.start(dict(known))

    assert set(taken_up.ready) == ready - {step_id for step_id, _ in known}
    assert set(taken_up.skipped) == skipped
    assert at_once.unsettled() == one_by_one.unsettled()


@profile(100)
@given(case=cases(), data=st.data())
def test_ready_steps_come_in_definition_order_and_each_once_until_all_are_settled(
    case: Case, data: st.DataObject
) -> None:
    order = ends_of(case, data.draw)
    nodes = graph(*case.definition["steps"])
    scheduler = Scheduler(nodes)

    given_together = [scheduler.start().ready, *(scheduler.settle(*one).ready for one in order)]

    for ready in given_together:
        assert [nodes[step_id].index for step_id in ready] == sorted(nodes[step_id].index for step_id in ready)
    assert sorted(step_id for ready in given_together for step_id in ready) == sorted(step_id for step_id, _ in order)
