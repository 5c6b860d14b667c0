"""A model whose answers a test writes; it reads the conversation as a worker that has nothing in its cache."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError

from advanced_workflow.activities.action.decorator import action, action_of
from advanced_workflow.workflows.contract import (
    MODEL_ACTIVITY,
    QUERY_CONVERSATION,
    ConversationRequest,
    Json,
    ModelRequest,
)
from advanced_workflow.workflows.contract.conversation import chained, digest_of_head
from advanced_workflow.workflows.definition.check.catalog import ActionInfo

Script = Callable[[ModelRequest, list[dict[str, Json]]], Any]


def says(text: str, **more: Any) -> dict[str, Any]:
    """An answer without calls."""
    return _answer({"role": "assistant", "content": text}, "stop", **more)


def calls(*wanted: tuple[str, dict[str, Json]], **more: Any) -> dict[str, Any]:
    """An answer that asks for calls."""
    made = [{"id": f"c{number}", "name": name, "arguments": given} for number, (name, given) in enumerate(wanted)]
    return _answer({"role": "assistant", "tool_calls": made}, "tool_calls", **more)


def _answer(message: dict[str, Any], reason: str, **more: Any) -> dict[str, Any]:
    usage = {"input_tokens": more.pop("tokens", 10), "output_tokens": 5}
    return {"message": message, "finish_reason": more.pop("finish_reason", reason), "usage": usage, **more}


@dataclass
class Model:
    """Gives an answer a turn, the last one for ever; one that is an error is raised, and a function is asked."""

    answers: list[Any]
    requests: list[ModelRequest] = field(default_factory=list)
    conversations: list[list[dict[str, Json]]] = field(default_factory=list)
    head: dict[str, Json] | None = None

    @property
    def activity(self) -> Callable[..., Any]:
        @activity.defn(name=MODEL_ACTIVITY)
        async def model(request: Any) -> Any:
            return await self._answer(ModelRequest.model_validate(request))

        return model

    async def _answer(self, request: ModelRequest) -> Any:
        self.requests.append(request)
        messages = await self._conversation(request)
        self.conversations.append(messages)
        answer = self.answers[min(request.turn, len(self.answers)) - 1]
        if callable(answer):
            answer = answer(request, messages)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def _conversation(self, request: ModelRequest) -> list[dict[str, Json]]:
        """All of it, asked of the run: what came along must be its end."""
        info = activity.info()
        run = activity.client().get_workflow_handle(info.workflow_id or "", run_id=info.workflow_run_id)
        asked = ConversationRequest(agent=request.agent, head=True).model_dump(mode="json")
        part: Any = await run.query(QUERY_CONVERSATION, asked)
        self.head, messages = part["head"], part["messages"]
        assert request.head_digest == digest_of_head(part["head"])
        assert (request.length, request.digest) == (len(messages), chained(request.head_digest, messages))
        assert messages[len(messages) - len(request.newest) :] == request.newest
        return messages


def fails(code: str, *, final: bool = True) -> ApplicationError:
    return ApplicationError(f"the model says {code}", type=code, non_retryable=final)


def tools_catalog(functions: dict[str, Callable[..., Any]]) -> dict[str, ActionInfo]:
    """What a worker knows of its actions."""
    described = {name: action_of(action(name=name)(one)) for name, one in functions.items()}
    return {name: one.info() for name, one in described.items() if one is not None}
