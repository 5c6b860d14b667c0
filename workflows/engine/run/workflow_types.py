"""The Temporal workflow classes: arguments, signals, updates, queries; no logic.

They run without the SDK's sandbox, which is a third of a workflow task's time. That the package does nothing a replay must not do is
checked by the linter, and by the tests, which replay under the strict sandbox all they ran. Workflow classes of users keep the sandbox.
"""

from __future__ import annotations

import collections.abc

from temporalio import workflow
from temporalio.common import RawValue

from advanced_workflow.workflows.contract import (
    AD_HOC_WORKFLOW_TYPE,
    ROLLBACK_WORKFLOW_TYPE,
    SIGNAL_APPROVE,
    SIGNAL_EVENT,
    SIGNAL_REJECT,
    SIGNAL_WAKE,
    UNDO_WORKFLOW_TYPE,
    UPDATE_DECIDE,
    UPDATE_PAUSE,
    UPDATE_RESUME,
    UPDATE_RETRY,
    UPDATE_SKIP,
    Json,
)
from advanced_workflow.workflows.definition.text.load import dump_definition
from advanced_workflow.workflows.engine.run import messages
from advanced_workflow.workflows.engine.run.execution import Execution
from advanced_workflow.workflows.engine.run.reruns import checkpoint_of
from advanced_workflow.workflows.engine.run.results import run_progress
from advanced_workflow.workflows.engine.run.rollback_again import roll_back_again
from advanced_workflow.workflows.engine.temporal.payloads import NOTHING


class _Conversation:
    """Signals, updates and queries, the same for every definition."""

    execution: Execution

    def current_details(self) -> str:
        """The steps as a table, for the Web UI."""
        run = self.execution.run
        return run.context.display.details() if run else ""

    @workflow.signal(
        name=SIGNAL_APPROVE, description='Approve a step: {"step_id", "approver", "comment"?, "form"?, "digest"?}'
    )
    def approve_step(self, decision: RawValue = NOTHING) -> None:
        messages.take_decision(self.execution, SIGNAL_APPROVE, "approve", decision)

    @workflow.signal(name=SIGNAL_REJECT, description='Reject a step: {"step_id", "approver", "comment"?, "digest"?}')
    def reject_step(self, decision: RawValue = NOTHING) -> None:
        messages.take_decision(self.execution, SIGNAL_REJECT, "reject", decision)

    @workflow.signal(name=SIGNAL_EVENT, description='Send an event: {"event", "data"?, "event_id"?}')
    def event(self, event: RawValue = NOTHING) -> None:
        messages.take_event(self.execution, event)

    @workflow.signal(name=SIGNAL_WAKE, description="Continue on the current build of the worker, if the run only waits")
    def wake(self, _: RawValue = NOTHING) -> None:
        """Nothing to do: the run looks by itself, whatever wakes it."""

    @workflow.update(
        name=UPDATE_DECIDE, description='Decide a step: {"step_id", "approver", "decision": "approve"|"reject", ...}'
    )
    async def decide_step(self, decision: RawValue = NOTHING) -> dict[str, Json]:
        return (await messages.decide(self.execution, decision)).model_dump(mode="json")

    @decide_step.validator
    def check_decide_step(self, decision: RawValue = NOTHING) -> None:
        messages.check_decision(self.execution, decision)

    @workflow.update(name=UPDATE_PAUSE, description='Start no new step: {"by", "reason"}')
    async def pause(self, request: RawValue = NOTHING) -> None:
        await messages.operate(self.execution, UPDATE_PAUSE, request)

    @pause.validator
    def check_pause(self, request: RawValue = NOTHING) -> None:
        messages.check_operation(self.execution, UPDATE_PAUSE, request)

    @workflow.update(name=UPDATE_RESUME, description='Let steps start again: {"by", "reason"}')
    async def resume(self, request: RawValue = NOTHING) -> None:
        await messages.operate(self.execution, UPDATE_RESUME, request)

    @resume.validator
    def check_resume(self, request: RawValue = NOTHING) -> None:
        messages.check_operation(self.execution, UPDATE_RESUME, request)

    @workflow.update(name=UPDATE_RETRY, description='Run a failed step again: {"step_id", "by", "reason"}')
    async def retry_step(self, request: RawValue = NOTHING) -> None:
        await messages.operate(self.execution, UPDATE_RETRY, request)

    @retry_step.validator
    def check_retry_step(self, request: RawValue = NOTHING) -> None:
        messages.check_operation(self.execution, UPDATE_RETRY, request)

    @workflow.update(name=UPDATE_SKIP, description='Continue without a step: {"step_id", "by", "reason"}')
    async def skip_step(self, request: RawValue = NOTHING) -> None:
        await messages.operate(self.execution, UPDATE_SKIP, request)

    @skip_step.validator
    def check_skip_step(self, request: RawValue = NOTHING) -> None:
        messages.check_operation(self.execution, UPDATE_SKIP, request)

    @workflow.query(description='Steps, variables, rollback, audit trail; {"step_id"?, "include_data"?} limits it')
    def state(self, request: RawValue = NOTHING) -> dict[str, Json]:
        return messages.read_state(self.execution.known_run(), request).model_dump(mode="json")

    @workflow.query(description="How many steps are where, and what the run waits for")
    def progress(self) -> dict[str, Json]:
        return run_progress(self.execution.known_run().context).model_dump(mode="json")

    @workflow.query(description="What people are asked, with the digest to decide on")
    def pending_approvals(self) -> list[dict[str, Json]]:
        run = self.execution.run
        return [one.view().model_dump(mode="json") for one in run.context.approvals.open.values()] if run else []

    @workflow.query(description="What another run could keep of this one; 'adw rerun' asks for it")
    def checkpoint(self) -> dict[str, Json]:
        return checkpoint_of(self.execution.known_run().context).model_dump(mode="json", exclude_defaults=True)

    @workflow.query(description="The definition this run is pinned to, and its sha256")
    def definition(self) -> dict[str, Json]:
        plan = self.execution.known_run().context.plan
        return {"sha256": plan.sha256, "definition": dump_definition(plan.workflow)}


@workflow.defn(dynamic=True, sandboxed=False)
class RegisteredWorkflow(_Conversation):
    """Runs the registered definition whose `workflow_id` is the workflow type."""

    @workflow.init
    def __init__(self, args: collections.abc.Sequence[RawValue]) -> None:
        self.execution = Execution()

    @workflow.run
    async def run(self, args: collections.abc.Sequence[RawValue]) -> Json:
        """Arguments: `input_data[, execution_options]`; a third one when the run continues as new."""
        return await self.execution.run_registered(workflow.info().workflow_type, args)


@workflow.defn(name=AD_HOC_WORKFLOW_TYPE, sandboxed=False)
class AdHocWorkflow(_Conversation):
    """Runs the definition that comes with its argument."""

    @workflow.init
    def __init__(self, request: RawValue = NOTHING) -> None:
        self.execution = Execution()

    @workflow.run
    async def run(self, request: RawValue = NOTHING) -> Json:
        """One argument: `{workflow, input_data, execution_options}`."""
        return await self.execution.run_ad_hoc(AD_HOC_WORKFLOW_TYPE, request)


@workflow.defn(name=UNDO_WORKFLOW_TYPE, sandboxed=False)
class UndoWorkflow(_Conversation):
    """Undoes a completed run that is part of another one, which rolls back."""

    @workflow.init
    def __init__(self, handed_over: RawValue = NOTHING) -> None:
        self.execution = Execution()

    @workflow.run
    async def run(self, handed_over: RawValue = NOTHING) -> Json:
        """One argument: what the run handed over when it completed."""
        return await self.execution.run_undo(UNDO_WORKFLOW_TYPE, handed_over)


@workflow.defn(name=ROLLBACK_WORKFLOW_TYPE, sandboxed=False)
class RollbackWorkflow:
    """Tries the failed undo actions of a closed run again."""

    @workflow.run
    async def run(self, request: RawValue = NOTHING) -> dict[str, Json]:
        """One argument: `advanced_workflow.workflows.contract.RollbackAgain`."""
        return await roll_back_again(request)


WORKFLOWS: list[type] = [RegisteredWorkflow, AdHocWorkflow, UndoWorkflow, RollbackWorkflow]
