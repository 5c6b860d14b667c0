"""Model calls without a server: the activity in an environment of its own, and the run played by the test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from advanced_workflow.activities.agents.calls import ModelCalls
from advanced_workflow.workflows.contract import (
    AgentHead,
    ChatMessage,
    ConversationPart,
    ConversationRequest,
    ModelAnswer,
    ModelRequest,
    RawMessage,
    ToolSchema,
)
from advanced_workflow.workflows.contract.conversation import chained, digest_of_head

SEARCH = ToolSchema(
    name="search_logs",
    description="Search the logs.",
    parameters={"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]},
)
HEAD = AgentHead(instructions="Find out.", tools=[SEARCH])


def user(text: str = "Why is it slow?") -> ChatMessage:
    return ChatMessage(role="user", content=text)


def result(content: str, call: str = "c", name: str = "search_logs", **more: Any) -> ChatMessage:
    return ChatMessage(role="tool", content=content, tool_call_id=call, name=name, **more)


@dataclass
class Conversation:
    """What a run would hold."""

    messages: Sequence[ChatMessage] = (user(),)
    head: AgentHead = field(default_factory=lambda: HEAD)

    @property
    def raw(self) -> list[RawMessage]:
        return [one.as_raw() for one in self.messages]

    def request(self, model: str, **fields: Any) -> dict[str, Any]:
        head = self.head.model_dump(mode="json", exclude_defaults=True)
        first = digest_of_head(head)
        request = ModelRequest(
            agent="look",
            turn=1,
            model=model,
            head_digest=first,
            head=head,
            length=len(self.raw),
            digest=chained(first, self.raw),
            newest=self.raw,
            **fields,
        )
        return request.model_dump(mode="json")


def environment(seconds: float = 60, **info: Any) -> ActivityEnvironment:
    made = ActivityEnvironment()
    made.info = replace(
        made.info,
        activity_id="look.model",
        start_to_close_timeout=timedelta(seconds=seconds),
        **{"workflow_type": "triage", **info},
    )
    return made


async def nobody(_: ConversationRequest) -> ConversationPart:
    raise AssertionError("the run was asked")


async def call(
    calls: ModelCalls, model: str, *messages: ChatMessage, env: ActivityEnvironment | None = None, **fields: Any
) -> ModelAnswer:
    request = Conversation(messages or (user(),)).request(model, **fields)
    return ModelAnswer.model_validate(await (env or environment()).run(calls.call, request))


async def failure(calls: ModelCalls, model: str, *messages: ChatMessage, **fields: Any) -> ApplicationError:
    with pytest.raises(ApplicationError) as caught:
        await call(calls, model, *messages, **fields)
    return caught.value
