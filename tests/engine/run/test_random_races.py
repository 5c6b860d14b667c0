"""Random definitions with joins on a real server: which steps lose depends on who is first, but every end must follow from the others."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from temporalio.client import Client

from advanced_workflow.workflows.contract import RunResult
from tests.engine.arena import Actions, Recorded, arena
from tests.engine.cases import Case, batches
from tests.engine.races import NOT_NEEDED, Naive
from tests.engine.reference import Step
from tests.engine.script import step_id_of
from tests.examples import profile
from tests.harness import Harness

RUNS_AT_ONCE = 8
DOUBTFUL = ("times_out", "doubtful", "recovers")

End = tuple[str, str | None]
"""Status, and the reason of a skipped step."""


@profile(2, shrink=False)  # Shrinking would start some hundred runs; a failure names its case.
@given(batch=batches(RUNS_AT_ONCE, races=True))
@pytest.mark.timeout(0)  # It grows with ADW_EXAMPLES; each run has its own bound.
async def test_every_end_follows_from_the_others_and_everything_is_undone(client: Client, batch: list[Case]) -> None:
    async with arena(Harness(client)) as actions:
        await asyncio.gather(*(check_run(actions, case, f"race-{number}") for number, case in enumerate(batch)))


async def check_run(actions: Actions, case: Case, name: str) -> None:
    # No step fails the run, so all of them settle; then its output does, so all is undone.
    recorded, outcome = await actions.run(case, name, output={"all": "input.missing"})
    try:
        assert outcome.failure == ("RollbackIncomplete" if undo_failed(recorded) else "WorkflowFailed"), outcome.message
        assert "missing" in outcome.message
        Ended(case, outcome.report).check()
        check_rollback(case, recorded, outcome.report)
    except AssertionError as error:
        if not await actions.proves(name):
            return
        ends = {path: entry["status"] for path, entry in outcome.report.steps.items()}
        error.add_note(f"case: {case}\nends: {ends}\nundone: {recorded.undo_ended}\nmessage: {outcome.message}")
        raise


class Ended:
    """The steps of a run that has ended."""

    def __init__(self, case: Case, report: RunResult) -> None:
        self.case = case
        self.naive = Naive(case.definition["steps"])
        self.ends = {path: end_of(entry) for path, entry in report.steps.items()}
        self.naive.ends = {step_id: self.ends[step_id] for step_id in self.naive.steps}
        self.naive.routed = {step_id: self.routed(step_id, report) for step_id in self.naive.steps}

    def routed(self, step_id: str, report: RunResult) -> frozenset[str]:
        step, outcome = self.naive.steps[step_id], self.case.script.at(step_id)
        if not isinstance(outcome, int) or report.steps[step_id].get("recovered"):
            return frozenset()
        return frozenset(step["conditions"][outcome]["next_steps"])

    def check(self) -> None:
        for step_id in self.naive.steps:
            status, reason = self.ends[step_id]
            assert status in ("completed", "failed", "skipped"), step_id
            if self.naive.owners[step_id]:
                continue
            if reason == NOT_NEEDED:
                assert any(self.gave_up(join, step_id) for join in self.naive.steps), step_id
            elif self.naive.is_met(step_id):
                assert (status, reason) == self.own_end(step_id), step_id
            else:
                assert (status, reason) == ("skipped", self.naive.reason(step_id)), step_id

    def gave_up(self, join: str, step_id: str) -> bool:
        began = self.ends[join][0] != "skipped" or self.ends[join][1] == "condition_false"
        return bool(self.naive.steps[join].get("cancel_rest")) and began and step_id in self.upstream(join)

    def upstream(self, step_id: str) -> set[str]:
        before = set(self.naive.before[step_id])
        return before.union(*(self.upstream(one) for one in before))

    def own_end(self, step_id: str) -> End:
        """How a step ends that runs to its end, with its error handlers."""
        step, end = self.naive.steps[step_id], self.plain_end(step_id)
        names = step.get("error_handlers", ())
        if end[0] != "failed" or not names:
            return end
        for name in names:
            shared = len(self.naive.owners[name]) > 1
            handled = self.ends[f"{step_id}!{name}" if shared else name]
            assert handled == self.plain_end(name), name
            if handled[0] != "completed":
                return end
        return "completed", None

    def plain_end(self, step_id: str) -> End:
        outcome = self.case.script.at(step_id)
        if outcome == "false":
            return "skipped", "condition_false"
        return ("failed" if outcome in ("fails", "times_out", "doubtful") else "completed"), None


def end_of(entry: dict[str, Any]) -> End:
    return entry["status"], entry.get("skip_reason")


def undo_failed(recorded: Recorded) -> bool:
    return any(step_id_of(path) in recorded.case.script.undo_fails for path in recorded.undo_ended)


def check_rollback(case: Case, recorded: Recorded, report: RunResult) -> None:
    by_id: dict[str, Step] = {step["step_id"]: step for step in case.definition["steps"]}
    undone = set(recorded.undo_ended)
    for path in recorded.began:
        step = by_id[step_id_of(path)]
        may_have_effect = path in recorded.done or case.script.at(path) in DOUBTFUL
        if may_have_effect:
            assert (path in undone) == bool(step.get("rollback_actions")), path
    for path in undone:
        # What became of one that was given up is not always known.
        given_up = report.steps[path].get("skip_reason") == NOT_NEEDED
        assert given_up or case.script.at(path) in ("ok", "flaky", "stays", *DOUBTFUL), path
    for earlier, later in edges(case, undone):
        assert recorded.undo_ended[later] < recorded.undo_began[earlier], f"{earlier} was undone before {later}"


def edges(case: Case, undone: set[str]) -> Iterator[tuple[str, str]]:
    naive = Naive(case.definition["steps"])
    for later in undone & set(naive.steps):
        for earlier in set(naive.before[later]) & undone:
            yield earlier, later
    for owner, step in naive.steps.items():
        for name in step.get("error_handlers", ()):
            for path in {name, f"{owner}!{name}"} & undone:
                if owner in undone and (path != name or len(naive.owners[name]) == 1):
                    yield owner, path
