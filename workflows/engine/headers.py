"""Headers an activity gets beside its input, handed from the engine to the worker's interceptor.

This module is passed through the sandbox, so that the engine inside and the interceptor outside see one variable.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field

from temporalio.api.common.v1 import Payload
from temporalio.worker import (
    Interceptor,
    StartActivityInput,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
    WorkflowOutboundInterceptor,
)
from temporalio.workflow import ActivityHandle


@dataclass(frozen=True, slots=True)
class ActivityHeaders:
    """Headers of the activity that is being scheduled."""

    values: dict[str, Payload] = field(default_factory=dict)


activity_headers: ContextVar[ActivityHeaders | None] = ContextVar("activity_headers", default=None)


class _Outbound(WorkflowOutboundInterceptor):
    def start_activity(self, input: StartActivityInput) -> ActivityHandle[object]:
        headers = activity_headers.get()
        if headers is not None:
            input.headers = {**input.headers, **headers.values}
        return super().start_activity(input)


class _Inbound(WorkflowInboundInterceptor):
    def init(self, outbound: WorkflowOutboundInterceptor) -> None:
        super().init(_Outbound(outbound))


class HeaderInterceptor(Interceptor):
    """Adds the engine's headers to activities; every worker that runs definitions needs it."""

    def workflow_interceptor_class(self, input: WorkflowInterceptorClassInput) -> type[WorkflowInboundInterceptor]:
        """Give the class the SDK makes for each run."""
        del input
        return _Inbound
