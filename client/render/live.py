"""Showing a run until it ends: a live tree on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import AsyncIterable
from datetime import UTC, datetime

from rich.console import Console
from rich.live import Live

from advanced_workflow.client.render.lines import ChangeLines
from advanced_workflow.client.render.tree import render_tree
from advanced_workflow.client.watch import Snapshot
from advanced_workflow.workflows.plain.text import visible


def is_live(console: Console) -> bool:
    """Whether the output can be redrawn."""
    return console.is_terminal and not console.is_dumb_terminal


async def show_snapshots(snapshots: AsyncIterable[Snapshot], console: Console) -> Snapshot | None:
    """Show each snapshot as it comes, and give the last one."""
    return await (_show_tree(snapshots, console) if is_live(console) else _show_lines(snapshots, console))


async def _show_tree(snapshots: AsyncIterable[Snapshot], console: Console) -> Snapshot | None:
    last = None
    with Live(console=console, auto_refresh=False, vertical_overflow="visible") as live:
        async for last in snapshots:
            live.update(render_tree(last, datetime.now(UTC), console), refresh=True)
    return last


async def _show_lines(snapshots: AsyncIterable[Snapshot], console: Console) -> Snapshot | None:
    last = None
    changes = ChangeLines()
    async for last in snapshots:
        for line in changes.lines(last, datetime.now(UTC)):
            # Not through the console's layout: a line of a log is not wrapped.
            print(visible(line), file=console.file, flush=True)
    return last
