"""What `adw dev` says: lines for people, or JSON objects as its worker's are."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from rich.console import Console
from rich.text import Text

from advanced_workflow.client.serve.logs import JsonFormatter

LOGGER = "advanced_workflow.dev"


class Voice:
    """Where the sentences go."""

    def __init__(self, console: Console, *, as_json: bool) -> None:
        """`as_json`: one object a line."""
        self._console = console
        self._as_json = as_json

    def say(self, sentence: str) -> None:
        """One sentence of `adw dev` itself."""
        if self._as_json:
            _print_object(sentence)
        else:
            shown = Text("dev: ", style="bold cyan").append(sentence, style="default")
            self._console.print(shown, soft_wrap=True)

    def greet(self, lines: Iterable[Text]) -> None:
        """What is told when everything is up."""
        for line in lines:
            if not self._as_json:
                self._console.print(line, soft_wrap=True)
            elif line.plain.strip():
                _print_object(" ".join(line.plain.split()))

    def quote(self, text: str) -> None:
        """What another process said, which has its form already."""
        for line in text.splitlines():
            if self._as_json:
                print(line, flush=True)
            else:
                self._console.print(Text(f"     {line}"), soft_wrap=True)


def _print_object(message: str) -> None:
    record = logging.makeLogRecord({"name": LOGGER, "levelname": "INFO", "msg": message})
    print(JsonFormatter().format(record), flush=True)
