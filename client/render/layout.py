"""How the page of a run is laid out: titles, facts, tables and command lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from advanced_workflow.client.render.console import Lines
from advanced_workflow.workflows.plain.text import visible


def print_title(console: Console, title: str) -> None:
    """The heading of a part."""
    console.print()
    console.print(Text(title, style="bold"))


def print_facts(console: Console, facts: Mapping[str, Text | Lines | str]) -> None:
    """Names with what they are; what is empty is left out. A word that is wider than the room for it stays in one piece."""
    beside = max(len(name) for name in facts) + 2
    texts = [str(one.text if isinstance(one, Lines) else one) for one in facts.values() if one]
    if any(beside + cell_len(visible(word)) > console.width for text in texts for word in text.split()):
        for name, value in facts.items():
            if value:
                shown = Text(str(value.text)) if isinstance(value, Lines) else Text.assemble(value)
                console.print(Text(f"{name:<{beside}}", style="dim").append_text(shown), soft_wrap=True)
        return
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts.items():
        if value:
            table.add_row(name, Text(value) if isinstance(value, str) else value)
    console.print(table)


def plain_table(*columns: str) -> Table:
    """A table without lines."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in columns:
        table.add_column(name, overflow="fold", no_wrap=name in ("", "status", "time", "operation"))
    return table


def print_commands(console: Console, commands: Sequence[tuple[str, str]]) -> None:
    """Command lines, each whole on a line that can be copied, with what it does."""
    for line, what in commands:
        text = Text("  ").append(line, style="bold")
        console.print(text.append(f"   {what}", style="dim") if what else text, soft_wrap=True)
