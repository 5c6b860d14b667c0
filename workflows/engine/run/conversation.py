"""What can be said to a run, by name: signals, updates and queries.

Temporal's own dispatch to handlers with parameters fails the workflow task, and with it the run for ever, where a message has more
arguments or another encoding than they take. So all messages come here as they were sent, and what does not fit is refused.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from temporalio import workflow
from temporalio.api.sdk.v1 import WorkflowInteractionDefinition
from temporalio.common import RawValue

from advanced_workflow.workflows.contract import (
    QUERY_CHECKPOINT,
    QUERY_CONVERSATION,
    QUERY_DEFINITION,
    QUERY_EFFECTS,
    QUERY_PENDING_APPROVALS,
    QUERY_PROGRESS,
    QUERY_STATE,
    SIGNAL_APPROVE,
    SIGNAL_EVENT,
    SIGNAL_REJECT,
    SIGNAL_WAKE,
    UPDATE_DECIDE,
    UPDATE_PAUSE,
    UPDATE_RESUME,
    UPDATE_RETRY,
    UPDATE_SKIP,
    ConversationRequest,
    EffectsRequest,
    Json,
)
from advanced_workflow.workflows.definition.text.load import dump_definition
from advanced_workflow.workflows.engine.agents.conversation import conversation_part
from advanced_workflow.workflows.engine.run import messages
from advanced_workflow.workflows.engine.run.arguments import parsed, refused_as_failure
from advanced_workflow.workflows.engine.run.effects import effects_of
from advanced_workflow.workflows.engine.run.execution import Execution
from advanced_workflow.workflows.engine.run.messages import Message
from advanced_workflow.workflows.engine.run.reruns import checkpoint_of
from advanced_workflow.workflows.engine.run.results import run_progress
from advanced_workflow.workflows.engine.run.run import Run
from advanced_workflow.workflows.engine.temporal.missing import MARKER_EVENTS
from advanced_workflow.workflows.engine.temporal.payloads import NOTHING, argument, decode
from advanced_workflow.workflows.engine.temporal.task_work import task_work
from advanced_workflow.workflows.errors import InputInvalid, StorageFailed, WorkflowError


@dataclass(frozen=True, slots=True)
class Signal:
    """A signal: what people read about it, and who takes its payload."""

    description: str
    take: Callable[[Run, Message], Awaitable[None] | None]


@dataclass(frozen=True, slots=True)
class Update:
    """An update: its validator may refuse it before it reaches the history, its handler acts and answers."""

    description: str
    check: Callable[[Execution, Message], None]
    act: Callable[[Run, Message], Coroutine[Any, Any, Json]]


@dataclass(frozen=True, slots=True)
class Query:
    """A query; only one that `takes` an argument is given one."""

    description: str
    answer: Callable[[Execution, Json], Json]
    takes: bool = False


def _deciding(signal: str, decision: str) -> Callable[[Run, Message], Awaitable[None]]:
    return lambda run, message: messages.take_decision(run, signal, decision, message)


def _operating(name: str, description: str) -> Update:
    async def operate(run: Run, message: Message) -> None:
        messages.operate(run, name, message)

    return Update(description, lambda execution, message: messages.check_operation(execution, name, message), operate)


async def _decide(run: Run, message: Message) -> Json:
    return (await messages.decide(run, message)).model_dump(mode="json")


def _state(execution: Execution, payload: Json) -> Json:
    return messages.read_state(execution.known_run(), payload).model_dump(mode="json")


def _progress(execution: Execution, _: Json) -> Json:
    return run_progress(execution.known_run().context).model_dump(mode="json")


def _pending_approvals(execution: Execution, _: Json) -> Json:
    run = execution.run
    return messages.read_pending(run) if run else []


def _checkpoint(execution: Execution, _: Json) -> Json:
    return checkpoint_of(execution.known_run().context).model_dump(mode="json", exclude_defaults=True)


def _effects(execution: Execution, request: Json) -> Json:
    wanted = parsed(EffectsRequest, request or {}, "query 'effects'", InputInvalid)
    return effects_of(execution.run, wanted).model_dump(mode="json", exclude_defaults=True)


def _conversation(execution: Execution, request: Json) -> Json:
    asked = parsed(ConversationRequest, request, "query 'conversation'", InputInvalid)
    return conversation_part(execution.known_run().context, asked).model_dump(mode="json")


def _definition(execution: Execution, _: Json) -> Json:
    plan = execution.known_run().context.plan
    return {"sha256": plan.sha256, "definition": dump_definition(plan.workflow)}


def _nothing_to_do(run: Run, message: Message) -> None:
    """The run looks by itself, whatever wakes it."""


SIGNALS: Mapping[str, Signal] = {
    SIGNAL_APPROVE: Signal(
        'Approve a step: {"step_id", "approver", "comment"?, "form"?, "digest"?}', _deciding(SIGNAL_APPROVE, "approve")
    ),
    SIGNAL_REJECT: Signal(
        'Reject a step: {"step_id", "approver", "comment"?, "digest"?}', _deciding(SIGNAL_REJECT, "reject")
    ),
    SIGNAL_EVENT: Signal('Send an event: {"event", "data"?, "event_id"?}', messages.take_event),
    SIGNAL_WAKE: Signal("Continue on the current build of the worker, if the run only waits", _nothing_to_do),
}

UPDATES: Mapping[str, Update] = {
    UPDATE_DECIDE: Update(
        'Decide a step: {"step_id", "approver", "decision": "approve"|"reject", ...}', messages.check_decision, _decide
    ),
    UPDATE_PAUSE: _operating(UPDATE_PAUSE, 'Start no new step: {"by", "reason"}'),
    UPDATE_RESUME: _operating(UPDATE_RESUME, 'Let steps start again: {"by", "reason"}'),
    UPDATE_RETRY: _operating(UPDATE_RETRY, 'Run a failed step again: {"step_id", "by", "reason"}'),
    UPDATE_SKIP: _operating(UPDATE_SKIP, 'Continue without a step: {"step_id", "by", "reason", "output"?}'),
}

QUERIES: Mapping[str, Query] = {
    QUERY_STATE: Query(
        'Steps, variables, rollback, audit trail; {"step_id"?, "include_data"?} limits it', _state, takes=True
    ),
    QUERY_PROGRESS: Query("How many steps are where, and what the run waits for", _progress),
    QUERY_PENDING_APPROVALS: Query("What people are asked, with the digest to decide on", _pending_approvals),
    QUERY_CHECKPOINT: Query("What another run could keep of this one; 'adw rerun' asks for it", _checkpoint),
    QUERY_EFFECTS: Query(
        "What an ended run left to be undone; 'adw rollback' and 'adw rerun' ask for it", _effects, takes=True
    ),
    QUERY_CONVERSATION: Query(
        'What was said in an agent: {"agent", "begin"?, "end"?, "head"?}; workers and \'adw show --agent\' ask for it',
        _conversation,
        takes=True,
    ),
    QUERY_DEFINITION: Query("The definition this run is pinned to, and its sha256", _definition),
}

Known = Mapping[str, Signal] | Mapping[str, Update] | Mapping[str, Query]


async def take_signal(execution: Execution, name: str, arguments: Sequence[RawValue]) -> None:
    """Take any signal, when its turn has come."""
    arrived = workflow.now()
    await execution.deliver(_size(arguments), lambda run: _take(run, name, arguments, arrived))


async def _take(run: Run, name: str, arguments: Sequence[RawValue], arrived: datetime) -> None:
    """Take a signal. One that cannot be read or that nobody knows is kept in the log of rejected messages."""
    what = f"signal {name!r}"
    try:
        _require_known(SIGNALS, "signal", name)
        payload = decode(argument(arguments, what), what)
    except WorkflowError as error:
        if isinstance(error, StorageFailed):
            task_work().events.add(MARKER_EVENTS)
        messages.refuse_signal(run, error)
    else:
        taking = SIGNALS[name].take(run, Message(payload, arrived))
        if taking is not None:
            await taking


def check_update(execution: Execution, name: str, arguments: Sequence[RawValue]) -> None:
    """Validator of any update: its refusal is a typed answer, and nothing reaches the history."""
    what = f"update {name!r}"
    with refused_as_failure():
        _require_known(UPDATES, "update", name)
        UPDATES[name].check(execution, Message(decode(argument(arguments, what), what), workflow.now()))


async def take_update(execution: Execution, name: str, arguments: Sequence[RawValue]) -> Json:
    """Handler of any update that its validator let through."""
    what, arrived = f"update {name!r}", workflow.now()
    with refused_as_failure():
        _require_known(UPDATES, "update", name)
        async with execution.turn(_size(arguments)) as run:
            return await UPDATES[name].act(run, Message(decode(argument(arguments, what), what), arrived))


def answer_query(execution: Execution, name: str, arguments: Sequence[RawValue]) -> Json:
    """Answer any query; what does not fit fails with one sentence."""
    what = f"query {name!r}"
    with refused_as_failure():
        _require_known(QUERIES, "query", name)
        query = QUERIES[name]
        payload = decode(argument(arguments, what), what) if query.takes else _none(arguments, what)
        return query.answer(execution, payload)


def described(known: Known) -> list[WorkflowInteractionDefinition]:
    """What the Web UI shows of these messages, in the order of their names."""
    return [WorkflowInteractionDefinition(name=name, description=known[name].description) for name in sorted(known)]


def _require_known(known: Known, kind: str, name: str) -> None:
    if name not in known:
        raise InputInvalid(f"a run takes no {kind} {name!r}; it takes: {', '.join(known)}.")


def _size(arguments: Sequence[RawValue]) -> int:
    return sum(len(one.payload.data) for one in arguments)


def _none(arguments: Sequence[RawValue], what: str) -> Json:
    if any(one.payload != NOTHING.payload for one in arguments):
        raise InputInvalid(f"{what} takes no argument and {len(arguments)} were sent; send none.")
    return None
