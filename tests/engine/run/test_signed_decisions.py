from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from advanced_workflow.client.runs import Run, get_run
from advanced_workflow.workflows.contract import ExecutionOptions, PendingApproval
from advanced_workflow.workflows.errors import NotAskedYet, OperationRefused, SelfApproval, UnverifiedIdentity
from tests.harness import Harness, definition, eventually, outcome_of
from tests.signing import Signer, publish

DAY = 86_400


def asking(**approval: Any) -> dict[str, Any]:
    return {
        "step_id": "ask",
        "step_type": "human_approval",
        "approval": {"prompt": "Pay?", "identity": "signed", "approvers": ["ann", "group:finance"], **approval},
    }


async def started(harness: Harness, signer: Signer, *, sub: str = "sam", **more: Any) -> Run:
    """A run of the registered definition that `sub` starts, signed."""
    name = f"signed-{uuid4().hex[:8]}"
    token = signer.start(name, "signed", sub)
    options = ExecutionOptions(started_by=sub, token=token)
    return await harness.start("signed", id=name, options=options, **more)


def registered(*steps: dict[str, Any]) -> list[dict[str, Any]]:
    return [{**definition(*steps), "workflow_id": "signed"}]


async def pending(run: Run) -> PendingApproval:
    return (await eventually(lambda: run.pending_approvals()))[0]


async def test_a_decision_counts_that_an_approver_signed_for_just_this(
    harness: Harness, signer: Signer, keys: str
) -> None:
    async with harness.worker(definitions=registered(asking()), decision_keys=keys):
        run = await started(harness, signer)
        asked = await pending(run)
        token = signer.decision(run.id, asked, "ann", comment="fine")
        await run.approve("ask", approver=" ANN", comment="fine", token=token)
        outcome = await outcome_of(run, state=True)

    assert outcome.failure is None, outcome.message
    assert asked.identity == "signed"
    state = outcome.state
    assert state is not None
    output: Any = state.steps[0].execution_data["output"]
    assert output["decisions"][0]["token"] == token
    assert output["approver"] == "ann", "the name that was signed, however the message spells it"


Forged = Callable[[Signer, str, PendingApproval], dict[str, Any]]
OTHER = Signer("one", 0)
FORGED: dict[str, Forged] = {
    "no token": lambda _signer, _run, _asked: {},
    "another key under its id": lambda signer, run, asked: {
        "token": Signer("one", signer.at).decision(run, asked, "ann")
    },
    "a key that nobody has": lambda signer, run, asked: {"token": Signer("two", signer.at).decision(run, asked, "ann")},
    "another run": lambda signer, _run, asked: {"token": signer.decision("other", asked, "ann")},
    "another path": lambda signer, run, asked: {"token": signer.decision(run, asked, "ann", path="pay")},
    "another digest": lambda signer, run, asked: {"token": signer.decision(run, asked, "ann", digest="0" * 64)},
    "another asking": lambda signer, run, asked: {"token": signer.decision(run, asked, "ann", asked=7)},
    "another person": lambda signer, run, asked: {"token": signer.decision(run, asked, "bob")},
    "another word": lambda signer, run, asked: {"token": signer.decision(run, asked, "ann", "reject")},
    "another comment": lambda signer, run, asked: {"token": signer.decision(run, asked, "ann"), "comment": "and more"},
    "other groups": lambda signer, run, asked: {
        "token": signer.decision(run, asked, "eve"),
        "approver": "eve",
        "groups": ["finance"],
    },
    "expired": lambda signer, run, asked: {
        "token": signer.decision(run, asked, "ann", iat=signer.at - 60, exp=signer.at - 1)
    },
    "a week": lambda signer, run, asked: {"token": signer.decision(run, asked, "ann", exp=signer.at + 7 * DAY)},
    "tomorrow": lambda signer, run, asked: {
        "token": signer.decision(run, asked, "ann", iat=signer.at + DAY, exp=signer.at + 2 * DAY)
    },
    "a start": lambda signer, run, _asked: {"token": signer.start(run, "signed", "ann")},
    "a claim left out": lambda signer, run, asked: {"token": signer.decision(run, asked, "ann", said=None)},
    "no text": lambda _signer, _run, _asked: {"token": "a.b"},
    "alg none": lambda signer, run, asked: {
        "token": signer.token({**_claims(signer.decision(run, asked, "ann"))}, alg="none")
    },
    "critical": lambda signer, run, asked: {
        "token": signer.token({**_claims(signer.decision(run, asked, "ann"))}, crit=["b64"])
    },
    "a changed claim": lambda signer, run, asked: {
        "token": _changed(signer.decision(run, asked, "bob"), signer.decision(run, asked, "ann"))
    },
}


def _claims(token: str) -> dict[str, Any]:
    import base64
    import json

    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def _changed(token: str, other: str) -> str:
    header, _, signature = token.split(".")
    return ".".join([header, other.split(".")[1], signature])


async def test_no_forged_decision_counts_and_the_run_can_still_be_decided(
    harness: Harness, signer: Signer, keys: str
) -> None:
    async with harness.worker(definitions=registered(asking()), decision_keys=keys):
        run = await started(harness, signer)
        asked = await pending(run)
        for name, forge in FORGED.items():
            fields: Any = {"approver": "ann", **forge(signer, run.id, asked)}
            with pytest.raises(UnverifiedIdentity) as refused:
                await run.approve("ask", **fields)
            assert str(refused.value), name
            await run.signal_approval("ask", **fields)
        state = await run.state()
        await run.approve("ask", approver="ann", token=signer.decision(run.id, asked, "ann"))
        outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message
    # By signal, and by those updates that only the worker's newest keys could refuse.
    assert {one.code for one in state.rejected_decisions} == {"UnverifiedIdentity"}
    assert len(state.rejected_decisions) + sum(state.rejected_left_out.values()) >= len(FORGED)


async def test_groups_are_those_that_were_signed(harness: Harness, signer: Signer, keys: str) -> None:
    async with harness.worker(definitions=registered(asking()), decision_keys=keys):
        run = await started(harness, signer)
        token = signer.decision(run.id, await pending(run), "eve", groups=["finance"])
        await run.approve("ask", approver="eve", groups=["finance"], token=token)
        outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message


async def test_a_key_that_came_while_the_run_waited_counts_and_one_that_went_does_not(
    harness: Harness, signer: Signer, keys: str, tmp_path: Path
) -> None:
    newer = Signer("two", signer.at)
    step = asking(required=2, approvers=[])
    async with harness.worker(definitions=registered(step), decision_keys=keys):
        run = await started(harness, signer)
        asked = await pending(run)
        publish(tmp_path / "keys.json", newer)
        await run.signal_approval("ask", approver="ann", token=newer.decision(run.id, asked, "ann"))
        await eventually(lambda: _approvals(run))
        with pytest.raises(UnverifiedIdentity, match="'one', which this run does not know"):
            await run.approve("ask", approver="bob", token=signer.decision(run.id, asked, "bob"))
        await run.approve("ask", approver="bob", token=newer.decision(run.id, asked, "bob"))
        outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message


async def _approvals(run: Run) -> bool:
    return bool((await run.pending_approvals())[0].approvals)


async def test_where_the_keys_cannot_be_read_the_run_waits_and_says_so(
    harness: Harness, signer: Signer, keys: str, tmp_path: Path
) -> None:
    newer = Signer("two", signer.at)
    async with harness.worker(definitions=registered(asking()), decision_keys=keys):
        run = await started(harness, signer)
        asked = await pending(run)
        (tmp_path / "keys.json").unlink()
        with pytest.raises(UnverifiedIdentity, match="cannot be read"):
            await run.approve("ask", approver="ann", token=newer.decision(run.id, asked, "ann"))
        publish(tmp_path / "keys.json", newer)
        await run.approve("ask", approver="ann", token=newer.decision(run.id, asked, "ann"))
        outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message


async def test_a_login_must_be_as_the_approval_wants_it(harness: Harness, signer: Signer, keys: str) -> None:
    step = asking(assurance={"amr": ["hwk"], "max_age": 600})
    async with harness.worker(definitions=registered(step), decision_keys=keys):
        run = await started(harness, signer)
        asked = await pending(run)
        wrong: list[tuple[dict[str, Any], str]] = [
            ({"amr": ["pwd"], "auth_time": signer.at}, "hwk"),
            ({"amr": ["hwk"]}, "last 600 seconds"),
            ({"amr": ["hwk"], "auth_time": signer.at - 3600}, "last 600 seconds"),
        ]
        for claims, why in wrong:
            with pytest.raises(UnverifiedIdentity, match=why):
                await run.approve("ask", approver="ann", token=signer.decision(run.id, asked, "ann", **claims))
        good = signer.decision(run.id, asked, "ann", amr=["hwk", "pwd"], auth_time=signer.at)
        await run.approve("ask", approver="ann", token=good)
        outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message


async def test_who_started_the_run_cannot_decide_it_and_nobody_can_decide_early(
    harness: Harness, signer: Signer, keys: str
) -> None:
    steps = ({"step_id": "hold", "step_type": "wait", "wait": {"event": "go"}}, {**asking(), "dependencies": ["hold"]})
    async with harness.worker(definitions=registered(*steps), decision_keys=keys):
        run = await started(harness, signer, sub="ann")
        await eventually(lambda: _waits(run))
        with pytest.raises(NotAskedYet):
            await run.approve("ask", approver="bob", token="x")
        await run.send_event("go")
        asked = await pending(run)
        with pytest.raises(SelfApproval):
            await run.approve("ask", approver="ANN", token=signer.decision(run.id, asked, "ann"))
        await run.approve(
            "ask",
            approver="bob",
            groups=["finance"],
            token=signer.decision(run.id, asked, "bob", groups=["finance"]),
        )
        outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message


async def _waits(run: Run) -> bool:
    return (await run.progress()).waiting == 1


async def test_a_start_must_be_signed_by_who_starts(harness: Harness, signer: Signer, keys: str) -> None:
    async with harness.worker(definitions=registered(asking()), decision_keys=keys):
        for options in (
            ExecutionOptions(started_by="sam"),
            ExecutionOptions(started_by="ann", token=signer.start("one", "signed", "sam")),
            ExecutionOptions(started_by="sam", token=signer.start("other", "signed", "sam")),
            ExecutionOptions(started_by="sam", token=signer.start("one", "signed", "sam", {"amount": 7})),
            ExecutionOptions(started_by="sam", token=Signer("one", signer.at).start("one", "signed", "sam")),
        ):
            run = await harness.start("signed", id="one", options=options)
            outcome = await outcome_of(run)
            assert outcome.failure == "UnverifiedIdentity"
            assert "step 'ask'" in outcome.message


async def test_a_start_needs_no_signature_where_who_starts_may_decide(
    harness: Harness, signer: Signer, keys: str
) -> None:
    step = asking(allow_self_approval=True)
    async with harness.worker(definitions=registered(step), decision_keys=keys):
        run = await harness.start("signed", options=ExecutionOptions(started_by="ann"))
        await run.approve("ask", approver="ann", token=signer.decision(run.id, await pending(run), "ann"))
        outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message


async def test_a_childs_decisions_are_signed_for_the_child(harness: Harness, signer: Signer, keys: str) -> None:
    call = {"step_id": "call", "step_type": "sub_workflow", "workflow": "asks"}
    child = {**definition(asking()), "workflow_id": "asks"}
    async with harness.worker(definitions=[*registered(call), child], decision_keys=keys):
        run = await started(harness, signer)
        child_id = await eventually(lambda: _child(run))
        below = get_run(harness.client, child_id)
        asked = await pending(below)
        with pytest.raises(UnverifiedIdentity):
            await below.approve("ask", approver="ann", token=signer.decision(run.id, asked, "ann"))
        token = signer.decision(below.id, asked, "sam", groups=["finance"])
        with pytest.raises(SelfApproval):
            await below.approve("ask", approver="sam", groups=["finance"], token=token)
        await below.approve("ask", approver="ann", token=signer.decision(below.id, asked, "ann"))
        outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message


async def _child(run: Run) -> str | None:
    started = [one.execution_data.get("run") for one in (await run.state()).steps]
    return str(started[0]) if started[0] else None


@pytest.mark.parametrize("around", ["none", "loop", "child"])
async def test_an_operator_cannot_skip_what_must_be_signed(
    harness: Harness, signer: Signer, keys: str, around: str
) -> None:
    first = {"step_id": "hold", "step_type": "wait", "wait": {"event": "go"}}
    loop = {"step_type": "loop", "loop_condition": "iteration < 1", "body": [asking()]}
    step: dict[str, Any] = {
        "none": asking(),
        "loop": {"step_id": "around", **loop},
        "child": {"step_id": "around", "step_type": "sub_workflow", "workflow": "asks"},
    }[around]
    steps = (first, {**step, "dependencies": ["hold"]})
    child = {**definition(asking()), "workflow_id": "asks"}
    async with harness.worker(definitions=[*registered(*steps), child], decision_keys=keys):
        run = await started(harness, signer)
        await eventually(lambda: _waits(run))
        with pytest.raises(OperationRefused, match="must be verified"):
            await run.skip_step(step["step_id"], "in a hurry", output={"decision": "approved"})
        await run.cancel()
        outcome = await outcome_of(run)

    assert outcome.failure == "Cancelled"


async def test_keys_and_decisions_are_carried_on(harness: Harness, signer: Signer, keys: str) -> None:
    harness.continue_after = 10
    steps = (
        {**asking(required=2, approvers=[])},
        {"step_id": "many", "step_type": "loop", "loop_condition": "iteration < 20", "body": [{"step_id": "act"}]},
    )

    def act() -> None:
        return None

    async with harness.worker({"act": act}, definitions=registered(*steps), decision_keys=keys):
        run = await started(harness, signer)
        asked = await pending(run)
        await run.approve("ask", approver="ann", token=signer.decision(run.id, asked, "ann"))
        await eventually(lambda: _rounds_done(run))
        await run.approve("ask", approver="bob", token=signer.decision(run.id, asked, "bob"))
        outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message
    assert outcome.report.result is not None


async def _rounds_done(run: Run) -> bool:
    return (await run.progress()).running == 0
