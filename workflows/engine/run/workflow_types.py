"""The Temporal workflow class: what it is called with goes on as it came; no logic.

It runs without the SDK's sandbox, which is a third of a workflow task's time. That the package does nothing a replay must not do is
checked by the linter, and by the tests, which replay under the strict sandbox all they ran. Workflow classes of users keep the sandbox.
"""

from __future__ import annotations

import collections.abc

from temporalio import workflow
from temporalio.api.sdk.v1 import WorkflowDefinition
from temporalio.common import RawValue

from advanced_workflow.workflows.contract import SIGNAL_WAKE, Json
from advanced_workflow.workflows.engine.monitoring.questions import APPROVALS_BYTES, MAX_SHOWN, Asked
from advanced_workflow.workflows.engine.run import conversation
from advanced_workflow.workflows.engine.run.execution import Execution
from advanced_workflow.workflows.engine.temporal.outgoing import Outgoing
from advanced_workflow.workflows.engine.temporal.task_work import TaskWork


@workflow.defn(dynamic=True, sandboxed=False)
class EngineWorkflow:
    """Every run, whatever its type: a registered definition's id, or one of the engine's own types.

    It is one dynamic class because a class with a name and parameters fails its first task for ever where the caller sends more
    arguments than it has parameters.
    """

    @workflow.init
    def __init__(self, args: collections.abc.Sequence[RawValue]) -> None:
        self.execution = Execution()
        self.rules: int | None = None
        """Once the run is prepared: the rules it follows."""
        self.work = TaskWork()
        self.outgoing = Outgoing()
        self.ended_tasks = 0
        """How many workflow tasks the run ended from within: see `temporal/next_task.py`."""
        self.wakes = 0
        """Signals that only began a workflow task: see `temporal/task_number.py`."""

    @workflow.run
    async def run(self, args: collections.abc.Sequence[RawValue]) -> Json:
        """Arguments: see `Execution.begin`."""
        return await self.execution.begin(workflow.info().workflow_type, args)

    @workflow.signal(dynamic=True)
    async def take_signal(self, name: str, args: collections.abc.Sequence[RawValue]) -> None:
        """Any signal."""
        self.wakes += name == SIGNAL_WAKE
        await conversation.take_signal(self.execution, name, args)

    @workflow.update(dynamic=True)
    async def take_update(self, name: str, args: collections.abc.Sequence[RawValue]) -> Json:
        """Any update."""
        return await conversation.take_update(self.execution, name, args)

    @take_update.validator
    def check_update(self, name: str, args: collections.abc.Sequence[RawValue]) -> None:
        """Any update, before it is accepted."""
        conversation.check_update(self.execution, name, args)

    @workflow.query(dynamic=True)
    def answer_query(self, name: str, args: collections.abc.Sequence[RawValue]) -> Json:
        """Any query."""
        return conversation.answer_query(self.execution, name, args)

    def current_details(self) -> str:
        """What the run asks of people, and the steps as a table, for the Web UI."""
        if (run := self.execution.run) is None:
            return ""
        approvals = run.context.approvals
        first = approvals.first(MAX_SHOWN, APPROVALS_BYTES)
        return run.context.display.details(Asked(first, len(approvals.open), run.context.options.started_by))

    def describe(self, definition: WorkflowDefinition) -> None:
        """The names that can be said to a run, for the forms of the Web UI."""
        for shown, known in (
            (definition.signal_definitions, conversation.SIGNALS),
            (definition.update_definitions, conversation.UPDATES),
            (definition.query_definitions, conversation.QUERIES),
        ):
            own = [one for one in shown if one.name and not one.name.startswith("__")]
            del shown[:]
            shown.extend([*own, *conversation.described(known)])


WORKFLOWS: list[type] = [EngineWorkflow]
