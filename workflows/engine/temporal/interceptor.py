"""What the engine hands to Temporal beside commands: headers of activities, and the details people see.

This module is passed through the sandbox, so that the engine inside and the interceptor outside see one variable.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from temporalio import workflow
from temporalio.api.common.v1 import Payload
from temporalio.api.sdk.v1 import WorkflowDefinition, WorkflowMetadata
from temporalio.worker import (
    HandleQueryInput,
    Interceptor,
    StartActivityInput,
    StartLocalActivityInput,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
    WorkflowOutboundInterceptor,
)
from temporalio.workflow import ActivityHandle

from advanced_workflow.workflows.plain.text import encodable


@dataclass(frozen=True, slots=True)
class ActivityHeaders:
    """Headers of the activity that is being scheduled."""

    values: dict[str, Payload] = field(default_factory=dict)


activity_headers: ContextVar[ActivityHeaders | None] = ContextVar("activity_headers", default=None)


class _Outbound(WorkflowOutboundInterceptor):
    def start_activity(self, input: StartActivityInput) -> ActivityHandle[object]:
        input.headers = _with_own(input.headers)
        return super().start_activity(input)

    def start_local_activity(self, input: StartLocalActivityInput) -> ActivityHandle[object]:
        input.headers = _with_own(input.headers)
        return super().start_local_activity(input)


def _with_own(headers: Mapping[str, Payload]) -> Mapping[str, Payload]:
    own = activity_headers.get()
    return headers if own is None else {**headers, **own.values}


class _Inbound(WorkflowInboundInterceptor):
    def init(self, outbound: WorkflowOutboundInterceptor) -> None:
        super().init(_Outbound(outbound))

    async def handle_query(self, input: HandleQueryInput) -> object:
        answer: object = await super().handle_query(input)
        # Details that are built when somebody looks cost a running step nothing.
        if isinstance(answer, WorkflowMetadata) and isinstance(detailed := workflow.instance(), Detailed):
            answer.current_details = encodable(detailed.current_details())
            detailed.describe(answer.definition)
        return answer


@runtime_checkable
class Detailed(Protocol):
    """A workflow class that can say how it stands, and what it can be told."""

    def current_details(self) -> str:
        """Markdown for the Web UI's current details."""
        ...

    def describe(self, definition: WorkflowDefinition) -> None:
        """Put the messages it takes into the definition that the Web UI shows forms for."""
        ...


class EngineInterceptor(Interceptor):
    """Adds the engine's headers to activities and its details to runs; every worker that runs definitions needs it."""

    def workflow_interceptor_class(self, input: WorkflowInterceptorClassInput) -> type[WorkflowInboundInterceptor]:
        """Give the class the SDK makes for each run."""
        del input
        return _Inbound
