"""References to stored values that are not there, told to one instance: what it hears, and what the history notes of it."""

from __future__ import annotations

from temporalio.api.common.v1 import Payload
from temporalio.bridge.proto.workflow_activation import WorkflowActivation, WorkflowActivationJob
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion

from advanced_workflow.workflows.contract import MISSING_ENCODING
from advanced_workflow.workflows.engine.temporal.missing import MARKER, Missing
from advanced_workflow.workflows.errors import StorageFailed

WHERE = b"object 12 of the folder is not there"


class Instance:
    """Notes which signals it hears without their values, and starts a timer in each task."""

    def __init__(self) -> None:
        self.refused: list[bool] = []
        self.missing = Missing(self._activate)

    def _activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        heard = [job.signal_workflow.input[0] for job in act.jobs if job.HasField("signal_workflow")]
        self.refused += [not one.data for one in heard]
        done = WorkflowActivationCompletion(run_id=act.run_id)
        done.successful.commands.add().start_timer.seq = 1
        return done

    def hear(self, *jobs: WorkflowActivationJob, replaying: bool = False) -> WorkflowActivationCompletion:
        return self.missing.activate(WorkflowActivation(run_id="r", is_replaying=replaying, jobs=jobs))


def signal(*, lost: bool) -> WorkflowActivationJob:
    encoding = MISSING_ENCODING.encode() if lost else b"json/plain"
    job = WorkflowActivationJob()
    job.signal_workflow.input.append(Payload(metadata={"encoding": encoding}, data=WHERE if lost else b"{}"))
    return job


def marked(*what: str) -> WorkflowActivationJob:
    job = WorkflowActivationJob()
    job.notify_has_patch.patch_id = MARKER + ", ".join(what)
    return job


def kinds(done: WorkflowActivationCompletion) -> list[str | None]:
    return [one.WhichOneof("variant") for one in done.successful.commands]


def test_what_is_refused_is_noted_before_all_else_that_the_task_does() -> None:
    instance = Instance()
    done = instance.hear(signal(lost=False), signal(lost=True))

    assert instance.refused == [False, True]
    assert kinds(done) == ["set_patch_marker", "start_timer"]
    assert done.successful.commands[0].set_patch_marker.patch_id == f"{MARKER}signal 2"


def test_a_replay_refuses_what_the_history_notes_even_where_it_is_there_again() -> None:
    instance = Instance()
    done = instance.hear(marked("signal 2"), signal(lost=False), signal(lost=False), replaying=True)

    assert instance.refused == [False, True]
    assert kinds(done) == ["set_patch_marker", "start_timer"]


def test_a_replay_waits_for_what_the_run_took_and_says_what_is_missing() -> None:
    instance = Instance()
    done = instance.hear(signal(lost=True), replaying=True)

    assert instance.refused == []
    assert done.failed.failure.message == WHERE.decode()
    assert done.failed.failure.application_failure_info.type == StorageFailed.code
