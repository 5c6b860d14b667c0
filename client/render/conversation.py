"""What was said in an agent, as people read it; secret fields of calls are left out."""

from __future__ import annotations

import json
from collections.abc import Iterator

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from advanced_workflow.workflows.contract import AgentHead, ChatMessage, ConversationPart, ModelProgress, ToolCall
from advanced_workflow.workflows.definition.model.base import Schema
from advanced_workflow.workflows.definition.schema.secret_fields import has_secrets, without_secrets
from advanced_workflow.workflows.plain.text import visible_lines

_STYLES = {"user": "bold", "assistant": "bold cyan", "tool": "green"}


def print_conversation(console: Console, said: ConversationPart, now: ModelProgress | None = None) -> None:
    """Print each message under the name of who said it, an answer with its turn; `now` is the answer that is under way."""
    head = AgentHead.model_validate(said.head or {})
    schemas = {one.name: one.parameters for one in head.tools}
    messages = [ChatMessage.model_validate(one) for one in said.messages]
    turn = said.turns - sum(one.role == "assistant" for one in messages)
    if head.instructions:
        _print(console, "instructions", "dim", visible_lines(head.instructions).splitlines())
    for message in messages:
        turn += message.role == "assistant"
        _print(console, _title(message, turn), _style(message), _lines(message, schemas))
    if now is not None:
        words = visible_lines(now.last).splitlines()
        _print(console, f"assistant, turn {now.turn}, answers now ({now.tokens} pieces so far)", "cyan", words)


def _print(console: Console, title: str, style: str, lines: Iterator[str] | list[str]) -> None:
    console.print(Text(title, style=style))
    for line in lines:
        if console.is_terminal:
            console.print(Padding(Text(line), (0, 0, 0, 2)))
        else:
            console.print(Text(f"  {line}"), soft_wrap=True)


def _title(message: ChatMessage, turn: int) -> str:
    if message.role == "assistant":
        return f"assistant, turn {turn}"
    return visible_lines(f"{message.role} {message.name}".strip()) + (" (failed)" if message.error else "")


def _style(message: ChatMessage) -> str:
    return "red" if message.error else _STYLES[message.role]


def _lines(message: ChatMessage, schemas: dict[str, Schema]) -> Iterator[str]:
    yield from visible_lines(message.content).splitlines()
    yield from (_call(one, schemas.get(one.name, {})) for one in message.tool_calls)


def _call(call: ToolCall, schema: Schema) -> str:
    if call.error:
        given = "" if has_secrets(schema) else f"{call.text}: "
        return visible_lines(f"calls {call.name} {given}{call.error}")
    shown = without_secrets(call.arguments, schema)
    hidden = [name for name in call.arguments if name not in shown]
    without = f" (not shown: {', '.join(hidden)})" if hidden else ""
    return visible_lines(f"calls {call.name} {json.dumps(shown, ensure_ascii=False)}{without}")
