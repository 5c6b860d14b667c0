"""What was said in an agent, as people read it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from rich.console import Console
from rich.text import Text

from advanced_workflow.workflows.contract import ChatMessage, ToolCall
from advanced_workflow.workflows.plain.text import visible_lines

_STYLES = {"user": "bold", "assistant": "bold cyan", "tool": "green"}


def print_conversation(console: Console, messages: Iterable[ChatMessage]) -> None:
    """Print each message under the name of who said it."""
    for message in messages:
        name = f"{message.role} {message.name}".strip() + (" (failed)" if message.error else "")
        console.print(Text(name, style="red" if message.error else _STYLES[message.role]))
        for line in _lines(message):
            console.print(Text(f"  {line}"), soft_wrap=True)


def _lines(message: ChatMessage) -> Iterator[str]:
    yield from visible_lines(message.content).splitlines()
    yield from (_call(one) for one in message.tool_calls)


def _call(call: ToolCall) -> str:
    given = call.text if call.error else json.dumps(call.arguments, ensure_ascii=False)
    return visible_lines(f"calls {call.name} {given}" + (f": {call.error}" if call.error else ""))
