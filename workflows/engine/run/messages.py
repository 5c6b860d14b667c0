"""Messages to a run: signals are never dropped, updates answer at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from advanced_workflow.workflows.contract import (
    PAYLOAD_LIMIT_BYTES,
    SIGNAL_EVENT,
    UPDATE_DECIDE,
    UPDATE_PAUSE,
    UPDATE_RESUME,
    UPDATE_RETRY,
    UPDATE_SKIP,
    DecideRequest,
    Decision,
    DecisionReceipt,
    EventMessage,
    Json,
    OperatorRequest,
    RunState,
    SkipRequest,
    StateRequest,
    StepRequest,
)
from advanced_workflow.workflows.contract.tokens import UnknownKey
from advanced_workflow.workflows.engine.people.operations import Operations
from advanced_workflow.workflows.engine.people.operator_words import require_sound
from advanced_workflow.workflows.engine.run.arguments import parsed, sentence
from advanced_workflow.workflows.engine.run.execution import Execution
from advanced_workflow.workflows.engine.run.results import run_state
from advanced_workflow.workflows.engine.run.run import Run
from advanced_workflow.workflows.engine.step.signing_keys import look_for_keys
from advanced_workflow.workflows.errors import (
    DecisionRejected,
    InputInvalid,
    InvalidDecision,
    WorkflowError,
)


@dataclass(frozen=True, slots=True)
class Message:
    """What came, and when: a message may have to wait until its turn comes."""

    payload: Json
    arrived: datetime


@dataclass(frozen=True)
class _Operation:
    request: type[OperatorRequest]
    check: Callable[[Operations, Json], object]
    act: Callable[[Operations, Json], object]


OPERATIONS = {
    UPDATE_PAUSE: _Operation(OperatorRequest, lambda operations, _: operations.check_pause(), Operations.pause),
    UPDATE_RESUME: _Operation(OperatorRequest, lambda operations, _: operations.check_resume(), Operations.resume),
    UPDATE_RETRY: _Operation(StepRequest, Operations.check_retry, Operations.retry),
    UPDATE_SKIP: _Operation(SkipRequest, Operations.may_skip, Operations.skip),
}


def take_event(run: Run, message: Message) -> None:
    """Signal `event`. One that makes no sense is kept in the log of rejected messages."""
    payload = message.payload
    try:
        run.context.events.receive(parsed(EventMessage, payload, f"signal {SIGNAL_EVENT!r}", InvalidDecision))
    except WorkflowError as error:
        run.context.approvals.log(error.code, sentence(error), payload)


async def take_decision(run: Run, signal: str, decision: str, message: Message) -> None:
    """Signals `approve_step` and `reject_step`. One that cannot count is kept in the log of rejected messages."""
    try:
        given = parsed(Decision, message.payload, f"signal {signal!r}", InvalidDecision)
        await _decide(run, DecideRequest.model_validate({**given.model_dump(), "decision": decision}), message)
    except DecisionRejected as error:
        run.context.approvals.log(error.code, sentence(error), message.payload)


async def _decide(run: Run, request: DecideRequest, message: Message) -> DecisionReceipt:
    approvals = run.context.approvals
    try:
        return approvals.decide(request, message.arrived)
    except UnknownKey:
        if not approvals.identity.may_look(message.arrived):
            raise
    approvals.identity.looks(message.arrived)
    await look_for_keys(approvals.identity)
    return approvals.decide(request, message.arrived)


def refuse_signal(run: Run, error: WorkflowError) -> None:
    """A signal that cannot be read, or that no run knows, is kept in the log of rejected messages."""
    run.context.approvals.log(InvalidDecision.code, sentence(error), None)


def check_decision(execution: Execution, message: Message) -> None:
    """Validator of `decide_step`: refuses what cannot count before it reaches the history."""
    request = _request(message)
    if execution.run is not None:
        execution.run.context.approvals.check(request, message.arrived)


async def decide(run: Run, message: Message) -> DecisionReceipt:
    """Handler of `decide_step`."""
    return await _decide(run, _request(message), message)


def _request(message: Message) -> DecideRequest:
    return parsed(DecideRequest, message.payload, f"update {UPDATE_DECIDE!r}", InvalidDecision)


def check_operation(execution: Execution, name: str, message: Message) -> None:
    """Validator of an operator's update."""
    _operate(execution.run, name, message.payload, OPERATIONS[name].check)


def read_state(run: Run, payload: Json) -> RunState:
    """Answer of the `state` query."""
    request = parsed(StateRequest, payload or {}, "query 'state'", InputInvalid)
    return run_state(run.context, run.start_time, run.deadline, request)


def read_pending(run: Run) -> list[dict[str, Json]]:
    """Answer of the `pending_approvals` query."""
    return [one.model_dump(mode="json") for one in run.context.approvals.pending(PAYLOAD_LIMIT_BYTES // 2)]


def operate(run: Run, name: str, message: Message) -> None:
    """Handler of an operator's update."""
    _operate(run, name, message.payload, OPERATIONS[name].act)


def _operate(run: Run | None, name: str, payload: Json, act: Callable[[Operations, Json], object]) -> None:
    request = parsed(OPERATIONS[name].request, payload, f"update {name!r}", InputInvalid)
    if run is not None:
        require_sound(request)
        act(run.context.operations, request)
