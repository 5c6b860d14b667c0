"""Random definitions and outcomes: what happens must be what the reference model allows."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from temporalio.client import Client

from advanced_workflow.workflows.contract import RunResult, SkipReason
from advanced_workflow.workflows.definition.step import WorkflowStep
from advanced_workflow.workflows.engine.graph.edges import graph_of
from advanced_workflow.workflows.engine.graph.scheduler import Changes, Scheduler, Settled
from advanced_workflow.workflows.engine.graph.scheduler import Outcome as How
from tests.engine.arena import Actions, Recorded, arena, step_id_of
from tests.engine.cases import Case, cases, walk
from tests.engine.reference import Fate, Outcomes, Prediction, Step, predict
from tests.examples import profile
from tests.harness import Harness, Outcome

RUNS_AT_ONCE = 10


# The scheduler alone, with the steps ending in any order


@profile(300)
@given(case=cases(), random=st.randoms(use_true_random=False))
def test_the_scheduler_settles_every_step_as_the_reference_says_whatever_ends_first(case: Case, random: Any) -> None:
    ends = Ends(case.outcomes)

    ends.run_graph(case.definition["steps"], "", random)

    expected = {
        path: (fate.status, fate.reason) for path, fate in predict(case.definition, case.outcomes).fates.items()
    }
    assert ends.ends == expected


class Ends:
    """Runs graphs with the real scheduler and no engine: a step ends as its outcome says, ready ones in random order."""

    def __init__(self, outcomes: Outcomes) -> None:
        self.outcomes = outcomes
        self.ends: dict[str, tuple[str, str | None]] = {}

    def run_graph(self, steps: list[Step], prefix: str, random: Any) -> None:
        by_id = {step["step_id"]: step for step in steps}
        scheduler = Scheduler(graph_of([WorkflowStep.model_validate(step) for step in steps]))
        waiting: list[str] = []

        def take(changes: Changes) -> None:
            waiting.extend(changes.ready)
            for step_id, reason in changes.skipped:
                self.note(prefix + step_id, Settled(How.SKIPPED, reason=reason))

        take(scheduler.start())
        while waiting:
            step_id = waiting.pop(random.randrange(len(waiting)))
            take(scheduler.settle(step_id, self.run_step(by_id[step_id], by_id, prefix, prefix, random)))
        assert scheduler.unsettled() == []

    def run_step(self, step: Step, by_id: dict[str, Step], prefix: str, own: str, random: Any) -> Settled:
        settled = self.note(own + step["step_id"], self.run_alone(step, own + step["step_id"], random))
        names = step.get("error_handlers", ()) if settled.outcome is How.FAILED else ()
        handled: dict[str, Settled] = {}
        for name in names:
            shared = sum(name in one.get("error_handlers", ()) for one in by_id.values()) > 1
            own_prefix = f"{prefix}{step['step_id']}!" if shared else prefix
            handled[name] = self.run_step(by_id[name], by_id, prefix, own_prefix, random)
            self.note(prefix + name, handled[name])
            if handled[name].outcome is not How.COMPLETED:
                return Settled(How.FAILED, handled=handled)
        recovered = Settled(How.COMPLETED, routed=frozenset(), handled=handled)
        return self.note(own + step["step_id"], recovered) if names else settled

    def run_alone(self, step: Step, path: str, random: Any) -> Settled:
        outcome = self.outcomes[step["step_id"]]
        if outcome == "false":
            return Settled(How.SKIPPED, reason=SkipReason.CONDITION_FALSE)
        if outcome in ("fails", "times_out"):
            return Settled(How.FAILED)
        if step["step_type"] == "conditional":
            targets = step["conditions"][outcome]["next_steps"] if isinstance(outcome, int) else ()
            return Settled(How.COMPLETED, routed=frozenset(targets))
        if step["step_type"] == "parallel":
            self.run_graph(step["parallel_steps"], f"{path}.", random)
            ends = [self.ends[f"{path}.{one['step_id']}"][0] for one in step["parallel_steps"]]
            completed, failed = ends.count("completed"), ends.count("failed")
            needed = step.get("retry_policy", {}).get("parallel_failure_threshold", 0.5)
            return Settled(How.FAILED if failed and completed < needed * (completed + failed) else How.COMPLETED)
        return Settled(How.COMPLETED)

    def note(self, path: str, settled: Settled) -> Settled:
        self.ends[path] = (settled.outcome.value, settled.reason.value if settled.reason else None)
        return settled


# The whole engine on a real server


@profile(4, shrink=False)  # Shrinking would start some hundred runs; a failure names its case.
@given(batch=st.lists(cases(), min_size=RUNS_AT_ONCE, max_size=RUNS_AT_ONCE))
@pytest.mark.timeout(0)  # It grows with ADW_EXAMPLES; each run has its own bound.
async def test_runs_on_a_server_do_what_the_reference_allows(client: Client, batch: list[Case]) -> None:
    async with arena(Harness(client)) as actions:
        await asyncio.gather(*(check_run(actions, case, f"random-{number}") for number, case in enumerate(batch)))


async def check_run(actions: Actions, case: Case, name: str) -> None:
    recorded, outcome = await actions.run(case, name)
    try:
        prediction = predict(case.definition, case.outcomes, case.undo_fails)
        if prediction.unsure:
            return
        check_end(outcome, prediction, recorded)
        check_steps(outcome.report, prediction)
        check_effects(prediction, recorded)
        check_rollback(outcome.report, prediction, recorded)
    except AssertionError as error:
        error.add_note(f"case: {case}\nundone: {recorded.undo_ended}\nmessage: {outcome.message}")
        raise


def check_end(outcome: Outcome, prediction: Prediction, recorded: Recorded) -> None:
    left_over = {path for path in recorded.undo_ended if step_id_of(path) in recorded.case.undo_fails}
    failed = "RollbackIncomplete" if left_over else "WorkflowFailed"
    expected = failed if prediction.failing else None
    assert outcome.failure == expected, outcome.message


def check_steps(report: RunResult, prediction: Prediction) -> None:
    for path, entry in report.steps.items():
        fate = prediction.fates.get(path)
        reason = entry.get("skip_reason")
        if fate is None or path in prediction.never:
            assert entry["status"] == "pending", path
        elif path in prediction.loose:
            assert (entry["status"], reason) in [*possible(fate), ("skipped", "not_needed")], path
        elif path in prediction.must:
            assert (entry["status"], reason) == (fate.status, fate.reason), path
        else:
            assert (entry["status"], reason) in possible(fate), path
    assert prediction.must <= set(report.steps)


def possible(fate: Fate) -> list[tuple[str, str | None]]:
    """Ends of a step that may have been cut short: its own, not started, or cancelled while it ran."""
    cut_short = [] if fate.status == "skipped" else [("failed", None)]
    return [(fate.status, fate.reason), ("pending", None), *cut_short]


def check_effects(prediction: Prediction, recorded: Recorded) -> None:
    """Only what may run ran, all that must did, and nothing began before what it depends on was over."""
    actions = {step["step_id"] for step in walk(recorded.case.definition["steps"]) if "action" in step}
    ran = {path for path, fate in prediction.fates.items() if fate.status != "skipped" and path in prediction.earlier}
    ran = {path for path in ran if step_id_of(path) in actions}
    assert set(recorded.began) <= ran - prediction.never - prediction.barred
    assert ran & prediction.must <= set(recorded.began)
    for path, position in recorded.began.items():
        for earlier in prediction.earlier[path] & set(recorded.done):
            assert recorded.done[earlier] < position, f"{path} began before {earlier} was done"


def check_rollback(report: RunResult, prediction: Prediction, recorded: Recorded) -> None:
    undone = set(recorded.undo_ended)
    if prediction.failing:
        assert prediction.undo_must() <= undone
        assert set(recorded.done) & prediction.undoable <= undone
        assert undone <= prediction.undo_may()
    else:
        by_itself = set(prediction.by_itself)
        assert prediction.undo_must() & by_itself <= undone
        assert set(recorded.done) & by_itself <= undone
        assert undone <= prediction.undo_may() & by_itself
    check_order(prediction, recorded)
    if prediction.failing or report.rollback is not None:
        check_report(report, prediction, recorded)
    else:
        assert not undone
        assert not set(recorded.done) & prediction.kept


def check_order(prediction: Prediction, recorded: Recorded) -> None:
    """What came later is undone first; what is undone by itself, before anything follows its container."""
    own = prediction.by_itself
    for path, position in recorded.undo_began.items():
        for later in recorded.undo_ended:
            if path in prediction.earlier[later] and own.get(path) in (None, own.get(later)):
                assert recorded.undo_ended[later] < position, f"{path} was undone before {later}, which came after it"
    for path in set(recorded.undo_ended) & set(own) if not prediction.failing else ():
        for later, begun in recorded.began.items():
            if own[path] in prediction.earlier[later]:
                assert recorded.undo_ended[path] < begun, f"{later} began before {path} was undone by itself"


def check_report(report: RunResult, prediction: Prediction, recorded: Recorded) -> None:
    assert report.rollback is not None
    outcomes = {entry.path: entry.outcome.value for entry in report.rollback.entries}
    assert len(outcomes) == len(report.rollback.entries)
    acted = {path: outcome for path, outcome in outcomes.items() if outcome in ("undone", "failed")}
    kept = {path for path, outcome in outcomes.items() if outcome == "kept"}
    assert kept <= prediction.kept
    if not prediction.failing:
        assert set(recorded.done) & prediction.kept <= kept
    fails = recorded.case.undo_fails
    assert acted == {path: "failed" if step_id_of(path) in fails else "undone" for path in recorded.undo_ended}
    not_needed = set(outcomes) - set(acted) - kept
    assert not_needed <= prediction.undoable
    if prediction.failing:
        must_fail = {path for path in prediction.undoable & prediction.must if path in recorded.began} - set(acted)
        assert must_fail <= not_needed
    assert report.rollback.complete == ("failed" not in outcomes.values())
