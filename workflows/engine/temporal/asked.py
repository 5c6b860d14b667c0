"""A query of a run whose history is replayed, asked when the history is at its end: `unsandboxed_workflow_runner` of a replayer."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from temporalio.api.common.v1 import Payload
from temporalio.api.history.v1 import HistoryEvent
from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_commands import WorkflowCommand
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.worker import WorkflowInstance, WorkflowInstanceDetails

from advanced_workflow.workflows.engine.temporal.local_ends import local_ends
from advanced_workflow.workflows.engine.temporal.runner import Around, EngineRunner


@dataclass(slots=True)
class Asked:
    """A query, and what became of it."""

    query: str
    arguments: Sequence[Payload]
    answer: Payload | None = None
    refusal: str = ""
    """Why the run's own code gave no answer."""
    fault: str = ""
    """Why one of the workflow tasks cannot be done again, if it is so."""
    read_up_to: int = 0
    """How many events of the history the run had heard of by then, or in all."""
    wanted: bool = True
    """Whether somebody still waits for the answer; the replay ends with its next workflow task where it is not so."""


class AskedAtItsEnd(EngineRunner):
    """Makes an instance of one run that is asked when the replayer removes it, after the last event."""

    def __init__(self, asked: Asked, events: Iterable[HistoryEvent]) -> None:
        """`events`: the history that is replayed."""
        super().__init__()
        self._asked = asked
        self._ended = frozenset(local_ends(events))

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        """The instance, as a worker has it."""
        return _Instance(super().create_instance(det), self._asked, self._ended)


class _Instance(Around):
    def __init__(self, instance: WorkflowInstance, asked: Asked, ended: Collection[int]) -> None:
        super().__init__(instance)
        self._asked = asked
        self._ended = ended
        self._last = WorkflowActivation()

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        if any(job.HasField("remove_from_cache") for job in act.jobs):
            if self._asked.wanted:
                self._ask()
            return self._instance.activate(act)
        if not self._asked.wanted:
            return _given_up(act)
        self._last = act
        self._asked.read_up_to = act.history_length
        done = self._instance.activate(act)
        if done.HasField("failed"):
            self._asked.fault = done.failed.failure.message
        else:
            _leave_out(done, self._ended)
        return done

    def _ask(self) -> None:
        asking = WorkflowActivation()
        asking.CopyFrom(self._last)
        del asking.jobs[:]
        query = asking.jobs.add().query_workflow
        query.query_id, query.query_type = "asked", self._asked.query
        query.arguments.extend(self._asked.arguments)
        for command in self._instance.activate(asking).successful.commands:
            if not command.HasField("respond_to_query"):
                continue
            if command.respond_to_query.HasField("succeeded"):
                self._asked.answer = command.respond_to_query.succeeded.response
            else:
                self._asked.refusal = command.respond_to_query.failed.message


def _given_up(act: WorkflowActivation) -> WorkflowActivationCompletion:
    """A task that is not done: with it the replay ends."""
    done = WorkflowActivationCompletion(run_id=act.run_id)
    done.failed.failure.message = "nobody waits for the answer"
    return done


def _leave_out(done: WorkflowActivationCompletion, ended: Collection[int]) -> None:
    """Start no local activity that the history does not end: nobody would do it here, and the replay waited for it."""
    commands = [one for one in done.successful.commands if _local(one) is None or _local(one) in ended]
    del done.successful.commands[:]
    done.successful.commands.extend(commands)


def _local(command: WorkflowCommand) -> int | None:
    """The number of the local activity that a command starts or cancels."""
    if command.HasField("schedule_local_activity"):
        return command.schedule_local_activity.seq
    return command.request_cancel_local_activity.seq if command.HasField("request_cancel_local_activity") else None
