from __future__ import annotations

import asyncio
from typing import Any

import pytest
from temporalio.client import WorkflowUpdateFailedError

from advanced_workflow.client.render.people import decided
from advanced_workflow.client.runs import Run
from advanced_workflow.workflows.contract import ExecutionOptions
from advanced_workflow.workflows.errors import (
    AlreadyDecided,
    DecisionIdReused,
    DigestMismatch,
    InvalidForm,
    NotAnApprover,
    SelfApproval,
    TooLate,
    UnknownStep,
)
from tests.harness import Harness, definition, eventually, outcome_of, recording


def nothing() -> None:
    return None


def asking(**approval: Any) -> dict[str, Any]:
    return {"step_id": "ask", "step_type": "human_approval", "approval": {"prompt": "Pay?", **approval}}


async def asked(run: Run) -> Any:
    return await eventually(lambda: run.pending_approvals())


async def test_an_approval_by_signal_completes_the_step(harness: Harness) -> None:
    async with harness.worker():
        run = await harness.start(definition({**asking(), "output_mapping": {"result": "workflow.answer"}}))
        await asked(run)
        await run.signal_approval("ask", approver="ann", comment="fine")
        outcome = await outcome_of(run)
        (shown,) = decided((await run.state("ask", include_data=False)).steps)

    assert outcome.failure is None, outcome.message
    answer = outcome.data["answer"]
    assert (answer["decision"], answer["approver"], answer["comment"]) == ("approved", "ann", "fine")
    assert answer["decided_at"]
    assert [(one.decision, one.by, one.comment) for one in shown[1].people] == [("approve", "ann", "fine")]


async def test_a_rejection_fails_the_run_and_undoes_it(harness: Harness) -> None:
    undone: list[str] = []
    async with harness.worker({"pay": nothing, "undo": recording(undone)}):
        run = await harness.start(
            definition({"step_id": "pay", "rollback_actions": ["undo"]}, {**asking(), "dependencies": ["pay"]})
        )
        await asked(run)
        await run.reject("ask", approver="olga", comment="too much")
        outcome = await outcome_of(run)

    assert outcome.failure == "ApprovalRejected"
    assert "rejected by olga: too much" in outcome.message
    assert undone == ["pay completed"]


async def test_a_rejection_may_be_an_answer_like_another(harness: Harness) -> None:
    async with harness.worker():
        run = await harness.start(
            definition(asking(on_reject="continue"), output={"decision": "steps.ask.output.decision"})
        )
        await asked(run)
        await run.reject("ask", approver="olga")
        outcome = await outcome_of(run)

    assert outcome.report.result == {"decision": "rejected"}


async def test_a_quorum_counts_distinct_people(harness: Harness) -> None:
    async with harness.worker():
        run = await harness.start(definition(asking(required=2)))
        await asked(run)
        first = await run.approve("ask", approver="ann")
        again = await run.approve("ask", approver="ann")
        second = await run.approve("ask", approver="bob")
        outcome = await outcome_of(run)

    assert [(one.state, one.approvals) for one in (first, again, second)] == [
        ("counted", 1),
        ("duplicate", 1),
        ("decided", 2),
    ]
    assert outcome.failure is None, outcome.message


async def test_one_decision_id_counts_once(harness: Harness) -> None:
    async with harness.worker():
        run = await harness.start(definition(asking(required=2)))
        await asked(run)
        await run.approve("ask", approver="ann", decision_id="d1")
        again = await run.approve("ask", approver="ann", decision_id="d1")
        with pytest.raises(DecisionIdReused, match="'d1' belongs to another decision, about step 'ask'"):
            await run.approve("ask", approver="bob", decision_id="d1")
        with pytest.raises(DecisionIdReused):
            await run.reject("ask", approver="ann", decision_id="d1")
        await run.cancel()
        await outcome_of(run)

    assert (again.state, again.path) == ("duplicate", "ask")


async def test_the_update_answers_with_typed_rejections(harness: Harness) -> None:
    form = {"type": "object", "required": ["reason"], "properties": {"reason": {"type": "string"}}}
    async with harness.worker():
        run = await harness.start(
            definition(asking(approvers=["ann", "starter", "group:finance"], required=2, form=form)),
            options=ExecutionOptions(started_by="starter"),
        )
        pending = (await asked(run))[0]
        answer: Any = {"reason": "ok"}
        with pytest.raises(UnknownStep):
            await run.approve("nowhere", approver="ann", form=answer)
        with pytest.raises(NotAnApprover):
            await run.approve("ask", approver="mallory", form=answer)
        with pytest.raises(SelfApproval):
            await run.approve("ask", approver="starter", form=answer)
        with pytest.raises(DigestMismatch):
            await run.approve("ask", approver="ann", form=answer, digest="0" * 64)
        with pytest.raises(InvalidForm, match="reason"):
            await run.approve("ask", approver="ann", form={})
        with pytest.raises(WorkflowUpdateFailedError) as malformed:
            await run.handle.execute_update("decide_step", {"step_id": "ask"})
        assert "InvalidDecision" in str(malformed.value.cause)
        await run.approve("ask", approver="ann", form=answer, digest=pending.digest)
        with pytest.raises(AlreadyDecided):
            await run.reject("ask", approver="ann")
        await run.approve("ask", approver="fay", groups=["finance"], form=answer)
        outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message


async def test_a_rejected_signal_is_kept_in_the_visible_log(harness: Harness) -> None:
    async with harness.worker():
        run = await harness.start(definition(asking(approvers=["ann"])))
        await asked(run)
        await run.signal_approval("ask", approver="mallory")
        await run.handle.signal("approve_step", "not an object")
        await run.handle.signal("reject_step")
        await run.handle.signal("event", {"nonsense": 1})
        await run.signal_approval("ask", approver="ann")
        outcome = await outcome_of(run, state=True)

    assert outcome.failure is None, outcome.message
    assert outcome.state is not None
    rejected = outcome.state.rejected_decisions
    assert [one.code for one in rejected] == ["NotAnApprover", "InvalidDecision", "InvalidDecision", "InvalidDecision"]
    assert rejected[0].payload == {"step_id": "ask", "approver": "mallory"}


async def test_decisions_that_come_early_are_kept(harness: Harness) -> None:
    run = await harness.start(definition({"step_id": "pay"}, {**asking(required=2), "dependencies": ["pay"]}))
    await run.signal_approval("ask", approver="ann")
    await run.signal_approval("ask", approver="ann")
    await run.signal_approval("ask", approver="bob")
    async with harness.worker({"pay": nothing}):
        outcome = await outcome_of(run, state=True)

    assert outcome.failure is None, outcome.message
    assert outcome.state is not None
    assert [one["approver"] for one in _decisions(outcome)] == ["ann", "bob"]


async def test_an_early_decision_with_another_digest_is_refused_when_the_step_is_reached(harness: Harness) -> None:
    run = await harness.start(definition(asking()))
    await run.signal_approval("ask", approver="ann", digest="0" * 64)
    async with harness.worker():
        await asked(run)
        state = await run.state()
        await run.approve("ask", approver="ann")
        outcome = await outcome_of(run)

    assert [one.code for one in state.rejected_decisions] == ["DigestMismatch"]
    assert outcome.failure is None, outcome.message


@pytest.mark.parametrize(
    ("on_timeout", "failure", "decision"),
    [("reject", "ApprovalRejected", None), ("approve", None, "approved"), ("fail", "ApprovalTimeout", None)],
)
async def test_the_deadline_decides(
    skipping: Harness, on_timeout: str, failure: str | None, decision: str | None
) -> None:
    outcome = await skipping.run(
        definition(
            asking(deadline=86_400, on_timeout=on_timeout),
            timeout=1_000_000,
            output={"is": "steps.ask.output.decision"},
        )
    )

    assert outcome.failure == failure, outcome.message
    assert outcome.report.duration_seconds >= 86_400
    if decision:
        assert outcome.report.result == {"is": decision}


async def test_the_subject_is_shown_and_bound_by_the_digest(harness: Harness) -> None:
    digests: list[str] = []
    for amount in (5, 6):
        async with harness.worker():
            run = await harness.start(definition(asking(subject={"amount": "input.amount"})), {"amount": amount})
            pending = (await asked(run))[0]
            assert pending.subject == {"amount": amount}
            digests.append(pending.digest)
            await run.approve("ask", approver="ann", digest=pending.digest)
            await outcome_of(run)

    assert digests[0] != digests[1]


async def test_approvers_may_be_computed(harness: Harness) -> None:
    async with harness.worker():
        run = await harness.start(definition(asking(approvers=[{"expression": "input.manager"}])), {"manager": "mia"})
        pending = (await asked(run))[0]
        with pytest.raises(NotAnApprover):
            await run.approve("ask", approver="ann")
        await run.approve("ask", approver="mia")
        outcome = await outcome_of(run)

    assert pending.approvers == ["mia"]
    assert outcome.failure is None, outcome.message


async def test_a_closed_group_has_only_its_members(harness: Harness) -> None:
    async with harness.worker():
        run = await harness.start(
            definition(asking(approvers=["group:finance", "group:board"], groups={"finance": ["fay"]})),
            options=ExecutionOptions(groups={"board": ["bea"]}),
        )
        await asked(run)
        with pytest.raises(NotAnApprover):
            await run.approve("ask", approver="ann", groups=["finance", "board"])
        await run.approve("ask", approver="bea")
        outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message


async def test_approvals_in_branches_are_decided_one_by_one(harness: Harness) -> None:
    nested = [{**asking(), "step_id": "left"}, {**asking(), "step_id": "right"}]
    async with harness.worker():
        run = await harness.start(definition({"step_id": "both", "step_type": "parallel", "parallel_steps": nested}))
        await eventually(lambda: _count(run, 2))
        await run.approve("right", approver="ann")
        await run.approve("both.left", approver="ann")
        outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message


async def test_a_late_decision_is_told_so(harness: Harness) -> None:
    async with harness.worker():
        run = await harness.start(
            definition(asking(), {"step_id": "then", "step_type": "wait", "wait": {"event": "go"}})
        )
        await asked(run)
        await run.approve("ask", approver="ann")
        with pytest.raises(AlreadyDecided):
            await run.approve("ask", approver="bob")
        await run.skip_step("then", "not needed", by="op")
        outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message


async def test_a_decision_during_rollback_is_too_late(harness: Harness) -> None:
    release = asyncio.Event()

    async with harness.worker({"pay": nothing, "undo": undo_of(release)}):
        run = await harness.start(
            definition({"step_id": "pay", "rollback_actions": ["undo"]}, {**asking(), "dependencies": ["pay"]})
        )
        await asked(run)
        await run.cancel()
        await eventually(lambda: _rolling_back(run))
        with pytest.raises(TooLate):
            await run.approve("ask", approver="ann")
        release.set()
        outcome = await outcome_of(run)

    assert outcome.failure == "Cancelled"


def undo_of(release: Any) -> Any:
    async def undo(undo: dict[str, Any]) -> None:
        await release.wait()

    return undo


async def _rolling_back(run: Run) -> bool:
    return (await run.state()).status == "rolling_back"


async def _count(run: Run, count: int) -> bool:
    return len(await run.pending_approvals()) == count


def _decisions(outcome: Any) -> list[dict[str, Any]]:
    step = next(one for one in outcome.state.steps if one.path == "ask")
    return step.execution_data["output"]["decisions"]
