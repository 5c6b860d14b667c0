"""What nodes of users' graphs do for the run: calls made once, undone in reverse, and people who are asked."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from advanced_workflow.activities.action.errors import ActionError
from advanced_workflow.client.runs import Run
from advanced_workflow.workflows.contract import UndoInput
from advanced_workflow.workflows.engine.graphs.registry import GRAPHS
from tests.engine.graphs.graph_runs import flow, register_shapes
from tests.engine.hops import chain
from tests.engine.models import Model, says
from tests.harness import Harness, at_rest, eventually, outcome_of

UNDONE = {"action": "act", "rollback_actions": ["undo"]}


@pytest.fixture(autouse=True)
def _registered() -> None:
    register_shapes()


class Ledger:
    """What actions did, and what was undone."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.undone: list[str] = []

    @property
    def actions(self) -> dict[str, Any]:
        def act(name: str) -> str:
            self.made.append(name)
            return f"{name}!"

        def undo(undo: UndoInput) -> None:
            self.undone.append(undo.input["name"])

        def fails() -> None:
            raise ActionError("no luck", type="Unlucky", retryable=False)

        return {"act": act, "undo": undo, "fails": fails}


async def asked(run: Run, count: int = 1) -> list[Any]:
    """Wait until people are asked so many things."""

    async def are_open() -> Any:
        found = await run.pending_approvals()
        return found if len(found) >= count else None

    return list(await eventually(are_open, 30))


async def approve(run: Run, comment: str) -> Any:
    """Wait until people are asked, and approve exactly that."""
    one = (await asked(run))[0]
    await run.approve(one.path, digest=one.digest, comment=comment, approver="ann")
    return one


async def test_interrupts_are_approvals_and_no_call_is_made_again(harness: Harness) -> None:
    ledger = Ledger()
    async with harness.worker(ledger.actions):
        run = await harness.start(flow("interrupts"))
        first = sorted(await asked(run, 2), key=lambda one: str(one.subject))
        questions = [one.subject for one in first]
        for one in first:
            await run.approve(one.path, comment="yes", digest=one.digest, approver="ann")
        second = await approve(run, "no")
        outcome = await outcome_of(run)

    assert questions == [{"question": "other"}, {"question": {"q": "first"}}]
    assert second.subject == {"question": {"q": "second", "first": "yes"}}
    assert outcome.failure is None, outcome.message
    assert Counter(outcome.data["out"]) == Counter(
        ["ask.before!", "yes", "ask.between!", "no", "before.0!", "approved", "other.after!", "w.0!"]
    )
    assert Counter(ledger.made).most_common(1)[0][1] == 1


async def test_a_rejection_fails_the_step_and_undoes_its_calls_latest_first(harness: Harness) -> None:
    ledger = Ledger()
    async with harness.worker(ledger.actions):
        run = await harness.start(flow("many", workers=[UNDONE]))
        one = (await asked(run))[0]
        await run.reject(one.path, digest=one.digest, comment="too much", approver="ann")
        outcome = await outcome_of(run)

    assert outcome.failure == "ApprovalRejected"
    assert ledger.made[0] == "plan0"
    assert sorted(ledger.undone) == sorted(ledger.made)
    assert (ledger.undone[0], ledger.undone[-1]) == ("before1", "plan0")
    assert all(ledger.undone.index(f"b{one}") < ledger.undone.index(f"a{one}") for one in range(5))


async def test_a_rejection_may_be_an_answer(harness: Harness) -> None:
    ledger = Ledger()
    async with harness.worker(ledger.actions):
        run = await harness.start(flow("interrupts", approval={"on_reject": "continue", "approvers": ["ann"]}))
        for one in await asked(run, 2):
            assert one.approvers == ["ann"]
            await run.reject(one.path, digest=one.digest, approver="ann", comment="never")
        await approve(run, "well")
        outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message
    assert {"rejected", "never", "well"} <= set(outcome.data["out"])


@pytest.mark.parametrize("after", [30, 70])
async def test_a_graph_in_several_histories_makes_each_call_once(harness: Harness, after: int) -> None:
    ledger, small = Ledger(), replace(harness, continue_after=after)
    async with small.worker(ledger.actions, max_cached_workflows=0):
        run = await small.start(flow("many"))

        async def waits_for_people() -> bool:
            return not await at_rest(run)

        for number in range(3):
            # Without a cache the SDK may lose a task that comes while a query is answered: the server sends it again after ten seconds.
            await eventually(waits_for_people)
            one = await approve(run, f"yes{number}")
            assert one.subject == {"question": {"round": number + 1}}
        outcome = await outcome_of(run)
    histories = await chain(small, run)

    assert outcome.failure is None, outcome.message
    assert len(outcome.data["out"]) == 18
    assert len(histories) > 2
    assert len(ledger.made) == 3 * 13
    assert Counter(ledger.made).most_common(1)[0][1] == 1


async def test_a_run_that_is_cancelled_in_a_graph_undoes_its_calls(harness: Harness) -> None:
    ledger = Ledger()
    async with harness.worker(ledger.actions):
        run = await harness.start(flow("many", workers=[UNDONE]))
        await asked(run)
        await run.cancel()
        outcome = await outcome_of(run)

    assert outcome.failure == "Cancelled"
    assert sorted(ledger.undone) == sorted(ledger.made)
    assert len(ledger.made) == 12


async def test_a_node_that_asks_for_another_call_when_it_runs_again_fails_the_step_and_names_both(
    harness: Harness,
) -> None:
    ledger = Ledger()
    async with harness.worker(ledger.actions):
        run = await harness.start(flow("fickle"))
        await approve(run, "yes")
        outcome = await outcome_of(run)

    error = outcome.report.error
    assert error is not None
    assert error.type == "GraphNotDeterministic"
    assert "act(name=run1) and is act(name=run2) now" in error.message
    assert ledger.made == ["run1"]


async def test_an_operator_has_a_failed_graph_continue_where_it_stood(harness: Harness) -> None:
    ledger = Ledger()
    luck: list[int] = []

    def fails() -> str:
        luck.append(1)
        if len(luck) == 1:
            raise ActionError("no luck", type="Unlucky", retryable=False)
        return "lucky"

    async with harness.worker({**ledger.actions, "fails": fails}):
        run = await harness.start({**flow("uncaught"), "on_failure": "pause"})
        await eventually(lambda: luck)

        async def failed() -> Any:
            return any(one.path == "flow" and one.status == "failed" for one in (await run.state()).steps)

        await eventually(failed)
        await run.retry_step("flow", "try again")
        outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message
    assert (ledger.made, len(luck)) == (["before"], 2)


async def test_nodes_ask_the_model_of_their_step(harness: Harness) -> None:
    model = Model([says("Fine.")])
    async with harness.worker(activities=[model.activity]):
        outcome = await outcome_of(await harness.start(flow("model", workers=[], model="test")))

    assert outcome.failure is None, outcome.message
    assert outcome.data["out"] == ["Fine."]
    assert model.conversations[0][0]["content"] == "How are you?"
    assert model.head is not None
    assert "Be short." in str(model.head["instructions"])


async def test_a_changed_graph_under_a_live_run_is_told_and_the_right_one_continues_it(harness: Harness) -> None:
    ledger, harness.faults = Ledger(), True
    workflow = flow("interrupts")
    async with harness.worker(ledger.actions, max_cached_workflows=0):
        run = await harness.start(workflow)
        await asked(run, 2)
        right = GRAPHS["interrupts"]
        GRAPHS["interrupts"] = replace(right, digest="another")
        try:
            await run.send_event("anything")

            async def told() -> Any:
                events = (await run.handle.fetch_history()).events
                said = [one.workflow_task_failed_event_attributes.failure.message for one in events]
                return next((one for one in said if "GraphChanged" in one), None)

            sentence = await eventually(told)
        finally:
            GRAPHS["interrupts"] = right
        for one in await asked(run, 2):
            await run.approve(one.path, digest=one.digest, comment="yes", approver="ann")
        await approve(run, "no")
        outcome = await outcome_of(run)

    assert "the run began with graph 'interrupts'" in sentence
    assert outcome.failure is None, outcome.message


async def test_a_killed_workers_graph_is_continued_by_another(harness: Harness) -> None:
    ledger = Ledger()
    async with harness.worker(ledger.actions):
        run = await harness.start(flow("many"))
        await asked(run)
    async with harness.worker(ledger.actions):
        for number in range(3):
            await approve(run, f"yes{number}")
        outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message
    assert Counter(ledger.made).most_common(1)[0][1] == 1
