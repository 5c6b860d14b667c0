"""Starting runs and working with them: what callers of the project use."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypedDict, Unpack, cast
from uuid import uuid4

from pydantic import JsonValue
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from advanced_workflow.client.errors import RunExists
from advanced_workflow.client.sending import message_of, request_of, start_arguments
from advanced_workflow.client.service.asking import reads_histories
from advanced_workflow.client.service.description import Attempt, RunSummary, describe, read_attempts, summarize
from advanced_workflow.client.service.errors import read_answer, run_failure, translated_errors
from advanced_workflow.client.settings import Settings, current_user, load_settings
from advanced_workflow.client.storage import payload_limit
from advanced_workflow.workflows.contract import (
    AD_HOC_WORKFLOW_TYPE,
    QUERY_CONVERSATION,
    QUERY_DEFINITION,
    QUERY_PENDING_APPROVALS,
    QUERY_PROGRESS,
    QUERY_STATE,
    SIGNAL_APPROVE,
    SIGNAL_EVENT,
    SIGNAL_REJECT,
    UPDATE_DECIDE,
    UPDATE_PAUSE,
    UPDATE_RESUME,
    UPDATE_RETRY,
    UPDATE_SKIP,
    ChatMessage,
    ConversationPart,
    ConversationRequest,
    DecideRequest,
    DecisionReceipt,
    EventMessage,
    ExecutionOptions,
    OperatorRequest,
    PendingApproval,
    Progress,
    RunResult,
    RunState,
    SkipRequest,
    StateRequest,
    StepRequest,
    UserModel,
    cancel_reason,
)
from advanced_workflow.workflows.errors import InputInvalid, InvalidDecision, UnknownStep
from advanced_workflow.workflows.plain.text import markdown

if TYPE_CHECKING:
    from advanced_workflow.workflows.contract.definition_answer import DefinitionAnswer
    from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow

ANSWER_TIMEOUT = timedelta(seconds=10)
"""How long a query or an update waits for a worker."""


class Replacement(TypedDict, total=False):
    """What may be said beside the step when skipping it."""

    output: JsonValue
    """What the step gives to those after it, null too; without it they find no output."""
    by: str | None


class DecisionFields(TypedDict, total=False):
    """What may be said beside the step when deciding an approval; see `advanced_workflow.workflows.contract.Decision`."""

    approver: str
    comment: str | None
    form: JsonValue
    digest: str | None
    decision_id: str | None
    groups: list[str]
    token: str | None


async def start(
    client: Client,
    workflow: str | AdvancedWorkflow,
    input_data: JsonValue = None,
    *,
    id: str | None = None,
    options: ExecutionOptions | None = None,
    task_queue: str | None = None,
    id_reuse_policy: WorkflowIDReusePolicy = WorkflowIDReusePolicy.ALLOW_DUPLICATE,
    settings: Settings | None = None,
) -> Run:
    """Start a run of a registered definition or of a definition given here.

    A registered one is named by its `workflow_id`, which takes the highest version, or as `ID@VERSION`, which says the same as
    `options.version`.

    `id` is the run's name, unique among running ones; without it one is made. The run belongs to `options.started_by`,
    by default the current user. The Web UI shows the definition's name, where its text is at hand: given, or in `settings.definitions`.

    Raises:
        RunExists: a run of that id is running (or has run, where `id_reuse_policy` forbids that).
        DataInvalid, PayloadTooLarge: the data cannot be sent; nothing was started.
        InputInvalid: two versions are named; nothing was started.
    """
    # Loads what reads definitions, which nobody needs who only asks a run.
    from advanced_workflow.client.shown_names import name_of

    settings = settings or load_settings()
    options = options or ExecutionOptions()
    if isinstance(workflow, str):
        workflow, options = _version_apart(workflow, options)
    if options.started_by is None:
        options = options.model_copy(update={"started_by": settings.user})
    workflow_type = workflow if isinstance(workflow, str) else AD_HOC_WORKFLOW_TYPE
    name = workflow if isinstance(workflow, str) else workflow.workflow_id
    id = id or f"{name}-{uuid4().hex[:12]}"
    label = await asyncio.to_thread(name_of, workflow, settings) if isinstance(workflow, str) else workflow.label
    async with translated_errors(id, "start"):
        try:
            handle: WorkflowHandle[Any, Any] = await client.start_workflow(
                workflow_type,
                args=start_arguments(workflow, input_data, options, payload_limit(client)),
                id=id,
                task_queue=task_queue or settings.task_queue,
                id_reuse_policy=id_reuse_policy,
                static_summary=None if label is None else markdown(label),
            )
        except WorkflowAlreadyStartedError as error:
            raise RunExists(await _exists(client, id)) from error
    return Run(client, handle, settings.user)


def _version_apart(name: str, options: ExecutionOptions) -> tuple[str, ExecutionOptions]:
    from advanced_workflow.workflows.definition.versions import split_name

    workflow_id, version = split_name(name)
    if version is None:
        return workflow_id, options
    if options.version not in (None, version):
        raise InputInvalid(
            f"{name!r} names version {version!r}, and the options {options.version!r}; name one of them."
        )
    return workflow_id, options.model_copy(update={"version": version})


async def _exists(client: Client, id: str) -> str:
    async with translated_errors(id, "describe"):
        known = summarize((await describe(client, id, None)).workflow_execution_info)
    if known.close_time is None:
        return f"run {id!r} exists already; 'adw show {id}' shows it, another id starts a new one."
    return (
        f"run {id!r} has ended already ({known.status}); 'adw show {id}' shows it, another id starts a new one, and '--again' starts one "
        "under the same id."
    )


def get_run(client: Client, id: str, *, run_id: str | None = None, user: str | None = None) -> Run:
    """A run by its id; the server is not asked. Without `run_id` it is the latest run of that id."""
    return Run(client, client.get_workflow_handle(id, run_id=run_id), user or current_user())


@dataclass(frozen=True)
class Run:
    """One run. Its calls raise `RunNotFound`, `NoAnswer` (no worker within 10 s), or the run's own typed refusals.

    Updates (`approve`, `pause`, ...) return when the run has recorded them. `user` is who acts where a call names nobody.
    """

    client: Client
    handle: WorkflowHandle[Any, Any]
    user: str

    @property
    def id(self) -> str:
        """The run's name; Temporal's workflow id."""
        return self.handle.id

    @property
    def run_id(self) -> str | None:
        """Temporal's own id of this execution, where it is known."""
        return self.handle.run_id or self.handle.first_execution_run_id

    @property
    def asked(self) -> WorkflowHandle[Any, Any]:
        """The run to ask: one that the server lets nobody ask, and that has ended, answers from its history."""
        return reads_histories(self.client).get_workflow_handle(self.id, run_id=self.handle.run_id)

    async def result(self) -> RunResult:
        """Wait for the end.

        Raises:
            RunFailed: it did not complete; `failure_type` and `result` tell why and what was undone.
            RunCancelled: it was cancelled.
        """
        async with translated_errors(self.id, "result"):
            try:
                answer: object = await self.handle.result()
            except WorkflowFailureError as error:
                raise run_failure(error, self.id) from error
        return read_answer(RunResult, answer, self.id)

    async def summary(self) -> RunSummary:
        """What the server knows, without asking a worker."""
        async with translated_errors(self.id, "describe"):
            return summarize((await describe(self.client, self.id, self.handle.run_id)).workflow_execution_info)

    async def attempts(self) -> dict[str, Attempt]:
        """Actions now pending, by step path; needs no worker."""
        async with translated_errors(self.id, "describe"):
            return await read_attempts(self.client, await describe(self.client, self.id, self.handle.run_id))

    async def state(self, step_id: str | None = None, *, include_data: bool = True) -> RunState:
        """The step records, variables, rejected decisions and audit trail; of one step when `step_id` (or path) is given."""
        request = request_of(StateRequest, QUERY_STATE, {"step_id": step_id, "include_data": include_data})
        return read_answer(RunState, await self._query(QUERY_STATE, request), self.id)

    async def progress(self) -> Progress:
        """Counts of steps by status, one sentence for each that waits, and how far each agent is, with its model's last words."""
        progress = read_answer(Progress, await self._query(QUERY_PROGRESS), self.id)
        if not progress.agents:
            return progress
        words = {one.progress.agent: one.progress.last for one in (await self.attempts()).values() if one.progress}
        agents = [one.model_copy(update={"last": words.get(one.path, "")}) for one in progress.agents]
        return progress.model_copy(update={"agents": agents})

    async def pending_approvals(self) -> list[PendingApproval]:
        """The approvals the run waits for, each with what is approved and its digest."""
        answer = await self._query(QUERY_PENDING_APPROVALS)
        return [read_answer(PendingApproval, approval, self.id) for approval in answer]

    async def definition(self) -> DefinitionAnswer:
        """The definition this run was pinned to, and its sha256."""
        # Much to load, and few ask.
        from advanced_workflow.workflows.contract.definition_answer import DefinitionAnswer

        return read_answer(DefinitionAnswer, await self._query(QUERY_DEFINITION), self.id)

    async def conversation(self, agent: str) -> list[ChatMessage]:
        """What was said so far in an agent, by its step's path; of one that has ended the run may have let it go.

        Raises:
            UnknownStep: no such agent is known.
        """
        return [ChatMessage.model_validate(one) for one in (await self.whole_conversation(agent)).messages]

    async def whole_conversation(self, agent: str) -> ConversationPart:
        """The same as it was sent, with what stands before it: instructions and tools. Raises as `conversation` does."""
        part = await self._part_of_conversation(agent, 0)
        messages = list(part.messages)
        while len(messages) < part.length:
            more = (await self._part_of_conversation(agent, len(messages))).messages
            if not more:
                break
            messages += more
        return part.model_copy(update={"messages": messages})

    async def _part_of_conversation(self, agent: str, begin: int) -> ConversationPart:
        asked = request_of(
            ConversationRequest, QUERY_CONVERSATION, {"agent": agent, "begin": begin, "head": begin == 0}
        )
        async with translated_errors(self.id, QUERY_CONVERSATION):
            answer: object = await self.asked.query(
                QUERY_CONVERSATION, asked.model_dump(mode="json"), rpc_timeout=ANSWER_TIMEOUT
            )
        part = read_answer(ConversationPart, answer, self.id)
        if not part.found:
            raise UnknownStep(f"run {self.id!r} has no conversation of an agent {agent!r}; 'adw show' lists its steps.")
        return part

    async def approve(self, step_id: str | PendingApproval, **fields: Unpack[DecisionFields]) -> DecisionReceipt:
        """Approve a step, as the current user unless `approver` is given; of `pending_approvals` exactly that asking.

        Raises:
            DecisionRejected: one of its kinds (`NotAnApprover`, `AlreadyDecided`, ...) when it cannot count.
        """
        return await self.decide(self._decision("approve", step_id, fields))

    async def reject(self, step_id: str | PendingApproval, **fields: Unpack[DecisionFields]) -> DecisionReceipt:
        """Reject a step; raises as `approve` does."""
        return await self.decide(self._decision("reject", step_id, fields))

    async def decide(self, request: DecideRequest) -> DecisionReceipt:
        """Send a decision and wait until the run has counted or refused it."""
        return read_answer(DecisionReceipt, await self._update(UPDATE_DECIDE, request), self.id)

    async def signal_approval(self, step_id: str | PendingApproval, **fields: Unpack[DecisionFields]) -> None:
        """Approve by signal: needs no worker now; a refusal shows only in `state().rejected_decisions`."""
        await self._signal_decision(SIGNAL_APPROVE, self._decision("approve", step_id, fields))

    async def signal_rejection(self, step_id: str | PendingApproval, **fields: Unpack[DecisionFields]) -> None:
        """Reject by signal; see `signal_approval`."""
        await self._signal_decision(SIGNAL_REJECT, self._decision("reject", step_id, fields))

    async def send_event(self, event: str, data: JsonValue = None, *, event_id: str | None = None) -> None:
        """Send the event a `wait` step waits for; it is kept until consumed, and one `event_id` counts once."""
        message = {"event": event, "data": data, "event_id": event_id}
        await self._signal(SIGNAL_EVENT, request_of(EventMessage, SIGNAL_EVENT, message))

    async def pause(self, reason: str, *, by: str | None = None) -> None:
        """Start nothing more until `resume`, from the moment this returns.

        What runs continues: actions with their own attempts, children, waits, approvals, and a `rollback` step that has begun.
        """
        await self._operate(UPDATE_PAUSE, OperatorRequest, by, reason=reason)

    async def resume(self, reason: str, *, by: str | None = None) -> None:
        """Continue after `pause` or after a failure with `on_failure: pause`."""
        await self._operate(UPDATE_RESUME, OperatorRequest, by, reason=reason)

    async def retry_step(self, step_id: str, reason: str, *, by: str | None = None) -> None:
        """Run a failed step that holds the run again; `output` is the run's own output, which is built again."""
        await self._operate(UPDATE_RETRY, StepRequest, by, step_id=step_id, reason=reason)

    async def skip_step(self, step_id: str, reason: str, **replaced: Unpack[Replacement]) -> None:
        """Continue without a step that failed and holds the run, waits, or has not begun, with an output in its place or none.

        For the run's own output, which holds the run under the name `output`, the output is needed.
        """
        given = {"output": replaced["output"]} if "output" in replaced else {}
        await self._operate(UPDATE_SKIP, SkipRequest, replaced.get("by"), step_id=step_id, reason=reason, **given)

    async def cancel(self, reason: str = "", *, by: str | None = None) -> None:
        """Ask the run to stop and undo what it did; `result` tells when that is done. A closed run is left as it is.

        Who and why are kept in the audit trail, of the run's children too.
        """
        said = cancel_reason(by or self.user, reason)
        async with translated_errors(self.id, "cancel"):
            await self.handle.cancel(reason=said)

    def _decision(self, decision: str, step_id: str | PendingApproval, fields: DecisionFields) -> DecideRequest:
        given: dict[str, object] = {"approver": self.user, **fields}
        if isinstance(step_id, PendingApproval):
            given = {"digest": step_id.digest, **given}
        # Whatever a caller gives in its place is not printed.
        name = cast("object", step_id.path if isinstance(step_id, PendingApproval) else step_id)
        given |= {"step_id": name, "decision": decision}
        operation = f"{decision} {name!r}" if isinstance(name, str) else decision
        return request_of(DecideRequest, operation, given, InvalidDecision)

    async def _query(self, name: str, request: UserModel | None = None) -> Any:  # noqa: ANN401 - the raw answer
        arguments = [request.model_dump(mode="json")] if request else []
        async with translated_errors(self.id, name):
            return await self.asked.query(name, args=arguments, rpc_timeout=ANSWER_TIMEOUT)

    async def _update(self, name: str, request: UserModel) -> Any:  # noqa: ANN401 - the raw answer
        argument = message_of(request, name, payload_limit(self.client))
        # The SDK asks again after each call that timed out, so the whole is bounded here.
        async with translated_errors(self.id, name), asyncio.timeout(ANSWER_TIMEOUT.total_seconds()):
            return await self.handle.execute_update(name, argument)  # pyright: ignore[reportUnknownMemberType]

    async def _operate(self, name: str, model: type[OperatorRequest], by: str | None, **given: object) -> None:
        await self._update(name, request_of(model, name, {"by": by or self.user, **given}))

    async def _signal(self, name: str, request: UserModel) -> None:
        argument = message_of(request, name, payload_limit(self.client))
        async with translated_errors(self.id, name):
            await self.handle.signal(name, argument)

    async def _signal_decision(self, name: str, request: DecideRequest) -> None:
        argument = message_of(request, name, payload_limit(self.client))
        del argument["decision"]  # the signal's name says it
        async with translated_errors(self.id, name):
            await self.handle.signal(name, argument)
