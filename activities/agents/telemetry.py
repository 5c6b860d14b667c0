"""What a model call tells of itself: a span and metrics by the conventions for generative AI; what was said only where that is wanted."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeAlias
from urllib.parse import urlsplit

from opentelemetry.trace import NoOpTracer, Span, SpanKind, StatusCode, Tracer
from temporalio import activity
from temporalio.exceptions import ApplicationError

from advanced_workflow.activities.action.context import idempotency_key
from advanced_workflow.activities.agents.content import input_content, output_content
from advanced_workflow.activities.agents.endpoints import Target
from advanced_workflow.activities.agents.pieces import Asked
from advanced_workflow.workflows.contract import (
    ModelAnswer,
    ModelRequest,
    gen_ai,
)
from advanced_workflow.workflows.contract.paths import StepPath
from advanced_workflow.workflows.definition.kinds.react import SCRIPTED

Attributes: TypeAlias = "dict[str, str | int | float | tuple[str, ...]]"
NO_TRACER: Tracer = NoOpTracer()
_SETTINGS = ("temperature", "top_p", "max_tokens", "seed", "presence_penalty", "frequency_penalty")
"""Those that the conventions name, as a definition does."""


@dataclass(slots=True)
class Measured:
    """One call that is being measured."""

    span: Span
    labels: dict[str, str]
    with_content: bool = False
    """Whether the span tells what was said."""
    began: float = field(default_factory=time.monotonic)
    first: float | None = None
    """Seconds until the first piece."""

    def piece(self) -> None:
        """A piece has come."""
        if self.first is None:
            self.first = time.monotonic() - self.began

    def asked(self, asked: Asked) -> None:
        """The model is going to be asked this."""
        if self.with_content:
            self.span.set_attributes(input_content(asked))

    def answered(self, asked: Asked, answer: ModelAnswer) -> None:
        """The answer is whole."""
        if self.with_content:
            self.span.set_attributes(output_content(asked, answer))
        usage = answer.usage
        found: Attributes = {
            gen_ai.RESPONSE_MODEL: answer.model,
            gen_ai.FINISH_REASONS: (answer.finish_reason.value,),
            gen_ai.INPUT_TOKENS: usage.input_tokens,
            gen_ai.OUTPUT_TOKENS: usage.output_tokens,
            gen_ai.CACHED_TOKENS: usage.cached_tokens,
            gen_ai.REASONING_TOKENS: usage.reasoning_tokens,
        }
        if self.first is not None:
            found[gen_ai.TIME_TO_FIRST_CHUNK] = self.first
        self.span.set_attributes(found)
        tokens = activity.metric_meter().create_histogram(gen_ai.MODEL_TOKENS, "Tokens of model calls, by kind.")
        for kind, count in (("input", usage.input_tokens), ("output", usage.output_tokens)):
            tokens.record(count, {**self.labels, gen_ai.label(gen_ai.KIND_OF_TOKENS): kind})

    def ended(self, error: str | None) -> None:
        """The call has ended, with this type of failure or without one."""
        meter = activity.metric_meter()
        labels = {**self.labels, **({gen_ai.label(gen_ai.ERROR): error} if error else {})}
        seconds = meter.create_histogram_float(gen_ai.MODEL_SECONDS, "Duration of model calls.", "s")
        seconds.record(time.monotonic() - self.began, labels)
        if self.first is not None:
            first = meter.create_histogram_float(gen_ai.MODEL_FIRST_SECONDS, "Until the first piece of an answer.", "s")
            first.record(self.first, labels)
        if error:
            self.span.set_status(StatusCode.ERROR, error)
            self.span.set_attribute(gen_ai.ERROR, error)


@contextmanager
def measured(
    tracer: Tracer, wanted: ModelRequest, target: Target | None, *, content: bool = False
) -> Generator[Measured]:
    """Measure a call; `target` is None for a scripted model. With `content` the span tells what is said."""
    provider = SCRIPTED if target is None else target.provider
    name = target.model if target else wanted.model.partition(":")[2]
    with tracer.start_as_current_span(
        f"{gen_ai.CHAT} {name}",
        kind=SpanKind.CLIENT,
        attributes={
            gen_ai.OPERATION: gen_ai.CHAT,
            gen_ai.PROVIDER: provider,
            gen_ai.REQUEST_MODEL: name,
            gen_ai.AGENT_NAME: StepPath(wanted.agent).parts[-1].step_id,
            gen_ai.AGENT_ID: wanted.agent,
            gen_ai.CONVERSATION: gen_ai.conversation_id(idempotency_key().partition(":")[0], wanted.agent),
            gen_ai.TURN: wanted.turn,
            **_of_settings(wanted),
            **_of_endpoint(target),
        },
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        labels = {
            gen_ai.label(gen_ai.OPERATION): gen_ai.CHAT,
            gen_ai.label(gen_ai.PROVIDER): provider,
            gen_ai.label(gen_ai.REQUEST_MODEL): wanted.model,
        }
        call = Measured(span, labels, with_content=content and span.is_recording())
        try:
            yield call
        except BaseException as error:
            call.ended((error.type if isinstance(error, ApplicationError) else None) or type(error).__name__)
            raise
        call.ended(None)


def _of_settings(wanted: ModelRequest) -> Attributes:
    return {
        f"{gen_ai.REQUEST}{name}": value
        for name in _SETTINGS
        if isinstance(value := wanted.settings.get(name), int | float)
    }


def _of_endpoint(target: Target | None) -> Attributes:
    if target is None or target.endpoint is None:
        return {}
    parts = urlsplit(target.endpoint.base_url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return {"server.address": parts.hostname or "", "server.port": port}
