"""The activity that calls a model once: the conversation, the provider, and a whole answer or none."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeAlias, TypeVar

from opentelemetry.trace import Tracer
from pydantic import BaseModel, ValidationError
from temporalio import activity

from advanced_workflow.activities.action.heartbeat import beat, heartbeats
from advanced_workflow.activities.agents.assembly import Answer, Assembly
from advanced_workflow.activities.agents.chat import chat_model
from advanced_workflow.activities.agents.conversations import Conversations, Known
from advanced_workflow.activities.agents.endpoints import Endpoints, Target
from advanced_workflow.activities.agents.failures import ModelError
from advanced_workflow.activities.agents.keys import Keys
from advanced_workflow.activities.agents.loading import Ask, Loading
from advanced_workflow.activities.agents.pieces import Asked, Provider
from advanced_workflow.activities.agents.policy import ModelPolicy
from advanced_workflow.activities.agents.prices import Prices
from advanced_workflow.activities.agents.questions import Questions
from advanced_workflow.activities.agents.refusals import model_error_of
from advanced_workflow.activities.agents.scripted import Written, scripted
from advanced_workflow.activities.agents.shown import shown
from advanced_workflow.activities.agents.telemetry import NO_TRACER, Measured, measured
from advanced_workflow.workflows.contract import (
    MODEL_ACTIVITY,
    AgentHead,
    ModelAnswer,
    ModelFailure,
    ModelProgress,
    ModelRequest,
    RawHead,
    RawMessage,
    Usage,
)
from advanced_workflow.workflows.definition.kinds.react import SCRIPTED
from advanced_workflow.workflows.definition.model.model_settings import ModelSettings
from advanced_workflow.workflows.plain.misfits import places

BEAT_SECONDS = 1.0
"""Between two signs of life that say how far an answer is."""
LAST_CHARACTERS = 80
LONGEST_CALL = timedelta(minutes=10)
"""Where the step has no limit of its own."""

ChatModel: TypeAlias = Callable[[Target, str | None], Provider]
"""Makes the model of a target with its key."""
_M = TypeVar("_M", bound=BaseModel)


class ModelCalls:
    """The activity of one worker process, with what its operator says of models."""

    def __init__(
        self,
        endpoints: Endpoints | None = None,
        prices: Prices | None = None,
        scripts: Mapping[str, Written] | None = None,
        *,
        policy: ModelPolicy | None = None,
        ask: Ask | None = None,
        conversations: Conversations | None = None,
        chat: ChatModel = chat_model,
        tracer: Tracer = NO_TRACER,
        content: bool = False,
    ) -> None:
        """`policy` says which models may be called, `tracer` gets a span for each call, with `content` one that tells what was said; `ask` asks a run for its conversation; `chat` makes the models that are not scripted."""
        self._endpoints = endpoints or Endpoints()
        self._prices = prices or Prices()
        self._scripts = dict(scripts or {})
        self._policy = policy or ModelPolicy()
        self._loading = Loading(ask or Questions().ask, conversations)
        self._chat = chat
        self._tracer = tracer
        self._content = content

    @activity.defn(name=MODEL_ACTIVITY)
    async def call(self, request: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON; the model below checks it
        """Take a `ModelRequest`, give a `ModelAnswer`; failures are `ModelError`."""
        wanted = _read(ModelRequest, request, "the request")
        with heartbeats():
            called = self._called(wanted.model)
            name = (activity.info().namespace, activity.info().workflow_id or "", wanted.agent)
            head, known = await self._loading.load(name, wanted)
            with measured(self._tracer, wanted, called.target, content=self._content) as call:
                asked = _asked(wanted, head, known)
                call.asked(asked)
                answer = await called.answer(wanted, asked, call)
                call.answered(asked, answer)
            self._loading.answered(name, known, answer.message)
            return self._priced(answer, wanted.model).model_dump(mode="json", exclude_defaults=True)

    def _called(self, model: str) -> _Called:
        self._policy.require(model, activity.info().workflow_type or "")
        provider, _, name = model.partition(":")
        if provider == SCRIPTED:
            return _Called(scripted(name, self._scripts), Keys(None, None), model, None)
        target = self._endpoints.find(model)
        key = target.endpoint.read_key() if target.endpoint else None
        keys = Keys(target, key)
        try:
            return _Called(self._chat(target, key), keys, model, target)
        except Exception as error:
            raise _clean(error, keys, model) from None

    def _priced(self, answer: ModelAnswer, model: str) -> ModelAnswer:
        return answer.model_copy(update={"cost": self._prices.cost(model, answer.usage)})


@dataclass(frozen=True, slots=True)
class _Called:
    """One model that is being called."""

    provider: Provider
    keys: Keys
    model: str
    target: Target | None
    """None for a scripted model."""

    async def answer(self, wanted: ModelRequest, asked: Asked, call: Measured) -> ModelAnswer:
        """A whole answer, clean of keys."""
        info = activity.info()
        limit = info.start_to_close_timeout or info.schedule_to_close_timeout or LONGEST_CALL
        try:
            async with asyncio.timeout(limit.total_seconds()):
                return await self._cleaned(await self._streamed(wanted, asked, call), asked)
        except TimeoutError:
            late = f"model {self.model!r} gave no whole answer within {limit.total_seconds():g} s."
            raise ModelError(ModelFailure.UNAVAILABLE, late) from None
        except Exception as error:
            raise _clean(error, self.keys, self.model) from None

    async def _streamed(self, wanted: ModelRequest, asked: Asked, call: Measured) -> Answer:
        assembly = Assembly()
        loop = asyncio.get_running_loop()
        told = loop.time()
        if activity.info().heartbeat_details:  # What an attempt before this one said last is no word of this one.
            beat(self._progress(wanted, assembly).model_dump(mode="json"))
        async with aclosing(self.provider.stream(asked)) as pieces:
            async for piece in pieces:
                call.piece()
                assembly.add(piece)
                if loop.time() - told >= BEAT_SECONDS:
                    told = loop.time()
                    beat(self._progress(wanted, assembly).model_dump(mode="json"))
        return assembly.answer(calls_allowed=not asked.answer_only)

    def _progress(self, wanted: ModelRequest, assembly: Assembly) -> ModelProgress:
        # More than is shown, so that a key is seen that begins before it.
        ending = self.keys.hide(assembly.ending(LAST_CHARACTERS * 10))
        last = ending[-LAST_CHARACTERS:]
        return ModelProgress(
            agent=wanted.agent, turn=wanted.turn, model=wanted.model, tokens=assembly.pieces, last=last
        )

    async def _cleaned(self, answer: Answer, asked: Asked) -> ModelAnswer:
        raw: RawMessage = await self.keys.hide_in(answer.message.as_raw())
        return ModelAnswer(
            message=raw,
            finish_reason=answer.finish_reason,
            model=self.keys.hide(answer.model),
            usage=_counted(answer.usage, asked),
        )


def _asked(wanted: ModelRequest, head: RawHead, known: Known) -> Asked:
    return Asked(
        _read(AgentHead, head, "the head"),
        shown(known.messages, wanted.view),
        turn=1 + sum(one.get("role") == "assistant" for one in known.messages),
        settings=_read(ModelSettings, wanted.settings, "'model_settings'"),
        answer_only=wanted.answer_only,
    )


def _counted(usage: Usage, asked: Asked) -> Usage:
    if not usage.estimated:
        return usage
    size = len(asked.head.model_dump_json()) + sum(len(one.model_dump_json()) for one in asked.messages)
    return usage.model_copy(update={"input_tokens": size // 4})


def _clean(error: Exception, keys: Keys, model: str) -> ModelError:
    """The failure, without the error of the library: that may hold the key in more places than its text."""
    failure = model_error_of(error, model)
    return ModelError(
        failure.kind, keys.hide(failure.message), delay=failure.next_retry_delay, final=failure.non_retryable
    )


def _read(shape: type[_M], value: object, what: str) -> _M:
    try:
        return shape.model_validate(value)
    except ValidationError as error:
        raise ModelError(
            ModelFailure.REFUSED, f"{what} of the model call does not fit: {places(error, what)}."
        ) from None
