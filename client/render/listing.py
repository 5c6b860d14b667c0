"""Tables with ids. An id is never folded or cut: it is there to be copied."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from advanced_workflow.workflows.plain.text import visible

_GAP = 2
_NARROWEST = 16
"""Columns in which a text can still be read, folded."""
PROSE = frozenset(
    {
        "",
        "comment",
        "decision",
        "description",
        "name",
        "now",
        "parameters",
        "reason",
        "waits for",
        "waits there",
        "why",
        "workers",
    }
)
"""Headings of what may be folded anywhere; elsewhere a word stays in one piece."""


@dataclass(slots=True)
class Listing:
    """Rows under headings."""

    columns: Sequence[str]
    rows: list[list[Text]] = field(default_factory=list[list[Text]])

    def add(self, *cells: Text | str) -> None:
        """Add a row."""
        self.rows.append([Text(visible(one)) if isinstance(one, str) else one for one in cells])

    def print(self, console: Console) -> None:
        """Print it as wide as the console is."""
        made = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
        for name in self.columns:
            made.add_column(name, overflow="fold")
        for row in self.rows:
            made.add_row(*row)
        print_table(console, made)


def print_table(console: Console, table: Table) -> None:
    """Print a table of texts without lines. Where its words leave no room for the rest, each row is several lines."""
    names = [str(column.header) for column in table.columns]
    cells = [[_text(one) for one in column.cells] for column in table.columns]
    widths = _fitting(names, cells, console.width)
    if widths is None:
        for row in zip(*cells, strict=True):
            _print_lines(console, names, row)
        return
    for column, width in zip(table.columns, widths, strict=True):
        column.width = width
    console.print(table)


def _fitting(names: Sequence[str], cells: Sequence[Sequence[Text]], room: int) -> list[int] | None:
    """The widths of the columns; None where there is no room for their words."""
    widths = [
        max(_width(one.plain) for one in (Text(name), *column)) for name, column in zip(names, cells, strict=True)
    ]
    least = [_least(name, column) for name, column in zip(names, cells, strict=True)]
    if sum(least) + _GAP * len(least) > room:
        return None
    while sum(widths) + _GAP * len(widths) > room:
        slack = [width - needed for width, needed in zip(widths, least, strict=True)]
        widest = slack.index(max(slack))
        widths[widest] -= max(1, min(slack[widest], (sum(widths) + _GAP * len(widths) - room + 1) // 2))
    return widths


def _least(name: str, column: Sequence[Text]) -> int:
    words = max((_width(word) for one in column for word in one.plain.split()), default=0)
    return max(_width(name), min(words, _NARROWEST) if name in PROSE else words)


def _print_lines(console: Console, names: Sequence[str], row: Sequence[Text]) -> None:
    console.print(row[0], soft_wrap=True)
    for name, cell in zip(names[1:], row[1:], strict=True):
        if cell.plain.strip():
            console.print(Text("  ").append(f"{name}: " if name else "", style="dim").append_text(cell), soft_wrap=True)


def _text(cell: object) -> Text:
    return cell if isinstance(cell, Text) else Text(str(cell))


def _width(text: str) -> int:
    return cell_len(visible(text))
