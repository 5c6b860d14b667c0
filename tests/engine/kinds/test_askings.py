"""Each asking of a run is one: a decision that was made for it counts for no other."""

from __future__ import annotations

from typing import Any

import pytest

from advanced_workflow.client.runs import Run
from advanced_workflow.workflows.contract import ExecutionOptions
from advanced_workflow.workflows.errors import (
    AlreadyDecided,
    DigestMismatch,
    InvalidDecision,
    NotAnApprover,
    SelfApproval,
    TooLate,
    UnknownStep,
)
from tests.engine.stage import fan, loop, reaches, waits
from tests.harness import Harness, definition, eventually, outcome_of

OK: dict[str, Any] = {"step_id": "ok", "step_type": "human_approval"}


async def asking(run: Run, path: str) -> Any:
    """The approval that waits at a path."""

    async def found() -> Any:
        return next((one for one in await run.pending_approvals() if one.path == path), None)

    return await eventually(found)


async def refusals(run: Run) -> list[str]:
    return [one.code for one in (await run.state()).rejected_decisions]


async def waiting_now(run: Run) -> list[str]:
    return [one.path for one in await run.pending_approvals()]


async def test_a_decision_that_is_sent_twice_approves_neither_another_round_nor_another_copy(harness: Harness) -> None:
    async with harness.worker():
        run = await harness.start(definition(loop("l", OK, rounds=3)))
        first = await asking(run, "l#0.ok")
        for _ in range(2):
            await run.signal_approval("ok", approver="ann", decision_id="one")
            await run.signal_approval("ok", approver="ann", decision_id="two", digest=first.digest)
        second = await asking(run, "l#1.ok")
        again = await run.approve("l#1.ok", approver="ann", decision_id="two")
        with pytest.raises(DigestMismatch):
            await run.approve("l#1.ok", approver="ann", digest=first.digest)
        state = await run.state()
        await run.cancel()

        copies = await harness.start(definition(fan("f", "input", OK)), [1, 2, 3])
        await asking(copies, "f[2].ok")
        for _ in range(2):
            with pytest.raises(UnknownStep, match=r"f\[0\].ok, f\[1\].ok, f\[2\].ok"):
                await copies.approve("ok", approver="ann", decision_id="one")
        left = await waiting_now(copies)
        await copies.cancel()
        await outcome_of(copies)

    assert (again.state, again.path) == ("duplicate", "l#0.ok")
    assert (first.asked, second.asked) == (1, 2)
    assert [one.code for one in state.rejected_decisions] == ["UnknownStep", "UnknownStep"]
    assert left == ["f[0].ok", "f[1].ok", "f[2].ok"]


async def test_a_step_that_asks_again_takes_only_what_carries_its_digest(harness: Harness) -> None:
    async with harness.worker():
        run = await harness.start(definition(OK, on_failure="pause"))
        first = await asking(run, "ok")
        await run.reject("ok", approver="ann")
        await reaches(run, "ok", "failed")
        await run.retry_step("ok", "look again", by="op")
        second = await asking(run, "ok")
        for digest in (None, first.digest):
            with pytest.raises(DigestMismatch):
                await run.approve("ok", approver="ann", digest=digest)
        await run.approve("ok", approver="ann", digest=second.digest)
        outcome = await outcome_of(run)

    assert first.digest != second.digest
    assert outcome.failure is None, outcome.message


async def test_a_person_is_one_whatever_the_spelling_and_the_invisible_are_nobody(harness: Harness) -> None:
    async with harness.worker():
        run = await harness.start(
            definition({**OK, "approval": {"required": 2, "approvers": ["Ann", "bob", "sam"]}}),
            options=ExecutionOptions(started_by="Sam"),
        )
        await asking(run, "ok")
        await run.approve("ok", approver=" ann ")
        for spelling in ("Ann", "ANN", "a\u200bnn", "\uff41nn"):
            with pytest.raises(AlreadyDecided):
                await run.approve("ok", approver=spelling, comment="me too")
        with pytest.raises(SelfApproval):
            await run.approve("ok", approver="s\u200dam ")
        for nobody in ("", "\u200b", "\u3164 "):
            with pytest.raises(InvalidDecision, match="names nobody"):
                await run.approve("ok", approver=nobody)
        await run.approve("ok", approver="BOB")
        outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message


async def test_a_listed_group_without_members_has_nobody_in_it(harness: Harness) -> None:
    approval = {"approvers": ["boss", "group:finance", "group:board"], "groups": {"finance": []}}
    async with harness.worker():
        run = await harness.start(
            definition({**OK, "approval": approval}), options=ExecutionOptions(groups={"Board": []})
        )
        await asking(run, "ok")
        with pytest.raises(NotAnApprover):
            await run.approve("ok", approver="mallory", groups=["finance", "Finance", "board"])
        await run.approve("ok", approver="boss")
        outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message


async def test_another_word_after_an_early_one_is_refused_and_not_dropped(harness: Harness) -> None:
    after = {**OK, "dependencies": ["go"]}
    async with harness.worker():
        run = await harness.start(definition(waits("go"), after, output={"is": "steps.ok.output.decision"}))
        await reaches(run, "go", "waiting")
        states = [(await run.approve("ok", approver="ann")).state for _ in range(2)]
        with pytest.raises(AlreadyDecided):
            await run.reject("ok", approver="Ann")
        await run.send_event("go")
        outcome = await outcome_of(run)

    assert states == ["early", "duplicate"]
    assert outcome.data == {"is": "approved"}


async def test_a_decision_for_a_step_that_never_asks_is_in_the_log_at_the_end(harness: Harness) -> None:
    never = {**OK, "dependencies": ["go"], "conditions": ["false"]}
    async with harness.worker():
        run = await harness.start(definition(waits("go"), never))
        await reaches(run, "go", "waiting")
        await run.approve("ok", approver="ann")
        await run.send_event("go")
        outcome = await outcome_of(run, state=True)

    assert outcome.state is not None
    assert [one.code for one in outcome.state.rejected_decisions] == [TooLate.code]


async def test_refused_messages_of_any_size_do_not_grow_the_run(harness: Harness) -> None:
    async with harness.worker():
        run = await harness.start(definition({**OK, "approval": {"approvers": ["ann"]}}, waits("never")))
        await asking(run, "ok")
        for number in range(6):
            await run.signal_approval("ok", approver="mallory", comment=str(number) * 900_000)
            await run.send_event("never mind", "x" * 400_000, event_id=str(number))
        await run.signal_approval("ok", approver="mallory", comment="short")
        await eventually(lambda: refused_are(run, 7 + 3))
        state = await run.state()
        await run.cancel()
        outcome = await outcome_of(run)

    big, small = state.rejected_decisions[0], state.rejected_decisions[-1]
    assert isinstance(big.payload, dict)
    told: Any = big.payload["left_out"]
    assert (told["approver"], told["bytes"] > 900_000, len(told["sha256"])) == ("mallory", True, 64)
    assert small.payload == {"step_id": "ok", "approver": "mallory", "comment": "short"}
    assert [(one.event, one.data_left_out) for one in state.unconsumed_events] == [("never mind", True)] * 3
    assert len(state.model_dump_json()) < 20_000
    assert outcome.failure == "Cancelled"


async def refused_are(run: Run, count: int) -> bool:
    return len((await run.state()).rejected_decisions) == count
