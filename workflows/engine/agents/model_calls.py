"""Calls of models: each an activity with the step's own retries, and the next model where one fails for good."""

from __future__ import annotations

import asyncio

from pydantic import ValidationError
from temporalio.common import RawValue
from temporalio.exceptions import FailureError

from advanced_workflow.workflows.contract import (
    MODEL_ACTIVITY,
    ChatMessage,
    ConversationView,
    Json,
    ModelAnswer,
    ModelFailure,
    ModelRequest,
)
from advanced_workflow.workflows.contract.paths import StepPath, copy_key, turn_name, turn_of
from advanced_workflow.workflows.definition.kinds.react import RESERVED_TOOL, Agent
from advanced_workflow.workflows.engine.actions.calls import ActionCall, call_action, forget_attempts
from advanced_workflow.workflows.engine.agents.conversation import Conversation
from advanced_workflow.workflows.engine.step.context import StepContext
from advanced_workflow.workflows.engine.step.failures import StepFailure, failure_of, failure_of_activity
from advanced_workflow.workflows.engine.temporal.payloads import encode
from advanced_workflow.workflows.engine.temporal.quiet import is_being_cancelled
from advanced_workflow.workflows.errors import DataInvalid, StorageFailed
from advanced_workflow.workflows.plain.misfits import places

_SAME_FOR_ALL = frozenset({ModelFailure.CONVERSATION_UNAVAILABLE.value, ModelFailure.CONVERSATION_MISMATCH.value})
"""Failures that another model would meet too."""


SUMMARY = "summary"
"""The name in paths of the calls that sum a conversation up."""


class ModelCalls:
    """Asks the models of one agent."""

    def __init__(self, step: StepContext, agent: Agent, conversation: Conversation) -> None:
        """`conversation` is what they are asked about."""
        self._step = step
        self._agent = agent
        self._conversation = conversation

    async def ask(
        self, turn: int, *, answer_only: bool, view: ConversationView, name: str = RESERVED_TOOL
    ) -> ModelAnswer:
        """Ask the agent's model, and those after it where it fails for good. Raises the last one's `StepFailure`.

        `name` is how the paths of the calls end.
        """
        models = self._agent.models
        for number, model in enumerate(models[:-1]):
            path = self._path(turn, name, number)
            try:
                return await self._ask_one(path, model, answer_only=answer_only, view=view, is_last=False)
            except StepFailure as failure:
                forget_attempts(self._step)
                if failure.error.type in _SAME_FOR_ALL:
                    raise
                self._step.record.notes.setdefault("failed_models", {})[model] = failure.error.type
        path = self._path(turn, name, len(models) - 1)
        return await self._ask_one(path, models[-1], answer_only=answer_only, view=view, is_last=True)

    def _path(self, turn: int, name: str, number: int) -> StepPath:
        return StepPath(f"{self._step.path}{copy_key(turn)}.{name}{f'#{number}' if number else ''}")

    async def _ask_one(
        self, path: StepPath, model: str, *, answer_only: bool, view: ConversationView, is_last: bool
    ) -> ModelAnswer:
        turn = turn_of(path)

        async def build() -> list[RawValue]:
            request = self._request(turn, model, answer_only=answer_only, view=view)
            return [encode(request, "the model call", self._step.run.prepared.payload_limit)]

        summary = f"{turn_name(path)}: {model}"
        call = ActionCall(self._step, MODEL_ACTIVITY, path, build, self._step.begin, summary, model, not is_last)
        try:
            return _answer(await call_action(call))
        except FailureError as error:
            failure = failure_of_activity(error, f"{MODEL_ACTIVITY} of {model}", call.waited)
            if is_being_cancelled():
                raise asyncio.CancelledError from failure
            raise failure from error
        except (DataInvalid, StorageFailed) as error:
            raise failure_of(error) from error

    def _request(self, turn: int, model: str, *, answer_only: bool, view: ConversationView) -> dict[str, Json]:
        talk = self._conversation
        newest = talk.newest()
        return ModelRequest(
            agent=self._step.path,
            turn=turn,
            model=model,
            settings=self._agent.model_settings.model_dump(mode="json", exclude_none=True),
            head_digest=talk.head_digest,
            head=talk.small_head() if len(talk.messages) == 1 else None,
            length=len(talk.messages),
            digest=talk.digest,
            newest=newest,
            answer_only=answer_only,
            view=view,
        ).model_dump(mode="json", exclude_defaults=True)


def _answer(value: Json) -> ModelAnswer:
    try:
        answer = ModelAnswer.model_validate(value)
        ChatMessage.model_validate(answer.message)  # It is kept as it came, and read again piece by piece.
    except ValidationError as error:
        raise DataInvalid(f"the answer of {MODEL_ACTIVITY!r} is not one: {places(error)}.") from None
    return answer
