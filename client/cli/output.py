"""What `adw` prints: data on standard output, sentences about failures on standard error."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from typing import IO, NoReturn, cast

from pydantic_core import to_jsonable_python
from rich.console import Console
from rich.text import Text

from advanced_workflow.client.cli.streams import is_unicode
from advanced_workflow.client.render.console import SafeConsole
from advanced_workflow.workflows.plain.text import visible_json

UNLIMITED = 1_000_000
"""Columns of what is no terminal: nothing is folded there."""


class _Output(SafeConsole):
    def on_broken_pipe(self) -> NoReturn:
        """Leave it to `adw` what that means; the console would end the process."""
        raise


def console() -> Console:
    """Standard output. Colours follow NO_COLOR and TERM; text from data is never read as markup."""
    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else UNLIMITED
    return _Output(highlight=False, markup=False, emoji=False, width=width)


def narrator(*, as_json: bool) -> Console:
    """Where commands that tell a story tell it; as JSON each line is an object with its text."""
    return _Output(file=cast("IO[str]", _JsonLines()), width=UNLIMITED, color_system=None) if as_json else console()


class _JsonLines(io.TextIOBase):
    """Makes an object of each line."""

    def __init__(self) -> None:
        super().__init__()
        self._rest = ""

    def write(self, text: str, /) -> int:
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            if line.strip():
                print_json_line({"type": "told", "text": line.rstrip()})
        return len(text)


def print_json(value: object) -> None:
    """Print models, dataclasses and plain values as one JSON document."""
    _print_json(value, indent=2)


def print_json_line(value: object) -> None:
    """Print one of several JSON documents: each has its line, and is written at once."""
    _print_json(value, indent=None)
    sys.stdout.flush()


def print_done(id: str, operation: str, done: str, *, as_json: bool) -> None:
    """Say that something was done to a run."""
    if as_json:
        print_json({"id": id, "operation": operation, "message": done})
    else:
        console().print(Text(f"{id}: {done}"), soft_wrap=True)


def _print_json(value: object, indent: int | None) -> None:
    everything = is_unicode(sys.stdout)
    print(visible_json(json.dumps(value, indent=indent, ensure_ascii=not everything, default=to_jsonable_python)))


def complain(sentence: object) -> None:
    """Print one sentence on standard error."""
    first, *more = str(sentence).split("\n")
    _tell(Text("adw: ", style="bold red").append(first, style="default"), *(Text(f"     {line}") for line in more))


def note(sentence: str) -> None:
    """Print a remark that is not data, on standard error."""
    _tell(Text(sentence, style="dim"))


def _tell(*lines: Text) -> None:
    errors = _Output(stderr=True, highlight=False, markup=False, emoji=False)
    with contextlib.suppress(OSError, ValueError):  # There is nobody left who could be told.
        for line in lines:
            errors.print(line, soft_wrap=True)
