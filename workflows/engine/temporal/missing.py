"""Stored values that are not there: what is done with a reference that can be written well and read by nobody.

A reference is a payload like any other, so whoever sends a message or starts a run may write one, and an object may be gone. Where a worker
cannot read one because its storage does not answer, the workflow task fails and is tried again: nothing is refused because a network was
away. Where the storage answers that there is no such object, or the worker has no storage, it depends on what the payload is:

- **What somebody said to the run** (a signal, the arguments of its start) and **what came of its own work** (the result or failure of an action or
  of a child) is refused: the message is kept in the log of refused ones, the start fails, the step fails. The history notes it by a marker of
  its own, so a replay refuses it too, even where the object is there by then.
- **An update** is refused before it is accepted, which leaves nothing in the history. **A query** is answered with the refusal.
- **What the run is made of** (what an earlier history carried on, what a replay finds accepted, the result of a local activity) must be there: the
  task fails, and says which object is missing, until it is restored. Nothing that counts once is ever taken back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import ContinueAsNewInitiator
from temporalio.api.failure.v1 import Failure
from temporalio.bridge.proto.activity_result import ActivityResolution
from temporalio.bridge.proto.child_workflow import ChildWorkflowResult
from temporalio.bridge.proto.workflow_activation import InitializeWorkflow, WorkflowActivation, WorkflowActivationJob
from temporalio.bridge.proto.workflow_commands import SetPatchMarker, WorkflowCommand
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.converter import PayloadConverter

from advanced_workflow.workflows.contract import EFFECT_UNKNOWN, MISSING_ENCODING
from advanced_workflow.workflows.engine.temporal.in_order import Activate
from advanced_workflow.workflows.errors import StorageFailed

MARKER = "adw-missing: "
"""Begins the id of the patch marker that notes what was refused in a workflow task; histories hold it, so it never changes."""
MARKER_EVENTS = 2
"""Of a marker: itself, and the search attribute that the SDK keeps of it."""
_ENCODING = MISSING_ENCODING.encode()
_REFUSED = Payload(metadata={"encoding": _ENCODING})
_NULL = Payload(metadata={"encoding": b"binary/null"})
_UNKNOWN = PayloadConverter.default.to_payloads([EFFECT_UNKNOWN])[0]


class _Heard(NamedTuple):
    """Payloads of one job that count together."""

    name: str | None
    """As the marker calls it; None for what the run is made of."""
    payloads: Sequence[Payload]
    instead: Payload = _REFUSED
    """What the run gets in the place of one that cannot be read."""


class Missing:
    """One instance, which hears what an activation holds as said above."""

    def __init__(self, activate: Activate) -> None:
        """Around what activates the instance."""
        self._activate = activate
        self._signals = 0
        self._markers: dict[str, str] = {}
        """Of what the history says was refused: the id of its marker."""

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        """Give the instance what an activation holds, without what is refused."""
        self._read_markers(act)
        again: dict[str, None] = {}
        refused: dict[str, None] = {}
        for heard in (one for job in act.jobs for one in self._heard(job)):
            lost = next(filter(_is_missing, heard.payloads), None)
            marker = self._markers.get(heard.name) if heard.name else None
            if marker is not None:
                again[marker] = None
            elif lost is None:
                continue
            elif heard.name is None or act.is_replaying:
                return _waits(act.run_id, lost)
            else:
                refused[heard.name] = None
            _replace(heard.payloads, heard.instead)
        return _noted(self._activate(act), [*again, *([MARKER + ", ".join(refused)] if refused else [])])

    def _read_markers(self, act: WorkflowActivation) -> None:
        for job in act.jobs:
            patch = job.notify_has_patch.patch_id
            if patch.startswith(MARKER):
                self._markers |= dict.fromkeys(patch.removeprefix(MARKER).split(", "), patch)

    def _heard(self, job: WorkflowActivationJob) -> Iterator[_Heard]:
        kind = job.WhichOneof("variant")
        if kind == "signal_workflow":
            self._signals += 1
            yield _Heard(f"signal {self._signals}", job.signal_workflow.input)
        elif kind in _OTHERS:
            yield from _OTHERS[kind](job)


def _of_start(job: WorkflowActivationJob) -> Iterator[_Heard]:
    start = job.initialize_workflow
    _forget_what_nobody_reads(start)
    carried = start.continued_initiator == ContinueAsNewInitiator.CONTINUE_AS_NEW_INITIATOR_WORKFLOW
    for number, one in enumerate(start.arguments, 1):
        yield _Heard(None if carried else f"argument {number}", [one])


def _forget_what_nobody_reads(start: InitializeWorkflow) -> None:
    """The engine asks whether the run before this one failed, and for nothing else of it, and no run for its memo."""
    values = [*start.memo.fields.values(), *start.last_completion_result.payloads]
    if start.HasField("continued_failure"):
        _replace([*_unreadable(start.continued_failure)], _NULL)
    _replace(filter(_is_missing, values), _NULL)


def _of_update(job: WorkflowActivationJob) -> Iterator[_Heard]:
    if not job.do_update.run_validator:
        yield _Heard(None, job.do_update.input)


def _of_activity(job: WorkflowActivationJob) -> Iterator[_Heard]:
    end = job.resolve_activity
    yield _end(None if end.is_local else f"activity {end.seq}", end.result)


def _of_child(job: WorkflowActivationJob) -> Iterator[_Heard]:
    end = job.resolve_child_workflow_execution
    yield _end(f"child {end.seq}", end.result)


def _end(name: str | None, end: ActivityResolution | ChildWorkflowResult) -> _Heard:
    if end.HasField("completed"):
        return _Heard(name, [end.completed.result])
    failure = end.failed.failure if end.HasField("failed") else end.cancelled.failure
    # What an error says of its effect is among what it carries.
    _replace([one for one in _unreadable(failure) if not _is_missing(one)], _UNKNOWN)
    return _Heard(name, [*_carried(failure)], _UNKNOWN)


_OTHERS: dict[str, Callable[[WorkflowActivationJob], Iterator[_Heard]]] = {
    "initialize_workflow": _of_start,
    "do_update": _of_update,
    "resolve_activity": _of_activity,
    "resolve_child_workflow_execution": _of_child,
}


def _carried(failure: Failure) -> Iterator[Payload]:
    """What an error and its causes carry."""
    yield from failure.application_failure_info.details.payloads
    yield from failure.canceled_failure_info.details.payloads
    yield from failure.timeout_failure_info.last_heartbeat_details.payloads
    if failure.HasField("cause"):
        yield from _carried(failure.cause)


def _unreadable(failure: Failure) -> Iterator[Payload]:
    """What an error carries and the SDK could not make a value of, which would fail the workflow task for ever."""
    for one in _carried(failure):
        try:
            PayloadConverter.default.from_payloads([one])
        except Exception:
            yield one


def _is_missing(payload: Payload) -> bool:
    return payload.metadata.get("encoding") == _ENCODING


def _replace(payloads: Iterable[Payload], instead: Payload) -> None:
    for one in payloads:
        one.CopyFrom(instead)


def _waits(run_id: str, lost: Payload) -> WorkflowActivationCompletion:
    completion = WorkflowActivationCompletion(run_id=run_id)
    completion.failed.failure.message = lost.data.decode(errors="replace")
    completion.failed.failure.application_failure_info.type = StorageFailed.code
    return completion


def _noted(completion: WorkflowActivationCompletion, markers: Sequence[str]) -> WorkflowActivationCompletion:
    """The same with the markers, before all else that the run does in this task, as in its history."""
    if not markers or not completion.HasField("successful"):
        return completion
    commands = [WorkflowCommand(set_patch_marker=SetPatchMarker(patch_id=one)) for one in markers]
    commands += completion.successful.commands
    del completion.successful.commands[:]
    completion.successful.commands.extend(commands)
    return completion
