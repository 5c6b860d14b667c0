"""What `adw` prints: data on standard output, sentences about failures on standard error."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from pydantic_core import to_jsonable_python
from rich.console import Console
from rich.table import Table
from rich.text import Text

PIPE_WIDTH = 200
"""Columns of a table that goes to a file or a pipe."""


def console() -> Console:
    """Standard output. Colours follow NO_COLOR and TERM; text from data is never read as markup."""
    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else PIPE_WIDTH
    return Console(highlight=False, markup=False, emoji=False, width=width)


def print_json(value: object) -> None:
    """Print models, dataclasses and plain values as JSON."""
    plain: Any = to_jsonable_python(value)
    print(json.dumps(plain, indent=2, ensure_ascii=False))


def complain(sentence: object) -> None:
    """Print one sentence on standard error."""
    errors = Console(stderr=True, highlight=False, markup=False, emoji=False)
    errors.print(Text("adw: ", style="bold red").append(str(sentence), style="default"), soft_wrap=True)


def note(sentence: str) -> None:
    """Print a remark that is not data, on standard error."""
    Console(stderr=True, highlight=False, markup=False, emoji=False).print(sentence, style="dim", soft_wrap=True)


def table(*columns: str) -> Table:
    """A table without lines, so that it can be read and cut."""
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in columns:
        made.add_column(name, overflow="fold")
    return made
