from __future__ import annotations

import json
from typing import Any

import pytest

from advanced_workflow.activities.action.errors import ActionError
from advanced_workflow.client.runs import get_run
from advanced_workflow.workflows.contract import UndoInput
from tests.engine.hops import CONTINUE_AFTER, NOISE, begun_again, chain, cut_short, fill, hop
from tests.engine.stage import Stage, act, deed, ends, fan, loop, output_of, reaches, waits
from tests.harness import Harness, at_rest, definition, eventually, outcome_of
from tests.patience import TooSlow, given_time

ROUNDS = 12
LONGEST = CONTINUE_AFTER + 50
UNDONE = [f"rounds#{number}.a" for number in reversed(range(ROUNDS))]
"""In the order in which rounds are undone."""


@pytest.fixture
def small(harness: Harness) -> Harness:
    return cut_short(harness)


def rounds(*after: str) -> dict[str, Any]:
    return loop("rounds", deed("a"), rounds=ROUNDS, after=after)


@pytest.mark.parametrize("cancels", [1, 3])
async def test_a_cancelled_run_ends_as_cancelled_however_many_histories_its_rollback_takes(
    small: Harness, cancels: int
) -> None:
    stage = Stage({}, *(f"rounds#{number}.a.rollback[0]" for number in (9, 3)[: cancels - 1]))
    async with small.worker(stage.actions):
        run = await small.start(definition(rounds(), waits("w", "rounds")))
        await reaches(run, "w", "waiting")
        await run.cancel()
        for number in (9, 3)[: cancels - 1]:
            await eventually(lambda number=number: f"rounds#{number}.a" in stage.undo_inputs)
            await run.cancel()
            stage.held.discard(f"rounds#{number}.a.rollback[0]")
        outcome = await outcome_of(run, state=True)
    histories = await chain(small, run)

    assert outcome.failure == "Cancelled"
    assert stage.undone == UNDONE
    assert outcome.state is not None
    assert outcome.state.status == "cancelled"
    assert outcome.state.rollback is not None
    assert [(one.path, one.outcome) for one in outcome.state.rollback.entries] == [(path, "undone") for path in UNDONE]
    assert len(histories) >= 5
    assert max(len(one.events) for one in histories) <= LONGEST


@pytest.mark.parametrize("cancelled", [False, True], ids=["left alone", "cancelled meanwhile"])
async def test_a_failure_stays_the_cause_and_failed_undos_are_reported(small: Harness, cancelled: bool) -> None:
    stage = Stage({"bad": 1, **{f"rounds#{number}.a.rollback[0]": 1 for number in (2, 8)}}, "rounds#10.a.rollback[0]")
    async with small.worker(stage.actions):
        run = await small.start(definition(rounds(), act("bad", "rounds")))
        await eventually(lambda: "rounds#10.a" in stage.undo_inputs)
        if cancelled:
            await run.cancel()
        stage.held.clear()
        outcome = await outcome_of(run)

    assert outcome.failure == "RollbackIncomplete"
    assert "rounds#2.a" in outcome.message
    assert outcome.report.error is not None
    assert (outcome.report.error.type, outcome.report.error.path) == ("Broken", "bad")
    assert stage.undone == [one for one in UNDONE if one not in ("rounds#2.a", "rounds#8.a")]
    report = outcome.report.rollback
    assert report is not None
    assert [one.path for one in report.entries if one.outcome == "failed"] == ["rounds#8.a", "rounds#2.a"]
    assert (report.undone, report.failed, report.complete) == (10, 2, False)
    assert len(await chain(small, run)) >= 5


async def test_a_rejection_keeps_its_code_and_a_timeout_too(small: Harness) -> None:
    async def once(seconds: float) -> None:
        stage = Stage()
        ask = {"step_id": "ask", "step_type": "human_approval", "dependencies": ["rounds"]}
        async with small.worker(stage.actions):
            rejected = await small.start(definition(rounds(), ask))
            late = await small.start(definition(rounds(), waits("w", "rounds"), timeout=seconds))
            await eventually(rejected.pending_approvals)
            await rejected.reject("ask", approver="olga", comment="no")
            outcomes = [await outcome_of(one) for one in (rejected, late)]

        if len(outcomes[1].undone()) < ROUNDS:
            raise TooSlow
        assert [one.failure for one in outcomes] == ["ApprovalRejected", "WorkflowTimeout"]
        assert [one.report.status for one in outcomes] == ["failed", "timeout"]
        assert [one.undone() for one in outcomes] == [UNDONE, UNDONE]

    await given_time(once, 8)


async def test_local_undo_actions_go_on_in_later_histories_though_these_are_shorter_than_estimated(
    small: Harness,
) -> None:
    small.continue_after = 100
    stage = Stage({"bad": 1})
    rounds = loop("rounds", deed("a", execution="local"), rounds=100)
    async with small.worker(stage.actions):
        run = await small.start(definition(rounds, act("bad", "rounds")))
        outcome = await outcome_of(run)

    assert outcome.failure == "WorkflowFailed", outcome.message
    assert stage.undone == [f"rounds#{number}.a" for number in reversed(range(100))]
    assert len(await chain(small, run)) >= 3


async def test_a_rollback_step_is_finished_in_later_histories_and_the_run_goes_on(small: Harness) -> None:
    stage = Stage()
    steps = [
        deed("kept"),
        rounds("kept"),
        fan("many", "[1, 2, 3, 4, 5, 6]", deed("b"), after=("rounds",)),
        {"step_id": "back", "step_type": "rollback", "rollback_to": "kept", "dependencies": ["many"]},
        act("after", "back"),
        waits("w", "after"),
    ]
    async with small.worker(stage.actions):
        run = await small.start(definition(*steps))
        await reaches(run, "w", "waiting")
        undone = list(stage.undone)
        await run.cancel()
        outcome = await outcome_of(run, state=True)

    assert sorted(undone[:6]) == [f"many[{number}].b" for number in range(6)]
    assert undone[6:] == UNDONE
    assert sorted(one["path"] for one in output_of(outcome, "back")["undone"]) == sorted(undone)
    assert outcome.failure == "Cancelled"
    assert stage.undone == [*undone, "kept"]


@pytest.mark.parametrize("how", ["it is cancelled", "another step fails"])
async def test_a_run_that_ends_while_a_rollback_step_fills_its_history_undoes_everything_once(
    small: Harness, how: str
) -> None:
    cancelled = how == "it is cancelled"
    many = loop("many", deed("b"), rounds=20) if cancelled else fan("many", "input.items", deed("b"))
    paths = [f"many#{number}.b" if cancelled else f"many[{number}].b" for number in range(20)]
    stage = Stage({"bad": 1}, *(f"{path}.rollback[0]" for path in paths))
    steps = [
        deed("first"),
        {**many, "dependencies": ["first"]},
        {"step_id": "back", "step_type": "rollback", "dependencies": ["many"]},
        waits("go"),
        act("bad", "go"),
    ]
    async with small.worker(stage.actions):
        run = await small.start(definition(*steps, max_parallel_steps=3), {"items": [None] * 20})
        await eventually(lambda: stage.undo_inputs)
        for _ in range(CONTINUE_AFTER):
            await run.send_event(NOISE, event_id=NOISE)
        await (run.cancel() if cancelled else run.send_event("go"))
        await at_rest(run)
        stage.held.clear()
        outcome = await outcome_of(run)
    histories = await chain(small, run)

    assert outcome.failure == ("Cancelled" if cancelled else "WorkflowFailed")
    assert sorted(stage.undone) == sorted(["first", *paths])
    assert stage.undone[-1] == "first"
    assert max(len(one.events) for one in histories[1:]) <= 2 * LONGEST


async def test_a_cancellation_that_comes_with_the_messages_that_fill_a_history_is_heard(small: Harness) -> None:
    stage = Stage()
    async with small.worker(stage.actions):
        run = await small.start(definition(deed("first"), waits("w", "first")))
        await reaches(run, "w", "waiting")
    await fill(run)
    await run.cancel()
    async with small.worker(stage.actions):
        outcome = await outcome_of(run)

    assert outcome.failure == "Cancelled"
    assert stage.undone == ["first"]


async def test_what_was_under_way_is_ended_when_the_first_thing_a_new_history_hears_is_a_cancel(small: Harness) -> None:
    stage = Stage()
    child = definition(deed("made"), waits("finish", "made"), workflow_id="child")
    sub = {"step_id": "sub", "step_type": "sub_workflow", "workflow": "child", "dependencies": ["first"]}
    async with small.worker(stage.actions, definitions=[child]):
        run = await small.start(definition(deed("first"), sub))
        await reaches(get_run(small.client, f"{run.id}/sub"), "finish", "waiting")
        await hop(run)
        await run.handle.terminate("its last history is begun again below")
    carried = (await chain(small, run))[1].events[0].workflow_execution_started_event_attributes.input

    again = await begun_again(small, json.loads(carried.payloads[0].data))
    await again.cancel()
    async with small.worker(stage.actions, definitions=[child]):
        outcome = await outcome_of(again)
        state = await get_run(small.client, f"{run.id}/sub").state()

    assert outcome.failure == "Cancelled"
    assert state.status == "cancelled"
    assert stage.undone == ["made", "first"]


async def test_an_undo_is_not_called_again_in_the_next_history(small: Harness) -> None:
    calls: list[str] = []

    def first_undo(undo: UndoInput) -> None:
        calls.append(f"first {undo.step_id}")

    def second_undo(undo: UndoInput) -> None:
        calls.append(f"second {undo.step_id}")
        if undo.step_id == "s4":
            raise ActionError("no", retryable=False)

    names = [f"s{number}" for number in range(9)]
    steps = [
        {"step_id": name, "action": "work", "rollback_actions": ["first_undo", "second_undo"], "dependencies": after}
        for name, after in zip(names, ([], *([name] for name in names)), strict=False)
    ]
    stage = Stage({"bad": 1})
    outcome = await small.run(
        definition(*steps, act("bad", "s8")),
        actions={**stage.actions, "first_undo": first_undo, "second_undo": second_undo},
    )

    assert outcome.failure == "RollbackIncomplete"
    assert calls == [f"{which} {name}" for name in reversed(names) for which in ("first", "second")]
    assert ends(outcome, "bad") == ["failed"]
