"""What `adw` prints: data on standard output, sentences about failures on standard error."""

from __future__ import annotations

import json
import os
import sys

from pydantic_core import to_jsonable_python
from rich.console import Console
from rich.table import Table
from rich.text import Text

from advanced_workflow.client.render.console import SafeConsole
from advanced_workflow.workflows.plain.text import visible_json

PIPE_WIDTH = 200
"""Columns of a table that goes to a file or a pipe."""


def console() -> Console:
    """Standard output. Colours follow NO_COLOR and TERM; text from data is never read as markup."""
    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else PIPE_WIDTH
    return SafeConsole(highlight=False, markup=False, emoji=False, width=width)


def print_json(value: object) -> None:
    """Print models, dataclasses and plain values as JSON."""
    print(visible_json(json.dumps(value, indent=2, ensure_ascii=False, default=to_jsonable_python)))


def complain(sentence: object) -> None:
    """Print one sentence on standard error."""
    errors = SafeConsole(stderr=True, highlight=False, markup=False, emoji=False)
    first, *more = str(sentence).split("\n")
    errors.print(Text("adw: ", style="bold red").append(first, style="default"), soft_wrap=True)
    for line in more:
        errors.print(Text(f"     {line}"), soft_wrap=True)


def note(sentence: str) -> None:
    """Print a remark that is not data, on standard error."""
    SafeConsole(stderr=True, highlight=False, markup=False, emoji=False).print(sentence, style="dim", soft_wrap=True)


def table(*columns: str) -> Table:
    """A table without lines, so that it can be read and cut."""
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in columns:
        made.add_column(name, overflow="fold")
    return made
