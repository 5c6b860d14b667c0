"""Lists of things with ids. An id is never folded or cut: it is there to be copied."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table
from rich.text import Text

from advanced_workflow.workflows.plain.text import visible

_GAP = 2
_NARROWEST = 16
"""Columns in which a text can still be read, folded."""


@dataclass(slots=True)
class Listing:
    """Rows under headings. Where the ids of the rows leave no room for the rest, each row is several lines."""

    columns: Sequence[str]
    ids: frozenset[str]
    """The columns whose cells are ids."""
    rows: list[list[Text]] = field(default_factory=list[list[Text]])

    def add(self, *cells: Text | str) -> None:
        """Add a row."""
        self.rows.append([Text(visible(one)) if isinstance(one, str) else one for one in cells])

    def print(self, console: Console) -> None:
        """Print it as wide as the console is."""
        if self._narrowest() <= console.width:
            console.print(self._table())
            return
        for row in self.rows:
            self._print_lines(console, row)

    def _narrowest(self) -> int:
        """The width that ids in one piece and readable texts need."""
        widths = [max([len(name), *(_width(row[at]) for row in self.rows)]) for at, name in enumerate(self.columns)]
        return sum(
            (width if name in self.ids else min(width, _NARROWEST)) + _GAP
            for name, width in zip(self.columns, widths, strict=True)
        )

    def _table(self) -> Table:
        made = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
        for name in self.columns:
            made.add_column(name, overflow="fold", no_wrap=name in self.ids)
        for row in self.rows:
            made.add_row(*row)
        return made

    def _print_lines(self, console: Console, row: Sequence[Text]) -> None:
        first, *others = zip(self.columns, row, strict=True)
        console.print(first[1], soft_wrap=True)
        rest = Text()
        for name, cell in others:
            if not cell.plain:
                continue
            if name in self.ids:
                console.print(Text(f"  {name}: ", style="dim").append_text(cell), soft_wrap=True)
            else:
                rest.append("   " if rest else "").append(f"{name}: ", style="dim").append_text(cell)
        if rest:
            console.print(Text("  ").append_text(rest), soft_wrap=True)


def _width(cell: Text) -> int:
    return Text(visible(cell.plain)).cell_len
