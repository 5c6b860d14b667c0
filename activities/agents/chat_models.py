"""Models by LangChain: the one module that knows its classes. It is imported where such a model is called, or before the worker polls."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import aclosing
from functools import partial
from typing import Any, cast

from langchain.chat_models import init_chat_model
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    HumanMessage,
    InvalidToolCall,
    SystemMessage,
    ToolMessage,
)
from langchain_core.messages import ToolCall as LangChainCall
from langchain_core.runnables import Runnable

from advanced_workflow.activities.agents.endpoints import Target
from advanced_workflow.activities.agents.pieces import Asked, CallPiece, Piece
from advanced_workflow.workflows.contract import ChatMessage, Json, ToolCall, Usage
from advanced_workflow.workflows.definition.model.model_settings import ModelSettings

_OPENAI = "openai"
_NO_KEY = "none"
"""For endpoints that need no key: LangChain would send them the one of another provider's variable."""
_REASONS = ("finish_reason", "stop_reason", "done_reason", "stopReason")
_NAMES = ("model_name", "model")
_PLAIN_BLOCKS = frozenset({"text", "tool_use", "tool_call", "tool_call_chunk", "input_json_delta", "function_call"})
_SCHEMA = "Your final answer is one JSON value that fits this JSON Schema, and nothing else around it:\n"


def answering(
    target: Target, key: str | None, settings: ModelSettings
) -> Callable[[Asked], AsyncGenerator[Piece, None]]:
    """What answers for a target."""
    return partial(pieces, made(target, key, settings), target.provider)


def made(target: Target, key: str | None, settings: ModelSettings) -> BaseChatModel:
    """A model of LangChain. Its own retries are off: each attempt is one of the activity."""
    more: dict[str, Any] = settings.model_dump(exclude_none=True)
    if "stop" in more:
        more["stop"] = list(more["stop"])
    if target.provider == _OPENAI:
        more |= {"use_responses_api": False, "stream_usage": True}
    if target.endpoint is not None:
        more |= {"base_url": target.endpoint.base_url, "api_key": key or _NO_KEY}
    return cast("BaseChatModel", init_chat_model(target.model, model_provider=target.provider, max_retries=0, **more))


async def pieces(model: BaseChatModel, provider: str, asked: Asked) -> AsyncGenerator[Piece, None]:
    """Ask, and give the answer as it comes."""
    whole: AIMessageChunk | None = None
    usage = Usage()
    answer = cast(
        "AsyncGenerator[AIMessage, None]", _bound(model, provider, asked).astream([*_messages(asked, provider)])
    )
    async with aclosing(answer) as messages:
        async for message in messages:
            usage = _more(usage, message)
            raw: Json = None
            if isinstance(message, AIMessageChunk) and isinstance(message.content, list):
                whole = message if whole is None else whole + message
                raw = _raw(whole, provider)
            yield Piece(
                text=message.text,
                calls=tuple(_calls(message)),
                finish_reason=_first(message.response_metadata, _REASONS),
                usage=usage if message.usage_metadata else None,
                model=_first(message.response_metadata, _NAMES),
                raw=raw,
            )


def _bound(model: BaseChatModel, provider: str, asked: Asked) -> Runnable[Any, Any]:
    tools = [{"type": "function", "function": one.model_dump(mode="json")} for one in asked.head.tools]
    if not tools:
        return model
    more: dict[str, Any] = {}
    if asked.answer_only:
        # Providers want to see the tools all the same, as the conversation has calls of them.
        more["tool_choice"] = {"type": "none"} if provider == "anthropic" else "none"
    elif not asked.head.parallel_tool_calls:
        more["parallel_tool_calls"] = False
    return model.bind_tools(tools, **more)


def _messages(asked: Asked, provider: str) -> Iterator[BaseMessage]:
    schema = asked.head.output_schema
    parts = [asked.head.instructions, _SCHEMA + json.dumps(schema, ensure_ascii=False) if schema else ""]
    instructions = "\n\n".join(part for part in parts if part)
    if instructions:
        yield SystemMessage(instructions)
    yield from (_message(one, provider) for one in asked.messages)


def _message(message: ChatMessage, provider: str) -> BaseMessage:
    match message.role:
        case "user":
            return HumanMessage(message.content)
        case "tool":
            return ToolMessage(
                content=message.content,
                tool_call_id=message.tool_call_id,
                name=message.name or None,
                status="error" if message.error else "success",
            )
        case "assistant":
            return AIMessage(
                _content(message, provider),
                tool_calls=[_call(one) for one in message.tool_calls if not one.error],
                invalid_tool_calls=[_invalid_call(one) for one in message.tool_calls if one.error],
            )


def _content(message: ChatMessage, provider: str) -> str | list[str | dict[Any, Any]]:
    """With what this provider wants to see again; another one, as a fallback may be, sees the text."""
    raw = message.raw
    if not isinstance(raw, dict) or cast("dict[str, Json]", raw).get("provider") != provider:
        return message.content
    blocks = cast("list[str | dict[Any, Any]]", raw["blocks"])
    return [*blocks, {"type": "text", "text": message.content}] if message.content else blocks


def _call(call: ToolCall) -> LangChainCall:
    return LangChainCall(name=call.name, args=call.arguments, id=call.id)


def _invalid_call(call: ToolCall) -> InvalidToolCall:
    return InvalidToolCall(type="invalid_tool_call", name=call.name, args=call.text, id=call.id, error=call.error)


def _calls(message: AIMessage) -> Iterator[CallPiece]:
    """The calls' parts as they came: LangChain's own `tool_calls` of a chunk are guesses at what they may become."""
    if isinstance(message, AIMessageChunk):
        for part in message.tool_call_chunks:
            yield CallPiece(part["index"], part["id"] or "", part["name"] or "", part["args"] or "")
        return
    for number, call in enumerate(message.tool_calls):
        yield CallPiece(number, call["id"] or "", call["name"], json.dumps(call["args"]))
    for number, call in enumerate(message.invalid_tool_calls, start=len(message.tool_calls)):
        yield CallPiece(number, call["id"] or "", call["name"] or "", call["args"] or "{")


def _raw(whole: AIMessageChunk, provider: str) -> Json:
    blocks = [one for one in whole.content if isinstance(one, dict) and one.get("type") not in _PLAIN_BLOCKS]
    return {"provider": provider, "blocks": blocks} if blocks else None


def _more(usage: Usage, message: AIMessage) -> Usage:
    """Pieces say what they add."""
    added = message.usage_metadata
    if added is None:
        return usage
    return Usage(
        input_tokens=usage.input_tokens + added["input_tokens"],
        output_tokens=usage.output_tokens + added["output_tokens"],
        cached_tokens=usage.cached_tokens + (added.get("input_token_details", {}).get("cache_read") or 0),
        reasoning_tokens=usage.reasoning_tokens + (added.get("output_token_details", {}).get("reasoning") or 0),
    )


def _first(metadata: Mapping[str, Any], names: tuple[str, ...]) -> str:
    return next((found for name in names if isinstance(found := metadata.get(name), str) and found), "")
