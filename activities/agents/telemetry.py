"""What a model call tells of itself: a span and metrics by the conventions for generative AI, never what was said.

The conventions are in development, so that their names are all here and in `advanced_workflow.workflows.contract`. The names of metrics are
as Prometheus writes them.
"""

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
from advanced_workflow.activities.agents.endpoints import Target
from advanced_workflow.workflows.contract import (
    MODEL_FIRST_SECONDS,
    MODEL_SECONDS,
    MODEL_TOKENS,
    ModelAnswer,
    ModelRequest,
)
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
    began: float = field(default_factory=time.monotonic)
    first: float | None = None
    """Seconds until the first piece."""

    def piece(self) -> None:
        """A piece has come."""
        if self.first is None:
            self.first = time.monotonic() - self.began

    def answered(self, answer: ModelAnswer) -> None:
        """The answer is whole."""
        usage = answer.usage
        found: Attributes = {
            "gen_ai.response.model": answer.model,
            "gen_ai.response.finish_reasons": (answer.finish_reason.value,),
            "gen_ai.usage.input_tokens": usage.input_tokens,
            "gen_ai.usage.output_tokens": usage.output_tokens,
            "gen_ai.usage.cache_read.input_tokens": usage.cached_tokens,
        }
        self.span.set_attributes(found)
        tokens = activity.metric_meter().create_histogram(MODEL_TOKENS, "Tokens of model calls, by kind.")
        for kind, count in (("input", usage.input_tokens), ("output", usage.output_tokens)):
            tokens.record(count, {**self.labels, "gen_ai_token_type": kind})

    def ended(self, error: str | None) -> None:
        """The call has ended, with this type of failure or without one."""
        meter = activity.metric_meter()
        labels = {**self.labels, **({"error_type": error} if error else {})}
        seconds = meter.create_histogram_float(MODEL_SECONDS, "Duration of model calls.", "s")
        seconds.record(time.monotonic() - self.began, labels)
        if self.first is not None:
            first = meter.create_histogram_float(MODEL_FIRST_SECONDS, "Until the first piece of an answer.", "s")
            first.record(self.first, labels)
        if error:
            self.span.set_status(StatusCode.ERROR, error)
            self.span.set_attribute("error.type", error)


@contextmanager
def measured(tracer: Tracer, wanted: ModelRequest, target: Target | None) -> Generator[Measured]:
    """Measure a call; `target` is None for a scripted model."""
    provider = SCRIPTED if target is None else target.provider
    name = target.model if target else wanted.model.partition(":")[2]
    with tracer.start_as_current_span(
        f"chat {name}",
        kind=SpanKind.CLIENT,
        attributes={
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": provider,
            "gen_ai.request.model": name,
            "gen_ai.agent.name": wanted.agent,
            "gen_ai.conversation.id": f"{idempotency_key().partition(':')[0]}:{wanted.agent}",
            "adw.agent.turn": wanted.turn,
            **_of_settings(wanted),
            **_of_endpoint(target),
        },
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        labels = {
            "gen_ai_operation_name": "chat",
            "gen_ai_provider_name": provider,
            "gen_ai_request_model": wanted.model,
        }
        call = Measured(span, labels)
        try:
            yield call
        except BaseException as error:
            call.ended((error.type if isinstance(error, ApplicationError) else None) or type(error).__name__)
            raise
        call.ended(None)


def _of_settings(wanted: ModelRequest) -> Attributes:
    return {
        f"gen_ai.request.{name}": value
        for name in _SETTINGS
        if isinstance(value := wanted.settings.get(name), int | float)
    }


def _of_endpoint(target: Target | None) -> Attributes:
    if target is None or target.endpoint is None:
        return {}
    parts = urlsplit(target.endpoint.base_url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return {"server.address": parts.hostname or "", "server.port": port}
