"""Messages to a run: signals are never dropped, updates answer at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

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
from advanced_workflow.workflows.engine.people.operations import Operations
from advanced_workflow.workflows.engine.people.operator_words import require_sound
from advanced_workflow.workflows.engine.run.arguments import parsed, sentence
from advanced_workflow.workflows.engine.run.execution import Execution
from advanced_workflow.workflows.engine.run.results import run_state
from advanced_workflow.workflows.engine.run.run import Run
from advanced_workflow.workflows.errors import (
    DecisionRejected,
    InputInvalid,
    InvalidDecision,
    WorkflowError,
)

Answer = TypeVar("Answer")


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


def take_event(run: Run, payload: Json) -> None:
    """Signal `event`. One that makes no sense is kept in the log of rejected messages."""
    try:
        run.context.events.receive(parsed(EventMessage, payload, f"signal {SIGNAL_EVENT!r}", InvalidDecision))
    except WorkflowError as error:
        run.context.approvals.log(error.code, sentence(error), payload)


def take_decision(run: Run, signal: str, decision: str, payload: Json) -> None:
    """Signals `approve_step` and `reject_step`. One that cannot count is kept in the log of rejected messages."""
    approvals = run.context.approvals
    try:
        given = parsed(Decision, payload, f"signal {signal!r}", InvalidDecision)
        approvals.decide(DecideRequest.model_validate({**given.model_dump(), "decision": decision}))
    except DecisionRejected as error:
        approvals.log(error.code, sentence(error), payload)


def refuse_signal(run: Run, error: WorkflowError) -> None:
    """A signal that cannot be read, or that no run knows, is kept in the log of rejected messages."""
    run.context.approvals.log(InvalidDecision.code, sentence(error), None)


def check_decision(execution: Execution, payload: Json) -> None:
    """Validator of `decide_step`: refuses what cannot count before it reaches the history."""
    _with_request(execution.run, payload, lambda run, request: run.context.approvals.check(request))


def decide(run: Run, payload: Json) -> DecisionReceipt:
    """Handler of `decide_step`."""
    return _with_request(run, payload, lambda run, request: run.context.approvals.decide(request))


def _with_request(run: Run | None, payload: Json, use: Callable[[Run, DecideRequest], Answer]) -> Json:
    request = parsed(DecideRequest, payload, f"update {UPDATE_DECIDE!r}", InvalidDecision)
    return None if run is None else use(run, request)


def check_operation(execution: Execution, name: str, payload: Json) -> None:
    """Validator of an operator's update."""
    _operate(execution.run, name, payload, OPERATIONS[name].check)


def read_state(run: Run, payload: Json) -> RunState:
    """Answer of the `state` query."""
    request = parsed(StateRequest, payload or {}, "query 'state'", InputInvalid)
    return run_state(run.context, run.start_time, run.deadline, request)


def read_pending(run: Run) -> list[dict[str, Json]]:
    """Answer of the `pending_approvals` query."""
    return [one.model_dump(mode="json") for one in run.context.approvals.pending(PAYLOAD_LIMIT_BYTES // 2)]


def operate(run: Run, name: str, payload: Json) -> None:
    """Handler of an operator's update."""
    _operate(run, name, payload, OPERATIONS[name].act)


def _operate(run: Run | None, name: str, payload: Json, act: Callable[[Operations, Json], object]) -> None:
    request = parsed(OPERATIONS[name].request, payload, f"update {name!r}", InputInvalid)
    if run is not None:
        require_sound(request)
        act(run.context.operations, request)
