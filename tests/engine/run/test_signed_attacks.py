"""Ways around a signed decision that are not a forged one: floods, resets, reruns, and what other kinds of steps ask."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

from advanced_workflow.client.dev.server_binary import installed_binary
from advanced_workflow.client.reruns.plan import plan_rerun, start_rerun
from advanced_workflow.client.runs import Run
from advanced_workflow.client.settings import Settings
from advanced_workflow.workflows.contract import KEYS_ACTIVITY, ExecutionOptions
from advanced_workflow.workflows.errors import OperationRefused, UnverifiedIdentity
from tests.engine.run.test_business_runs import reset
from tests.engine.run.test_signed_decisions import FORGED, asking, pending, registered, started
from tests.harness import Harness, eventually, outcome_of
from tests.signing import Signer, publish

SETTINGS = Settings(user="sam")


async def looked(run: Run) -> int:
    """How often the run asked for keys."""
    history = await run.handle.fetch_history()
    name = KEYS_ACTIVITY.encode()
    return sum(
        1
        for one in history.events
        if name in one.SerializeToString() and one.HasField("marker_recorded_event_attributes")
    )


async def test_a_flood_of_keys_that_nobody_has_costs_few_look_ups_and_the_run_can_be_decided(
    harness: Harness, signer: Signer, keys: str
) -> None:
    step = asking(assurance={"max_age": 600})
    async with harness.worker(definitions=registered(step), decision_keys=keys):
        run = await started(harness, signer)
        asked = await pending(run)
        for number in range(60):
            forged = Signer(f"k{number}", signer.at).decision(run.id, asked, "ann", auth_time=signer.at)
            await run.signal_approval("ask", approver="ann", token=forged)
        # Numbers that cannot be reckoned with, in whatever claim.
        for claim in ("auth_time", "iat", "exp", "asked"):
            claims: dict[str, Any] = {"auth_time": signer.at, claim: 10**400}
            token = signer.decision(run.id, asked, "ann", **claims)
            await run.signal_approval("ask", approver="ann", token=token)
        await eventually(lambda: _refused(run, 64))
        forged = Signer("new", signer.at).decision(run.id, asked, "ann", auth_time=signer.at)
        with pytest.raises(UnverifiedIdentity, match="in a minute"):
            await run.approve("ask", approver="ann", token=forged)
        count = await looked(run)
        good = signer.decision(run.id, asked, "ann", auth_time=signer.at)
        await run.approve("ask", approver="ann", token=good)
        outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message
    assert 1 <= count <= 4


async def _refused(run: Run, count: int) -> bool:
    state = await run.state()
    assert {one.code for one in state.rejected_decisions} <= {"UnverifiedIdentity"}
    return len(state.rejected_decisions) + sum(state.rejected_left_out.values()) >= count


async def test_a_key_that_was_taken_away_counts_no_more_where_the_keys_were_read_long_ago(
    monkeypatch: pytest.MonkeyPatch, harness: Harness, signer: Signer, keys: str, tmp_path: Path
) -> None:
    long_ago = SimpleNamespace(time=lambda: signer.at - 7_200, monotonic=time.monotonic)
    monkeypatch.setattr("advanced_workflow.activities.worker.decision_keys.time", long_ago)
    newer = Signer("two", signer.at)
    async with harness.worker(definitions=registered(asking()), decision_keys=keys):
        run = await started(harness, signer)
        asked = await pending(run)
        (tmp_path / "keys.json").unlink()
        publish(tmp_path / "keys.json", newer)
        with pytest.raises(UnverifiedIdentity, match="'one', which this run does not know"):
            await run.approve("ask", approver="ann", token=signer.decision(run.id, asked, "ann"))
        # Where they cannot be read, those that are known stay.
        (tmp_path / "keys.json").unlink()
        await run.approve("ask", approver="ann", token=newer.decision(run.id, asked, "ann"))
        outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message


async def test_a_run_that_is_reset_asks_again(harness: Harness, signer: Signer, keys: str) -> None:
    """The server sends the signals again that came after: they are for an asking that is no more."""
    wait: dict[str, Any] = {"step_id": "w", "step_type": "wait", "wait": {"event": "go"}, "dependencies": ["ask"]}
    async with harness.worker(definitions=registered(asking(), wait), decision_keys=keys):
        run = await started(harness, signer)
        token = signer.decision(run.id, await pending(run), "ann")
        await run.signal_approval("ask", approver="ann", token=token)
        await eventually(lambda: _is(run, "w", "waiting"))
        again = await reset(harness, run)
        asked = await pending(again)
        with pytest.raises(UnverifiedIdentity, match="another digest"):
            await again.approve("ask", approver="ann", token=token)
        await again.approve("ask", approver="ann", token=signer.decision(run.id, asked, "ann"))
        await again.send_event("go")
        outcome = await outcome_of(again)

    assert outcome.failure is None, outcome.message


async def _is(run: Run, step_id: str, status: str) -> bool:
    return any(one.path == step_id and one.status.value == status for one in (await run.state()).steps)


async def test_a_rerun_asks_again_and_takes_no_definition_that_asks_for_less(
    harness: Harness, signer: Signer, keys: str
) -> None:
    claimed = asking(identity="claimed", approvers=["bob"])
    signed = asking(allow_self_approval=True)
    fails = {"step_id": "pay", "dependencies": ["ask"], "retry_policy": {"max_attempts": 1}}

    def pay() -> None:
        raise RuntimeError("no")

    async with harness.worker({"pay": pay}, definitions=registered(claimed, fails)):
        before = await harness.start("signed", options=ExecutionOptions(started_by="sam"))
        await eventually(lambda: before.pending_approvals())
        await before.approve("ask", approver="bob")
        await outcome_of(before)
    async with harness.worker({"pay": pay}, definitions=registered(signed, fails), decision_keys=keys):
        downgraded = await plan_rerun(harness.client, before.id)
        assert downgraded.kept == ("ask",)
        run = await start_rerun(harness.client, downgraded, task_queue=harness.task_queue, settings=SETTINGS)
        harness.handles.append(run.handle)
        refused = await outcome_of(run)

        first = await harness.start("signed", options=ExecutionOptions(started_by="sam"))
        await first.approve("ask", approver="ann", token=signer.decision(first.id, await pending(first), "ann"))
        await outcome_of(first)
        planned = await plan_rerun(harness.client, first.id)
        assert "one run only" in planned.again["ask"]
        # Whoever writes the arguments of a rerun by hand keeps it all the same, and the worker sees that.
        kept = replace(planned, request=planned.request.model_copy(update={"records": downgraded.request.records}))
        forged = await start_rerun(harness.client, kept, task_queue=harness.task_queue, settings=SETTINGS)
        harness.handles.append(forged.handle)
        assert (await outcome_of(forged)).failure == "InputInvalid"

    assert refused.failure == "InputInvalid"
    assert "does not ask for signed decisions where that of today does (ask)" in refused.message


async def test_what_an_orchestrator_asks_is_verified_as_a_steps_is(harness: Harness, signer: Signer, keys: str) -> None:
    worker = {"action": "work", "parameters": {"type": "object"}}
    made = {"workers": [worker], "approve_plan": True, "approval": {"identity": "signed", "approvers": ["ann"]}}
    step = {"step_id": "plan", "step_type": "orchestrator", "orchestrator": made}

    def work(task: Any) -> str:
        return "done"

    async with harness.worker({"work": work}, definitions=registered(step), decision_keys=keys):
        unsigned = await harness.start("signed", id=f"signed-{uuid4().hex[:8]}")
        assert (await outcome_of(unsigned)).failure == "UnverifiedIdentity"
        run = await started(harness, signer)
        asked = await pending(run)
        with pytest.raises(OperationRefused, match="must be verified"):
            await run.skip_step(asked.path, "in a hurry", output={"decision": "approved"})
        with pytest.raises(UnverifiedIdentity):
            await run.approve(asked.path, approver="ann", digest=asked.digest)
        token = signer.decision(run.id, asked, "ann")
        await run.approve(asked.path, approver="ann", digest=asked.digest, token=token)
        outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message


@pytest.mark.long
async def test_500_forged_decisions_by_signal_update_and_the_servers_own_tool(
    harness: Harness, signer: Signer, keys: str
) -> None:
    """From a process that may do everything in the namespace, and has no key."""
    async with harness.worker(definitions=registered(asking()), decision_keys=keys):
        run = await started(harness, signer)
        asked = await pending(run)
        for number in range(500):
            fields: dict[str, Any] = {
                "approver": "ann",
                **[*FORGED.values()][number % len(FORGED)](signer, run.id, asked),
            }
            match number // len(FORGED) % 3:
                case 0:
                    await run.signal_approval("ask", **fields)
                case 1:
                    with pytest.raises(UnverifiedIdentity):
                        await run.approve("ask", **fields)
                case _:
                    await _signalled_by_the_tool(harness, run, {"step_id": "ask", **fields})
        signals = sum(1 for number in range(500) if number // len(FORGED) % 3 != 1)
        await eventually(lambda: _refused(run, signals))
        assert not (await pending(run)).approvals
        asked_of_worker = await looked(run)
        await run.approve("ask", approver="ann", token=signer.decision(run.id, asked, "ann"))
        outcome = await outcome_of(run)

    assert len(FORGED) >= 12
    assert outcome.failure is None, outcome.message
    assert asked_of_worker < 30


async def _signalled_by_the_tool(harness: Harness, run: Run, payload: dict[str, Any]) -> None:
    binary = installed_binary()
    assert binary is not None
    address = harness.client.service_client.config.target_host
    given = ("--workflow-id", run.id, "--name", "approve_step", "--input", json.dumps(payload))
    process = await asyncio.create_subprocess_exec(
        binary, "workflow", "signal", "--address", address, *given, stdout=asyncio.subprocess.DEVNULL
    )
    assert await process.wait() == 0
