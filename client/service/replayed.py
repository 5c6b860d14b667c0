"""What a run that was ended by force answers, read from its history with the engine's own code.

The history is read up to its end, as if the run had heard of all that came; where that fails as it did in the worker, up to the last
workflow task that was completed. From there a worker would answer, too, if the server let it: what ended after it counts as unknown.
"""

from __future__ import annotations

import logging
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache, partial
from typing import Any

from temporalio.api.enums.v1 import ContinueAsNewInitiator, EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client, QueryWorkflowInput, WorkflowHistory, WorkflowQueryFailedError
from temporalio.runtime import Runtime, TelemetryConfig
from temporalio.worker import Replayer

from advanced_workflow.client.graphs import load_graphs_to_replay
from advanced_workflow.client.service.aside import aside
from advanced_workflow.client.service.faults import HELD
from advanced_workflow.workflows.engine.graphs.registry import GraphChanged
from advanced_workflow.workflows.engine.run.workflow_types import WORKFLOWS
from advanced_workflow.workflows.engine.temporal.asked import Asked, AskedAtItsEnd
from advanced_workflow.workflows.engine.temporal.interceptor import EngineInterceptor
from advanced_workflow.workflows.errors import WorkflowError

_sdk = logging.getLogger("temporalio.worker._workflow_instance")
Events = Sequence[HistoryEvent]


class Continues(Exception):
    """A history in which nothing happened: what the run did stands in the one that it continues."""

    def __init__(self, run_id: str) -> None:
        """`run_id`: that of the history to be asked."""
        super().__init__()
        self.run_id = run_id


async def answer_of(client: Client, history: WorkflowHistory, input: QueryWorkflowInput) -> Any:  # noqa: ANN401 - as in the SDK
    """What the run answers to a query at the end of a history that ended by force.

    Raises:
        Continues: it has no word of its own.
        WorkflowQueryFailedError: the history does not replay with this build of the engine.
    """
    completed = _last_completed(history.events)
    if not completed and (earlier := _continues(history.events)):
        raise Continues(earlier)
    asked, why = await _asked(client, history, input, completed)
    if _has_no_graph(why) and load_graphs_to_replay():
        asked, why = await _asked(client, history, input, completed)
    if asked.answer is None or why:
        help = " 'adw' reads it where ADW_GRAPHS names the graph as it was then." if _has_no_graph(why) else ""
        raise WorkflowQueryFailedError(f"its history does not replay here: {why or 'it gave no answer'}{help}")
    hints = [input.ret_type] if input.ret_type else None
    return client.data_converter.payload_converter.from_payloads([asked.answer], hints)[0]


async def _asked(
    client: Client, history: WorkflowHistory, input: QueryWorkflowInput, completed: int
) -> tuple[Asked, str]:
    """The question with its answer, or why there is none."""
    arguments = client.data_converter.payload_converter.to_payloads(input.args)
    asked, why = Asked(input.query, arguments), ""
    ways = [(_with_a_last_task(history.events[:-1]), not completed), (_up_to(history.events, completed), True)]
    if _does_not_give_way(history.events[completed:]):
        del ways[0]
    for events, may_fail in ways:
        asked = Asked(input.query, arguments)
        one = WorkflowHistory(history.workflow_id, events)
        try:
            why = await aside(partial(_replay, client, one, asked, may_fail=may_fail))
        finally:
            asked.wanted = False
        if asked.answer is not None and not why:
            break
        why = why or asked.refusal
    return asked, why


def _has_no_graph(why: str) -> bool:
    """Whether it is not the run that fails: this process does not have the graph that it began with."""
    return GraphChanged.__name__ in why


async def _replay(client: Client, history: WorkflowHistory, asked: Asked, *, may_fail: bool) -> str:
    """Ask at the end; gives why the run did not come to it.

    Where the last task of all `may_fail`, that is no reason: a local activity that ended while the server held a query ended in a task that
    was completed, and what fails is what follows from it.
    """
    with ThreadPoolExecutor(1) as executor, _unheard(history.workflow_id):
        replayer = Replayer(
            workflows=WORKFLOWS,
            workflow_task_executor=executor,
            unsandboxed_workflow_runner=AskedAtItsEnd(asked, history.events),
            # Stored values are given to their run alone.
            namespace=client.namespace,
            data_converter=client.data_converter,
            interceptors=[EngineInterceptor()],
            workflow_failure_exception_types=[WorkflowError],
            runtime=_silent_runtime(),
        )
        result = await replayer.replay_workflow(history, raise_on_replay_failure=False)
    if asked.fault:
        is_last = asked.read_up_to >= _last_task(history.events)
        return "" if may_fail and is_last and not _has_no_graph(asked.fault) else asked.fault
    return str(result.replay_failure or "")


@cache
def _silent_runtime() -> Runtime:
    """What a replay finds is told by whoever asked for it, in a sentence."""
    return Runtime(telemetry=TelemetryConfig(logging=None))


@contextmanager
def _unheard(workflow_id: str) -> Generator[None]:
    """Keep what the SDK says of this run out of logs."""

    def is_of_another(record: logging.LogRecord) -> bool:
        return workflow_id not in record.getMessage()

    _sdk.addFilter(is_of_another)
    try:
        yield
    finally:
        _sdk.removeFilter(is_of_another)


def _last_task(events: Events) -> int:
    """Id of the event with which the last workflow task of a history was started."""
    started = (one.event_id for one in events if one.HasField("workflow_task_started_event_attributes"))
    return max(started, default=0)


def _does_not_give_way(events: Events) -> bool:
    """Whether a workflow task failed as its code held the worker; it would hold this process, too."""
    failures = (one.workflow_task_failed_event_attributes.failure.message for one in events)
    return any(message.startswith(HELD) for message in failures)


def _last_completed(events: Events) -> int:
    """Where the last workflow task that was completed stands in a history, counted from 1; 0 where none was."""
    ends = (number for number, one in enumerate(events, 1) if one.HasField("workflow_task_completed_event_attributes"))
    return max(ends, default=0)


def _up_to(events: Events, completed: int) -> list[HistoryEvent]:
    """The history up to a completed workflow task, with what it asked for."""
    after = completed
    while after < len(events) and _was_asked_for(events[after]):
        after += 1
    return [*events[:after]]


def _was_asked_for(event: HistoryEvent) -> bool:
    """Whether an event is what the server made of a command of the task before."""
    name = event.WhichOneof("attributes")
    return name is not None and bool(getattr(getattr(event, name), "workflow_task_completed_event_id", 0))


def _with_a_last_task(events: Events) -> list[HistoryEvent]:
    """A history that goes on with a workflow task in which the run hears of all that came."""
    told = [*events]
    if told[-1].event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED:
        return told
    if told[-1].event_type != EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED:
        told.append(_next(told, EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED))
        told[-1].workflow_task_scheduled_event_attributes.attempt = 1
    told.append(_next(told, EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED))
    told[-1].workflow_task_started_event_attributes.scheduled_event_id = told[-2].event_id
    return told


def _next(events: Events, event_type: EventType.ValueType) -> HistoryEvent:
    event = HistoryEvent(event_id=events[-1].event_id + 1, event_type=event_type)
    event.event_time.CopyFrom(events[-1].event_time)
    return event


def _continues(events: Events) -> str:
    """Id of the history of the same run that this one continues."""
    start = events[0].workflow_execution_started_event_attributes
    same = start.initiator == ContinueAsNewInitiator.CONTINUE_AS_NEW_INITIATOR_WORKFLOW
    return start.continued_execution_run_id if same else ""
