"""A run without a server: the SDK's own workflow instance, told by the test what happened, moment by moment.

What the server decides is here the test's to say: which messages a workflow task brings, when a timer fires, how an action ends, when a
history ends and another begins. So a law can be tried on every order of them, in milliseconds each.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

from google.protobuf.timestamp_pb2 import Timestamp
from temporalio import workflow
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.bridge.proto.activity_result import ActivityResolution
from temporalio.bridge.proto.workflow_activation import WorkflowActivation, WorkflowActivationJob
from temporalio.bridge.proto.workflow_commands import ScheduleActivity, WorkflowCommand
from temporalio.common import MetricMeter, Priority, TypedSearchAttributes
from temporalio.converter import DataConverter
from temporalio.worker import (
    UnsandboxedWorkflowRunner,
    WorkflowInstance,
    WorkflowInstanceDetails,
    WorkflowInterceptorClassInput,
)

from advanced_workflow.workflows.contract import (
    CANCEL_ACTIVITY,
    NEXT_TASK_ACTIVITY,
    PREPARE_ACTIVITY,
    RULES,
    Prepared,
)
from advanced_workflow.workflows.definition.text.load import definition_sha256
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow
from advanced_workflow.workflows.engine.run.run import Run
from advanced_workflow.workflows.engine.run.workflow_types import EngineWorkflow
from advanced_workflow.workflows.engine.temporal.interceptor import EngineInterceptor

BEGINNING = datetime(2030, 1, 1, microsecond=400_000, tzinfo=UTC)
_ENDS = (
    "complete_workflow_execution",
    "fail_workflow_execution",
    "cancel_workflow_execution",
    "continue_as_new_workflow_execution",
)


@dataclass
class Refused(Exception):
    """An update that the run refused; the type of its failure."""

    type: str
    message: str


@dataclass
class Alone:
    """One run; `began` are the ids of all its actions, `asked` those that have not ended, `timers` those that run."""

    definition: dict[str, Any]
    input_data: Any = None
    rules: int = RULES
    beating: list[str] = field(default_factory=list[str])
    """Actions that give signs of life by themselves."""
    calls: list[ScheduleActivity] = field(default_factory=list[ScheduleActivity])
    began: list[str] = field(default_factory=list[str])
    asked: dict[str, int] = field(default_factory=dict[str, int])
    timers: dict[int, tuple[datetime, str]] = field(default_factory=dict[int, tuple[datetime, str]])
    end: str = ""
    """How it ended: the name of the last command."""
    histories: int = 0
    run_id: str = ""
    """Of the latest history."""
    now: datetime = BEGINNING

    def __post_init__(self) -> None:
        """Begin; its definition is pinned and its first steps are started."""
        self._numbers = count(1)
        self._messages = count(1)
        argument = {"workflow": self.definition, "input_data": self.input_data}
        self._first_run_id = ""
        self._begin([_payload(argument)])

    def tell(self, *jobs: WorkflowActivationJob) -> None:
        """One workflow task that brings all of this; refused updates raise `Refused`."""
        self._activate(list(jobs))

    def leave(self) -> None:
        """Let go of the run as a worker does: what still waits in it is ended."""
        if self.run_id:
            gone = WorkflowActivation(run_id=self.run_id, timestamp=_timestamp(self.now))
            gone.jobs.add().remove_from_cache.SetInParent()
            self._instance.activate(gone)

    def _begin(self, arguments: list[Payload], *told: WorkflowActivationJob) -> None:
        self.leave()
        before, self.run_id = self.run_id, str(UUID(int=self.histories + 1))
        self._first_run_id = self._first_run_id or self.run_id
        self.histories += 1
        self._length, self._is_full, self.asked, self.timers, self.end = 1, False, {}, {}, ""
        self._instance = _instance(self.run_id, before or None, self._first_run_id, self.now)
        begun = WorkflowActivationJob()
        begun.initialize_workflow.workflow_type = "AdvancedWorkflow"
        begun.initialize_workflow.workflow_id = "alone"
        begun.initialize_workflow.arguments.extend(arguments)
        self._activate([begun, *told])

    def hop(self, *told: WorkflowActivationJob) -> None:
        """Its history is full now, and the first task of the next one brings this; where actions run, it is told first."""
        self._is_full = True
        self._activate([])
        if not self.settle(*told) and told:
            self.tell(*told)

    def settle(self, *told: WorkflowActivationJob) -> bool:
        """Continue in a new history, if the run is about to; gives whether it did."""
        moment = next((seq for seq, (_, why) in self.timers.items() if why == "continue in a new history"), None)
        if moment is not None:
            self.fire(moment)
        if self.end != _ENDS[-1]:
            return False
        self._begin(list(self._last.continue_as_new_workflow_execution.arguments), *told)
        return True

    def fire(self, seq: int) -> None:
        """A timer fires; the time is then what it waited for."""
        due, _ = self.timers.pop(seq)
        self.now = max(self.now, due)
        job = WorkflowActivationJob()
        job.fire_timer.seq = seq
        self._activate([job])

    def complete(self, activity_id: str, result: Any = None) -> None:
        """An action completes."""
        self.tell(self.completed(activity_id, result))

    def completed(self, activity_id: str, result: Any = None) -> WorkflowActivationJob:
        """That an action completed."""
        return _completed(self.asked.pop(activity_id), result)

    def failed(self, activity_id: str, kind: str = "Broken") -> WorkflowActivationJob:
        """That an action failed for good, and said that it took no effect."""
        job = WorkflowActivationJob()
        job.resolve_activity.seq = self.asked.pop(activity_id)
        failure = job.resolve_activity.result.failed.failure
        failure.activity_failure_info.activity_id = activity_id
        info = failure.cause.application_failure_info
        failure.cause.message, info.type, info.non_retryable = "no", kind, True
        note = {"adw_attempts": 1, "adw_all_failed": True}
        info.details.payloads.extend([_payload(None), _payload(note)])
        return job

    @property
    def run(self) -> Run:
        """The run itself, to look into."""
        found = self._instance._object.execution.run  # pyright: ignore[reportAttributeAccessIssue]
        assert found is not None
        return found

    def query(self, name: str, argument: Any = None) -> Any:
        """A query's answer."""
        job = WorkflowActivationJob()
        job.query_workflow.query_id = "1"
        job.query_workflow.query_type = name
        if argument is not None:
            job.query_workflow.arguments.append(_payload(argument))
        answer = self._commands([job])[-1].respond_to_query
        assert answer.HasField("succeeded"), answer
        return json.loads(answer.succeeded.response.data or b"null")

    @property
    def result(self) -> Any:
        """The result object, or that of the failure."""
        assert self.end, "the run has not ended"
        if self.end == _ENDS[0]:
            return json.loads(self._last.complete_workflow_execution.result.data)
        details = self._last.fail_workflow_execution.failure.application_failure_info.details.payloads
        return json.loads(details[0].data) if details else None

    def _activate(self, jobs: list[WorkflowActivationJob]) -> None:
        refused: Refused | None = None
        later: list[WorkflowActivationJob] = []
        for command in self._commands(jobs):
            refused = self._take(command, later) or refused
        if later and not self.end:
            self._activate(later)
        if refused is not None:
            raise refused

    def _commands(self, jobs: list[WorkflowActivationJob]) -> list[WorkflowCommand]:
        query = any(one.HasField("query_workflow") for one in jobs)
        self._length += 0 if query else 3
        told = WorkflowActivation(
            run_id=self.run_id,
            timestamp=_timestamp(self.now),
            jobs=jobs,
            history_length=self._length,
            continue_as_new_suggested=self._is_full,
        )
        if not jobs:  # A task that brings nothing is one that a signal nobody heeds has made.
            told.jobs.append(signal("wake"))
        completion = self._instance.activate(told)
        assert not completion.HasField("failed"), completion.failed.failure
        return list(completion.successful.commands)

    def _take(self, command: WorkflowCommand, later: list[WorkflowActivationJob]) -> Refused | None:
        kind = str(command.WhichOneof("variant"))
        if kind in _ENDS:
            self.end, self._last = kind, command
        match kind:
            case "start_timer":
                timer = command.start_timer
                due = self.now + timer.start_to_fire_timeout.ToTimedelta()
                self.timers[timer.seq] = (due, json.loads(command.user_metadata.summary.data or b'""'))
            case "cancel_timer":
                self.timers.pop(command.cancel_timer.seq, None)
            case "schedule_activity":
                later += self._call(command.schedule_activity)
            case "schedule_local_activity":
                later += self._own(command)
            case "request_cancel_activity":
                later += self._cancelled(command.request_cancel_activity.seq)
            case "update_response" if command.update_response.HasField("rejected"):
                failure = command.update_response.rejected
                return Refused(failure.application_failure_info.type, failure.message)
            case _:
                pass
        return None

    def _call(self, call: ScheduleActivity) -> list[WorkflowActivationJob]:
        """An action is the test's to end; what only ends the workflow task has ended in the next one."""
        if call.activity_type == NEXT_TASK_ACTIVITY:
            return [_completed(call.seq, None)]
        self.calls.append(call)
        self.began.append(call.activity_id)
        self.asked[call.activity_id] = call.seq
        return []

    def _own(self, command: WorkflowCommand) -> list[WorkflowActivationJob]:
        """What the engine's own local activities do: pin the definition, or have the run cancelled."""
        asked = command.schedule_local_activity
        job = WorkflowActivationJob()
        job.resolve_activity.seq, job.resolve_activity.is_local = asked.seq, True
        if asked.activity_type == CANCEL_ACTIVITY:
            job.resolve_activity.result.completed.result.CopyFrom(_payload(None))
            return [job, cancel()]
        assert asked.activity_type == PREPARE_ACTIVITY, asked.activity_type
        sha256 = definition_sha256(AdvancedWorkflow.model_validate(self.definition))
        prepared = Prepared(sha256=sha256, rules=self.rules, beating=self.beating)
        job.resolve_activity.result.completed.result.CopyFrom(_payload(prepared.model_dump(mode="json")))
        return [job]

    def _cancelled(self, seq: int) -> list[WorkflowActivationJob]:
        name = next((one for one, number in self.asked.items() if number == seq), None)
        if name is None:
            return []
        del self.asked[name]
        result = ActivityResolution()
        result.cancelled.failure.activity_failure_info.activity_id = name
        result.cancelled.failure.cause.canceled_failure_info.SetInParent()
        job = WorkflowActivationJob()
        job.resolve_activity.seq = seq
        job.resolve_activity.result.CopyFrom(result)
        return [job]


def signal(name: str, payload: Any = None) -> WorkflowActivationJob:
    """A signal."""
    job = WorkflowActivationJob()
    job.signal_workflow.signal_name, job.signal_workflow.originating_event_id = name, 1
    if payload is not None:
        job.signal_workflow.input.append(_payload(payload))
    return job


def update(name: str, payload: Any) -> WorkflowActivationJob:
    """An update."""
    job = WorkflowActivationJob()
    job.do_update.id = job.do_update.protocol_instance_id = job.do_update.meta.update_id = name
    job.do_update.name, job.do_update.run_validator = name, True
    job.do_update.input.append(_payload(payload))
    return job


def cancel() -> WorkflowActivationJob:
    """A cancellation of the run."""
    job = WorkflowActivationJob()
    job.cancel_workflow.reason = "told"
    return job


def _instance(run_id: str, before: str | None, first: str, now: datetime) -> WorkflowInstance:
    info = workflow.Info(
        attempt=1,
        continued_run_id=before,
        cron_schedule=None,
        execution_timeout=None,
        first_execution_run_id=first,
        headers={},
        namespace="default",
        original_execution_run_id=run_id,
        parent=None,
        root=None,
        priority=Priority.default,
        raw_memo={},
        retry_policy=None,
        run_id=run_id,
        run_timeout=None,
        search_attributes={},
        start_time=now,
        workflow_start_time=now,
        task_queue="alone",
        task_timeout=timedelta(seconds=10),
        typed_search_attributes=TypedSearchAttributes.empty,
        workflow_id="alone",
        workflow_type="AdvancedWorkflow",
    )
    definition = workflow._Definition.from_class(EngineWorkflow)
    assert definition is not None
    converter = DataConverter.default
    details = WorkflowInstanceDetails(
        payload_converter_factory=converter._new_payload_converter,
        failure_converter_class=converter.failure_converter_class,
        interceptor_classes=[EngineInterceptor().workflow_interceptor_class(WorkflowInterceptorClassInput({}))],
        defn=definition,
        info=info,
        randomness_seed=1,
        extern_functions={
            "__temporal_get_metric_meter": lambda: MetricMeter.noop,
            "__temporal_assert_local_activity_valid": lambda _: None,
        },
        disable_eager_activity_execution=True,
        worker_level_failure_exception_types=[],
        patch_activation_callback=None,
        last_completion_result=Payloads(),
        last_failure=None,
    )

    async def create() -> WorkflowInstance:
        return UnsandboxedWorkflowRunner().create_instance(details)

    return asyncio.run(create())


def _completed(seq: int, result: Any) -> WorkflowActivationJob:
    job = WorkflowActivationJob()
    job.resolve_activity.seq = seq
    job.resolve_activity.result.completed.result.CopyFrom(_payload(result))
    return job


def _payload(value: Any) -> Payload:
    return Payload(metadata={"encoding": b"json/plain"}, data=json.dumps(value).encode())


def _timestamp(moment: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(moment.replace(tzinfo=None))
    return stamp
