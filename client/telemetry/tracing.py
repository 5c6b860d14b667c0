"""OpenTelemetry traces: client -> run -> step -> attempt.

The run decides about its spans in `advanced_workflow.workflows.engine.monitoring.tracing`; here they become spans of OpenTelemetry, with the ids chosen
there, so that a span told twice is one span.
"""

from __future__ import annotations

import contextlib
import json
from contextvars import ContextVar
from functools import cache
from typing import Any

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from temporalio import activity
from temporalio.api.common.v1 import Payload
from temporalio.client import Interceptor as ClientInterceptor
from temporalio.client import OutboundInterceptor, StartWorkflowInput, WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
)
from temporalio.worker import Interceptor as WorkerInterceptor

from advanced_workflow.client.process_exit import before_exit
from advanced_workflow.workflows.contract import AD_HOC_WORKFLOW_TYPE
from advanced_workflow.workflows.engine.monitoring.tracing import IS_SAMPLED, RECORD_SPAN, TRACE_HEADER, FinishedSpan

DEFAULT_SERVICE = "advanced-workflow"
"""Service name of the spans where `OTEL_SERVICE_NAME` gives none."""
EXPORT_SECONDS = 3
"""How long one export is tried; a command waits no longer for a collector that does not answer."""

_PROPAGATOR = TraceContextTextMapPropagator()
_chosen: ContextVar[tuple[int, int] | None] = ContextVar("adw_chosen_span", default=None)


class TracingInterceptor(ClientInterceptor, WorkerInterceptor):
    """Traces what a client starts and what its workers run; given to a client, it serves the client's workers too."""

    def __init__(self, processor: SpanProcessor) -> None:
        """`processor` gets the spans. Sampling follows the caller's trace, then `OTEL_TRACES_SAMPLER`."""
        resource = Resource.create({SERVICE_NAME: DEFAULT_SERVICE}).merge(OTELResourceDetector().detect())
        self.provider = TracerProvider(resource=resource, id_generator=_ChosenIds())
        self.provider.add_span_processor(processor)
        self.tracer = self.provider.get_tracer("advanced_workflow")
        """For spans below those of attempts."""

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:
        """Wrap the client."""
        return _ClientOutbound(next, self)

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """Wrap the activity."""
        return _ActivityInbound(next, self)

    def workflow_interceptor_class(
        self, input: WorkflowInterceptorClassInput
    ) -> type[WorkflowInboundInterceptor] | None:
        """Give runs the functions they tell their spans with; they need no interceptor of their own."""
        functions = {RECORD_SPAN: self.record, IS_SAMPLED: self.is_sampled}
        input.unsafe_extern_functions.update(functions)  # pyright: ignore[reportUnknownMemberType]
        return None

    def is_sampled(self, trace_id: str) -> bool:
        """Whether a trace that begins with a run is kept; the same answer for the same id."""
        return self.provider.sampler.should_sample(None, int(trace_id, 16), "run").decision.is_sampled()

    def record(self, finished: FinishedSpan) -> None:
        """Turn a run's span into one of OpenTelemetry."""
        token = _chosen.set((int(finished.trace_id, 16), int(finished.span_id, 16)))
        try:
            span = self.tracer.start_span(
                finished.name,
                context=_below(finished.trace_id, finished.parent_id),
                kind=SpanKind.INTERNAL,
                attributes=finished.attributes,
                start_time=finished.start,
            )
        finally:
            _chosen.reset(token)
        for name, time, attributes in finished.events:
            span.add_event(name, attributes, time)
        if finished.error:
            span.set_status(StatusCode.ERROR, finished.error)
        span.end(finished.end)

    async def start_run(self, input: StartWorkflowInput, next: OutboundInterceptor) -> WorkflowHandle[Any, Any]:
        """Start a run below the caller's current span."""
        with self.tracer.start_as_current_span(
            f"start {_name_of(input)}",
            kind=SpanKind.CLIENT,
            attributes={"temporalWorkflowID": input.id, "adw.task_queue": input.task_queue},
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            input.headers = {**input.headers, TRACE_HEADER: _header()}
            try:
                return await next.start_workflow(input)
            except BaseException as error:
                _fail(span, error)
                raise

    async def run_attempt(self, input: ExecuteActivityInput, next: ActivityInboundInterceptor) -> object:
        """Run an attempt below the span of its step; one without a trace is left alone."""
        header = input.headers.get(TRACE_HEADER)
        if header is None:
            return await next.execute_activity(input)
        with self.tracer.start_as_current_span(
            activity.info().activity_type,
            context=_PROPAGATOR.extract(_carrier(header), Context()),
            kind=SpanKind.SERVER,
            attributes=_attempt_attributes(activity.info()),
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                return await next.execute_activity(input)
            except BaseException as error:
                _fail(span, error)
                raise


@cache
def otlp_tracing(endpoint: str) -> TracingInterceptor:
    """Trace to an OpenTelemetry collector (gRPC); `OTEL_EXPORTER_OTLP_HEADERS` may carry credentials. One for a process."""
    tracing = TracingInterceptor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint, timeout=EXPORT_SECONDS)))
    before_exit(tracing.provider.shutdown)
    return tracing


class _ChosenIds(RandomIdGenerator):
    """Random ids, but for the spans of runs."""

    def generate_span_id(self) -> int:
        chosen = _chosen.get()
        return super().generate_span_id() if chosen is None else chosen[1]

    def generate_trace_id(self) -> int:
        chosen = _chosen.get()
        return super().generate_trace_id() if chosen is None else chosen[0]


class _ClientOutbound(OutboundInterceptor):
    def __init__(self, next: OutboundInterceptor, tracing: TracingInterceptor) -> None:
        super().__init__(next)
        self._tracing = tracing

    async def start_workflow(self, input: StartWorkflowInput) -> WorkflowHandle[Any, Any]:
        return await self._tracing.start_run(input, self.next)


class _ActivityInbound(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, tracing: TracingInterceptor) -> None:
        super().__init__(next)
        self._tracing = tracing

    async def execute_activity(self, input: ExecuteActivityInput) -> object:
        return await self._tracing.run_attempt(input, self.next)


def _name_of(input: StartWorkflowInput) -> str:
    """The definition's name: the workflow type, or what comes with the argument of an ad-hoc run."""
    if input.workflow == AD_HOC_WORKFLOW_TYPE:
        with contextlib.suppress(LookupError, TypeError):  # what does not fit is the run's to refuse
            return str(input.args[0]["workflow"]["workflow_id"])
    return input.workflow


def _header() -> Payload:
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier)
    return Payload(metadata={"encoding": b"json/plain"}, data=json.dumps(carrier).encode())


def _carrier(header: Payload) -> dict[str, str]:
    try:
        return {str(name): str(value) for name, value in json.loads(header.data).items()}
    except (ValueError, AttributeError):  # another client's header of another shape must not fail the action
        return {}


def _below(trace_id: str, parent_id: str | None) -> Context:
    if parent_id is None:
        return Context()
    parent = SpanContext(
        int(trace_id, 16), int(parent_id, 16), is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED)
    )
    return set_span_in_context(NonRecordingSpan(parent), Context())


def _attempt_attributes(info: activity.Info) -> dict[str, str | int]:
    return {
        "adw.path": info.activity_id,
        "adw.action": info.activity_type,
        "adw.attempt": info.attempt,
        "adw.task_queue": info.task_queue,
        "temporalActivityID": info.activity_id,
        "temporalWorkflowID": info.workflow_id or "",
        "temporalRunID": info.workflow_run_id or "",
    }


def _fail(span: Span, error: BaseException) -> None:
    """Mark a span as failed, by the error's type alone."""
    name = error.type if isinstance(error, ApplicationError) and error.type else type(error).__name__
    span.set_status(StatusCode.ERROR, name)
