from __future__ import annotations

from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from advanced_workflow.activities.worker.decision_keys import KeySource
from advanced_workflow.activities.worker.prepare import Preparation
from advanced_workflow.activities.worker.signed_starts import require_signed_start
from advanced_workflow.client.reruns.fit import Comparison, reasons_to_run_again
from advanced_workflow.workflows.contract import (
    Checkpoint,
    DecideRequest,
    ExecutionOptions,
    KeptStep,
    PrepareRequest,
    SkipRequest,
)
from advanced_workflow.workflows.definition.graph.layout import lay_out
from advanced_workflow.workflows.definition.kinds.human_approval import Approval
from advanced_workflow.workflows.definition.model.step_type import StepStatus
from advanced_workflow.workflows.definition.signed import asks_signed, signed_parts
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow
from advanced_workflow.workflows.engine.graph.plan import plan_of
from advanced_workflow.workflows.engine.people.heard import Heard
from advanced_workflow.workflows.engine.people.identity import Identity
from advanced_workflow.workflows.engine.people.judging import Judge
from advanced_workflow.workflows.engine.people.operations import Operations
from advanced_workflow.workflows.engine.state.live_state import LiveState
from advanced_workflow.workflows.errors import NotAnApprover, OperationRefused, UnverifiedIdentity
from tests.signing import Signer, publish
from tests.unit.checking import codes_of

SIGNED: dict[str, Any] = {"identity": "signed", "approvers": ["ann"]}
ASK: dict[str, Any] = {"step_id": "ask", "step_type": "human_approval", "approval": SIGNED}


def workflow(*steps: dict[str, Any], id: str = "test") -> AdvancedWorkflow:
    return AdvancedWorkflow.model_validate({"workflow_id": id, "steps": list(steps)})


def agent(*tools: Any) -> dict[str, Any]:
    return {
        "step_id": "agent",
        "step_type": "react",
        "agent": {"model": "m", "instructions": "x", "tools": list(tools)},
    }


def orchestrator(**fields: Any) -> dict[str, Any]:
    made = {"workers": ["search"], "approve_plan": True, **fields}
    return {"step_id": "plan", "step_type": "orchestrator", "orchestrator": made}


CALL: dict[str, Any] = {"step_id": "call", "step_type": "sub_workflow", "workflow": "asks"}
KNOWN = {"asks": workflow(ASK, id="asks"), "calls": workflow(CALL, id="calls")}
PLACES: dict[str, tuple[dict[str, Any], set[str]]] = {
    "a step": (ASK, {"ask"}),
    "in a loop": (
        {"step_id": "loop", "step_type": "loop", "loop_condition": "iteration < 1", "body": [ASK]},
        {"loop", "ask"},
    ),
    "a tool that is approved": (
        agent({"action": "pay", "approve": True, "approval": SIGNED}),
        {"agent", "agent.pay"},
    ),
    "a tool that asks": (agent({"name": "boss", "approval": SIGNED}), {"agent", "agent.boss"}),
    "what an orchestrator asks": (orchestrator(approval=SIGNED), {"plan", "plan.approval"}),
    "a sensitive worker that the orchestrator's own agent calls": (
        orchestrator(approve_plan=False, model="m", approval=SIGNED, workers=[{"action": "pay", "sensitive": True}]),
        {"plan", "plan.react", "plan.react.pay"},
    ),
    "a child run": (CALL, {"call"}),
    "a child of a child": ({**CALL, "workflow": "calls"}, {"call"}),
    "a tool that is a child run": (agent({"workflow": "asks"}), {"agent", "agent.asks"}),
    "a worker that is a child run": (orchestrator(workers=[{"workflow": "asks"}]), {"plan", "plan.asks"}),
}


@pytest.mark.parametrize("place", PLACES)
async def test_a_start_is_signed_and_nobody_skips_wherever_the_decision_is_asked(place: str) -> None:
    """A tool's approval and an orchestrator's are signed decisions as a step's is, and so are those of the runs it starts."""
    step, leading = PLACES[place]
    parts = signed_parts(workflow(step, {"step_id": "other", "action": "a"}), KNOWN)

    assert parts.leading >= leading
    assert "other" not in parts.leading | parts.before
    with pytest.raises(UnverifiedIdentity, match="who starts the run is not verified"):
        await require_signed_start(KeySource(), PrepareRequest(workflow_type="test"), ExecutionOptions(), parts.asking)


def test_what_is_not_signed_leads_to_nothing() -> None:
    plain = {**ASK, "approval": {"approvers": ["ann"]}}

    assert not signed_parts(workflow(plain, orchestrator(), agent("pay")), KNOWN).asking


def test_what_comes_before_is_told_too_and_a_childs_steps_are_not_ones_own() -> None:
    steps = [
        {"step_id": "quote", "action": "a"},
        {"step_id": "gate", "action": "a", "dependencies": ["quote"]},
        {**CALL, "dependencies": ["gate"]},
        {"step_id": "ask", "action": "a", "dependencies": ["call"]},
    ]
    parts = signed_parts(workflow(*steps), KNOWN)

    assert parts.leading == {"call"}
    assert parts.before == {"quote", "gate"}


def test_definitions_that_start_one_another_are_looked_at_once() -> None:
    """Each names the next one twice, so that there are a billion ways from the first to the last."""
    known = {
        f"d{n}": workflow(
            *({"step_id": f"s{k}", "step_type": "sub_workflow", "workflow": f"d{n + 1}"} for k in (0, 1)), id=f"d{n}"
        )
        for n in range(30)
    }
    known["d30"] = workflow(ASK, {"step_id": "back", "step_type": "sub_workflow", "workflow": "d0"}, id="d30")

    assert signed_parts(known["d0"], known).leading == {"s0", "s1"}


def prepared_request(signer: Signer, **more: Any) -> PrepareRequest:
    return PrepareRequest(workflow_type="test", run="run", began=signer.at, **more)


async def test_a_child_may_begin_when_the_start_of_all_has_expired_and_its_key_is_gone(tmp_path: Any) -> None:
    signer, later = Signer("one", 1_000_000), Signer("two", 0)
    token = signer.start("run", "test", "sam")
    asking = signed_parts(workflow(ASK), {}).asking
    options = ExecutionOptions(started_by="sam", token=token)
    keys = KeySource(publish(tmp_path / "keys.json", later))
    child = prepared_request(signer).model_copy(update={"is_first": False, "began": signer.at + 10**6})

    await require_signed_start(keys, child, options, asking)
    for changed in ({"is_first": True}, {"run": "other"}):
        with pytest.raises(UnverifiedIdentity):
            await require_signed_start(keys, child.model_copy(update=changed), options, asking)
    forged = options.model_copy(update={"token": Signer("two", signer.at).start("run", "test", "sam")})
    with pytest.raises(UnverifiedIdentity, match="not signed with the key"):
        await require_signed_start(keys, child, forged, asking)


def test_a_start_lists_no_groups_of_signed_decisions() -> None:
    """Whoever starts could else make anybody an approver: the token of a start says nothing of groups."""
    judge = Judge("sam", {"finance": ["eve"]}, Identity())
    heard = Heard(DecideRequest(step_id="ask", approver="eve", decision="approve"))
    for identity in ("claimed", "signed"):
        approval = Approval.model_validate({"approvers": ["group:finance"], "identity": identity})
        if identity == "claimed":
            judge.require_approver(approval, ("group:finance",), heard)
            continue
        with pytest.raises(NotAnApprover):
            judge.require_approver(approval, ("group:finance",), heard)


@pytest.mark.parametrize(
    ("step_id", "output", "why"),
    [
        ("ask", None, "must be verified"),
        ("quote", None, "comes before a decision"),
        ("quote", {"amount": 1}, "comes before a decision"),
        ("pay", {"paid": True}, "cannot be given an output"),
        ("pay", None, ""),
    ],
)
def test_an_operator_stands_for_nothing_that_must_be_signed(step_id: str, output: Any, why: str) -> None:
    """What they say in place of a step before an approval could have it not asked, or about something else."""
    made = workflow(
        {"step_id": "quote", "action": "a"}, {**ASK, "dependencies": ["quote"]}, {"step_id": "pay", "action": "a"}
    )
    parts = signed_parts(made, {})
    state = LiveState(plan_of(made.model_dump(mode="json"), "test"), None, {})
    operations = Operations(state, parts.leading, parts.before)
    fields: dict[str, Any] = {"step_id": step_id, "by": "op", "reason": "now"}
    request = SkipRequest(**fields) if output is None else SkipRequest(**fields, output=output)

    assert state.records[step_id].status is StepStatus.PENDING
    if why:
        with pytest.raises(OperationRefused, match=why):
            operations.check_skip(request)
    else:
        assert operations.check_skip(request) == step_id


def test_a_rerun_asks_again_what_was_signed() -> None:
    """A decision is signed for one run, whatever is the same in another."""
    made = workflow({"step_id": "quote", "action": "a"}, {**ASK, "dependencies": ["quote"]})
    kept = {one.step_id: KeptStep(records=[], output={}) for one in made.steps}
    point = Checkpoint(execution_id="x", definition=made.model_dump(mode="json"), steps=kept, signed=["ask"])

    reasons = reasons_to_run_again(Comparison(lay_out(made), point, None), {})

    assert set(reasons) == {"ask"}
    assert "for one run only" in reasons["ask"]


def test_a_definition_that_was_hardened_is_told_from_the_one_before() -> None:
    before = {**ASK, "approval": {"approvers": ["ann"]}}

    assert asks_signed(workflow(ASK)) - asks_signed(workflow(before)) == {"ask"}


def test_an_approval_that_nobody_signs_at_its_deadline_is_warned_of() -> None:
    late = {**ASK, "approval": {"identity": "signed", "deadline": 60, "on_timeout": "approve"}}

    assert codes_of({"workflow_id": "w", "steps": [late]}) == ["meaningless_field"]


async def test_a_definition_that_comes_with_its_run_hides_none_that_is_registered() -> None:
    """It calls itself as the one that asks, which is what its child runs."""
    from advanced_workflow.workflows.definition.text.load import parse

    text = "workflow_id: asks\nsteps: [{step_id: ask, step_type: human_approval, approval: {identity: signed}}]\n"
    made = Preparation([parse(text, source="asks.yaml").workflow], None, search_attributes=True)
    own = {"workflow_id": "asks", "steps": [CALL]}

    with pytest.raises(ApplicationError, match="who starts the run is not verified"):
        await ActivityEnvironment().run(made.prepare, {"workflow_type": "AdvancedWorkflow", "workflow": own})
