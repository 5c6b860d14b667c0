"""What the history of a run says it did, in the order it did it: the text that the laws are about.

A definition is read as plain data and by the specification, not by the engine's models: a law must not repeat the engine's mistakes.
"""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from temporalio.api.common.v1 import Payload, Payloads
from temporalio.api.enums.v1 import EventType, TimeoutType, WorkflowTaskFailedCause
from temporalio.api.failure.v1 import ApplicationFailureInfo
from temporalio.api.history.v1 import ActivityTaskScheduledEventAttributes, HistoryEvent
from temporalio.client import WorkflowHistory

UNDO = re.compile(r"(?P<path>.+)\.rollback\[(?P<number>\d+)\]")
OWN = "adw."
"""What the engine's own activities begin with."""
HTTP = "adw.http_request"
_UNDO_TYPE = "AdvancedWorkflowUndo"
_AD_HOC_TYPE = "AdvancedWorkflow"
_GIVEN_BACK = "UnknownOrder"
"""Type of the failure of a workflow task that only the history can order."""
_SERVERS = frozenset(
    WorkflowTaskFailedCause.Value(f"WORKFLOW_TASK_FAILED_CAUSE_{one}")
    for one in (
        "UNHANDLED_COMMAND",
        "RESET_STICKY_TASK_QUEUE",
        "FORCE_CLOSE_COMMAND",
        "FAILOVER_CLOSE_COMMAND",
        "RESET_WORKFLOW",
        "UNHANDLED_UPDATE",
    )
)
"""Why the server ends a workflow task that the engine did well."""
_AFTER_ALL = ("DataInvalid", "PayloadTooLarge", "StorageFailed", "WorkerShutdown", "CircuitOpen")
"""Failures of actions that did run."""
_LARGEST_SNAPSHOT = 300_000
"""Characters; a larger one is not read, and the run has no definition here."""

Definition = dict[str, Any]


@dataclass(slots=True)
class Call:
    """One activity; numbers are those of events."""

    begun: int
    decided: int
    """The workflow task that scheduled it had heard all events up to this one."""
    scheduled: ActivityTaskScheduledEventAttributes
    ended: int | None = None
    how: str = ""
    result: Payloads | None = None

    @property
    def id(self) -> str:
        return self.scheduled.activity_id

    @property
    def action(self) -> str:
        return self.scheduled.activity_type.name

    @property
    def is_own(self) -> bool:
        return self.action.startswith(OWN) and self.action != HTTP

    @property
    def may_have_acted(self) -> bool:
        return self.how in ("completed", "canceled", "timed out")

    def ended_by(self, moment: int) -> bool:
        return self.ended is not None and self.ended < moment


@dataclass(slots=True)
class Known:
    """What all histories of a run have in common."""

    execution_id: str
    definition: Definition | None = None
    beating: frozenset[str] = frozenset()
    steps: dict[str, Definition] = field(default_factory=dict[str, Definition])
    around: dict[str, str] = field(default_factory=dict[str, str])
    """The container of a nested step, by id."""
    sources: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    """What each step depends on directly, once somebody asked."""
    undo_only: bool = False
    prepared: bool = False
    """Whether what the worker pinned for it was read."""

    def describe(self, definition: Definition) -> None:
        self.definition = definition
        self._add(definition.get("steps", ()), "")

    def _add(self, steps: Iterable[Definition], around: str) -> None:
        for step in steps:
            self.steps[step["step_id"]] = step
            if around:
                self.around[step["step_id"]] = around
            for nested in ("parallel_steps", "body"):
                self._add(step.get(nested) or (), step["step_id"])
            self._add_tools(step, step["step_id"])

    def _add_tools(self, agent: Definition, id: str) -> None:
        made = agent.get("orchestrator") or {}
        tools = [*((agent.get("agent") or {}).get("tools") or ()), *(made.get("workers") or ())]
        if made.get("model"):  # Its own agents.
            own = [("analyst", []), ("model", []), ("react", made.get("workers") or ())]
            tools += [{"name": name, "agent": {"model": made["model"], "tools": given}} for name, given in own]
        for tool in tools:
            said = {"action": tool} if isinstance(tool, str) else tool
            origin = next((said[one] for one in ("action", "workflow", "tool", "mcp") if said.get(one)), "")
            name = said.get("name") or re.sub(r"[^A-Za-z0-9_-]+", "_", origin)[:64]
            kinds = {
                "action": "sequential",
                "workflow": "sub_workflow",
                "webhook": "webhook",
                "agent": "react",
                "mcp": "sequential",
                "approval": "human_approval",
            }
            kind = next(kind for field, kind in kinds.items() if said.get(field))
            self.steps[f"{id}.{name}"] = {**said, "step_id": f"{id}.{name}", "step_type": kind}
            self._add_tools(said, f"{id}.{name}")

    def tool_at(self, path: str) -> Definition | None:
        """The tool of an agent whose call has this path."""
        ids = [re.split(r"[\[#]", part)[0] for part in path.split(".")]
        names = (".".join(ids[number:]) for number in range(len(ids) - 1))
        return next((self.steps[name] for name in names if name in self.steps), None)

    def policy(self, step: Definition, name: str, default: Any) -> Any:
        """A value of the step's retry policy, else of the workflow's, else the default."""
        for owner in (step, self.definition or {}):
            value = (owner.get("retry_policy") or {}).get(name)
            if value is not None:
                return value
        return default


@dataclass(slots=True)
class Story:
    """One history."""

    workflow_id: str
    run_id: str
    type: str
    queue: str
    known: Known
    continues: bool
    calls: list[Call] = field(default_factory=list[Call])
    children: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    """When a child was started, by its id."""
    child_ended: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    timers: list[tuple[int, str, float]] = field(default_factory=list[tuple[int, str, float]])
    """When a timer was started, what it says, and its seconds."""
    updates: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    """Updates that were accepted."""
    cancelled: int | None = None
    failed_tasks: list[str] = field(default_factory=list[str])
    end: str = ""
    next_run: str = ""
    report: dict[str, Any] | None = None
    """The result object."""

    def deeds(self) -> list[Call]:
        """The calls for steps, and to undo them."""
        return [one for one in self.calls if not one.is_own]


def stories(histories: Iterable[WorkflowHistory]) -> list[Story]:
    """Read the histories of one test; a run's later histories come after its earlier ones."""
    known: dict[str, Known] = {}
    found: list[Story] = []
    for history in histories:
        events = list(history.events)
        if not events or not events[0].HasField("workflow_execution_started_event_attributes"):
            continue
        story = _begin(history.workflow_id, events[0], known)
        _read(story, events)
        if story.next_run:
            known[story.next_run] = story.known
        found.append(story)
    return found


def value_of(payloads: Payloads | None, number: int = 0) -> Any:
    """A payload's JSON; None where it holds something else."""
    if payloads is None or len(payloads.payloads) <= number:
        return None
    return json_of(payloads.payloads[number])


def json_of(payload: Payload) -> Any:
    """The JSON of one payload; None where it holds something else."""
    if payload.metadata.get("encoding") != b"json/plain":
        return None
    try:
        return json.loads(payload.data)
    except (ValueError, RecursionError):  # Whoever starts a run may send anything.
        return None


def _begin(workflow_id: str, first: HistoryEvent, known: Mapping[str, Known]) -> Story:
    started = first.workflow_execution_started_event_attributes
    run_id = started.original_execution_run_id
    kind, queue = started.workflow_type.name, started.task_queue.name
    shared = known.get(run_id)
    story = Story(workflow_id, run_id, kind, queue, shared or Known(run_id), bool(started.continued_execution_run_id))
    argument = value_of(started.input) if kind in (_AD_HOC_TYPE, _UNDO_TYPE) else None
    if shared is None and isinstance(argument, dict):
        _introduce(story, argument)
    return story


def _introduce(story: Story, argument: dict[str, Any]) -> None:
    """What the only argument of a run says about it."""
    if story.type == _AD_HOC_TYPE:
        if isinstance(argument.get("workflow"), dict) and not story.continues:
            story.known.describe(argument["workflow"])
        return
    story.known.undo_only = True
    if "data" in argument:
        _take_snapshot(story.known, argument["data"])


def _take_snapshot(known: Known, data: str) -> None:
    if len(data) > _LARGEST_SNAPSHOT:
        return
    try:
        snapshot = json.loads(zlib.decompress(base64.b64decode(data)))
        known.execution_id, known.prepared = snapshot["execution_id"], True
    except (ValueError, KeyError, TypeError, zlib.error):  # Forged.
        return
    known.beating = frozenset(snapshot["prepared"].get("beating", ()))
    if "definition" in snapshot["prepared"]:
        known.describe(snapshot["prepared"]["definition"])


def _read(story: Story, events: list[HistoryEvent]) -> None:
    pending: dict[int, Call] = {}
    heard: dict[int, int] = {}
    pages: list[str] = []
    for event in events:
        reader = _READERS.get(event.event_type)
        if reader is not None:
            reader(story, event, pending, heard, pages)
    if pages and story.known.definition is None:
        _take_snapshot(story.known, "".join(pages))


def _on_task(story: Story, event: HistoryEvent, pending: Any, heard: dict[int, int], pages: Any) -> None:
    heard[event.event_id] = event.workflow_task_completed_event_attributes.started_event_id


def _on_failed_task(story: Story, event: HistoryEvent, *_: Any) -> None:
    failed = event.workflow_task_failed_event_attributes
    if failed.cause not in _SERVERS and failed.failure.application_failure_info.type != _GIVEN_BACK:
        story.failed_tasks.append(f"{WorkflowTaskFailedCause.Name(failed.cause)} {failed.failure.message}")


def _on_scheduled(
    story: Story, event: HistoryEvent, pending: dict[int, Call], heard: dict[int, int], pages: Any
) -> None:
    scheduled = event.activity_task_scheduled_event_attributes
    decided = heard.get(scheduled.workflow_task_completed_event_id, 0)
    call = pending[event.event_id] = Call(event.event_id, decided, scheduled)
    story.calls.append(call)


def _on_completed(story: Story, event: HistoryEvent, pending: dict[int, Call], heard: Any, pages: list[str]) -> None:
    ended = event.activity_task_completed_event_attributes
    call = pending[ended.scheduled_event_id]
    call.ended, call.how, call.result = event.event_id, "completed", ended.result
    if call.action == "adw.read_effects":
        answer = value_of(ended.result)
        pages.append(answer["data"] if answer and answer.get("data") else "")


def _on_failed(story: Story, event: HistoryEvent, pending: dict[int, Call], *_: Any) -> None:
    failed = event.activity_task_failed_event_attributes
    call, said = pending[failed.scheduled_event_id], failed.failure.application_failure_info
    call.ended, call.how = event.event_id, "no effect" if _says_no_effect(said) else "failed"


def _says_no_effect(said: ApplicationFailureInfo) -> bool:
    """Whether all its attempts said themselves that they failed."""
    details = [json_of(one) for one in said.details.payloads]
    last, first = (details[-1], details[0]) if details else (None, None)
    if not isinstance(last, dict) or last.get("adw_all_failed") is not True or said.type in _AFTER_ALL:
        return False
    return not (isinstance(first, dict) and first.get("effect") == "unknown")


def _on_timed_out(story: Story, event: HistoryEvent, pending: dict[int, Call], *_: Any) -> None:
    ended = event.activity_task_timed_out_event_attributes
    kind = ended.failure.timeout_failure_info.timeout_type
    call = pending[ended.scheduled_event_id]
    never = kind == TimeoutType.TIMEOUT_TYPE_SCHEDULE_TO_START and not ended.failure.HasField("cause")
    call.ended, call.how = event.event_id, "never taken" if never else "timed out"


def _on_canceled(story: Story, event: HistoryEvent, pending: dict[int, Call], *_: Any) -> None:
    call = pending[event.activity_task_canceled_event_attributes.scheduled_event_id]
    call.ended, call.how = event.event_id, "canceled"


def _on_timer(story: Story, event: HistoryEvent, *_: Any) -> None:
    summary = event.user_metadata.summary if event.HasField("user_metadata") else None
    seconds = event.timer_started_event_attributes.start_to_fire_timeout.ToTimedelta().total_seconds()
    story.timers.append((event.event_id, (json_of(summary) if summary else None) or "", seconds))


def _on_child(story: Story, event: HistoryEvent, *_: Any) -> None:
    id = event.start_child_workflow_execution_initiated_event_attributes.workflow_id
    story.children.setdefault(id, []).append(event.event_id)


def _on_child_end(story: Story, event: HistoryEvent, *_: Any) -> None:
    id = getattr(event, str(event.WhichOneof("attributes"))).workflow_execution.workflow_id
    story.child_ended.setdefault(id, []).append(event.event_id)


def _on_update(story: Story, event: HistoryEvent, *_: Any) -> None:
    accepted = event.workflow_execution_update_accepted_event_attributes.accepted_request.input.name
    story.updates.append((event.event_id, accepted))


def _on_cancel(story: Story, event: HistoryEvent, *_: Any) -> None:
    story.cancelled = story.cancelled or event.event_id


def _on_marker(story: Story, event: HistoryEvent, *_: Any) -> None:
    marker, known = event.marker_recorded_event_attributes, story.known
    if known.prepared or marker.marker_name != "core_local_activity":
        return
    prepared = value_of(marker.details.get("result"))
    if not isinstance(prepared, dict) or "sha256" not in prepared:
        return
    known.prepared = True
    known.beating = frozenset(prepared.get("beating") or ())
    if prepared.get("definition"):
        known.describe(prepared["definition"])


def _on_end(story: Story, event: HistoryEvent, *_: Any) -> None:
    match event.event_type:
        case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED:
            story.end = "completed"
            story.report = value_of(event.workflow_execution_completed_event_attributes.result)
        case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED:
            story.end = "failed"
            failure = event.workflow_execution_failed_event_attributes.failure
            story.report = value_of(failure.application_failure_info.details)
        case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED:
            story.end = "canceled"
        case _:
            story.end = "continued"
            story.next_run = event.workflow_execution_continued_as_new_event_attributes.new_execution_run_id


_READERS: Mapping[int, Any] = {
    EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED: _on_task,
    EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED: _on_failed_task,
    EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED: _on_scheduled,
    EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED: _on_completed,
    EventType.EVENT_TYPE_ACTIVITY_TASK_FAILED: _on_failed,
    EventType.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT: _on_timed_out,
    EventType.EVENT_TYPE_ACTIVITY_TASK_CANCELED: _on_canceled,
    EventType.EVENT_TYPE_TIMER_STARTED: _on_timer,
    EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED: _on_child,
    EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED: _on_child_end,
    EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_FAILED: _on_child_end,
    EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_CANCELED: _on_child_end,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED: _on_update,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED: _on_cancel,
    EventType.EVENT_TYPE_MARKER_RECORDED: _on_marker,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED: _on_end,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED: _on_end,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED: _on_end,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW: _on_end,
}
