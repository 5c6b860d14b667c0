"""What was said, as spans tell it where the operator wants that: in the conventions' form, cut, and without secret fields."""

from __future__ import annotations

import json
from collections.abc import Mapping

from advanced_workflow.activities.agents.pieces import Asked
from advanced_workflow.workflows.contract import ChatMessage, Json, ModelAnswer, gen_ai
from advanced_workflow.workflows.definition.model.base import Schema
from advanced_workflow.workflows.definition.schema.secret_fields import has_secrets, without_secrets
from advanced_workflow.workflows.plain.text import shortened

_LONGEST = 4_000
"""Characters of one text."""
_ROOM = 16_000
"""Of the messages in one span: a collector takes 4 MB of many spans at once. The newest are told."""


def input_content(asked: Asked) -> dict[str, str]:
    """The attributes of a request."""
    schemas = _schemas(asked)
    said: list[Json] = []
    room = _ROOM
    for message in reversed(asked.messages):
        one = _message(message, schemas)
        room -= len(_json(one))
        if room < 0 and said:
            break
        said.append(one)
    content = {gen_ai.INPUT_MESSAGES: _json(said[::-1])}
    if asked.head.instructions:
        content[gen_ai.INSTRUCTIONS] = _json([_text(asked.head.instructions)])
    return content


def output_content(asked: Asked, answer: ModelAnswer) -> dict[str, str]:
    """The attributes of an answer."""
    message = _message(ChatMessage.model_validate(answer.message), _schemas(asked))
    return {gen_ai.OUTPUT_MESSAGES: _json([{**message, "finish_reason": answer.finish_reason.value}])}


def _schemas(asked: Asked) -> dict[str, Schema]:
    return {one.name: one.parameters for one in asked.head.tools}


def _message(message: ChatMessage, schemas: Mapping[str, Schema]) -> dict[str, Json]:
    if message.role == "tool":
        response = shortened(message.content, _LONGEST)
        parts: list[Json] = [{"type": "tool_call_response", "id": message.tool_call_id, "response": response}]
    else:
        parts = [_text(message.content)] if message.content else []
    for call in message.tool_calls:
        schema = schemas.get(call.name, {})
        arguments: Json = shortened("" if has_secrets(schema) else call.text, _LONGEST)
        if not call.error:
            arguments = without_secrets(call.arguments, schema)
            if len(text := _json(arguments)) > _LONGEST:
                arguments = shortened(text, _LONGEST)
        parts.append({"type": "tool_call", "id": call.id, "name": call.name, "arguments": arguments})
    return {"role": message.role, "parts": parts}


def _text(content: str) -> Json:
    return {"type": "text", "content": shortened(content, _LONGEST)}


def _json(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)
