"""The demo: three stories of orders and one of an agent."""

from __future__ import annotations

import time
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from advanced_workflow.client.dev.demo.acts import Act
from advanced_workflow.client.dev.demo.closing import print_closing, print_kept
from advanced_workflow.client.dev.demo.incident_story import repaired
from advanced_workflow.client.dev.demo.order_stories import OrderStories
from advanced_workflow.client.dev.demo.stage import Stage
from advanced_workflow.client.dev.demo.telling import THINKING_SECONDS, Teller


async def run_demo(console: Console, *, keep: bool = False) -> int:
    """Tell the four stories, print the closing tables, and check what they say; gives the exit code.

    Raises:
        ServerStartFailed, WorkerStartRefused: the stage could not be set up; nothing is left running.
    """
    began = time.monotonic()
    console.print("Starting a Temporal server and a worker …", style="dim")
    async with Stage(keep=keep) as stage:
        await stage.start_worker(latency_seconds=THINKING_SECONDS)
        teller = Teller(console, stage)
        orders = OrderStories(teller)
        acts = [await orders.approved(), await orders.rejected(), await orders.killed(), await repaired(teller)]
        print_closing(console, acts, time.monotonic() - began)
        if _complain(console, acts):
            stage.keep = False
            return 1
        if keep:
            print_kept(console, stage, acts)
        return 0


def _complain(console: Console, acts: Sequence[Act]) -> bool:
    """Say which promises were broken; whether any was."""
    broken = [sentence for act in acts for sentence in act.broken]
    for sentence in broken:
        console.print(Text(sentence, style="bold red"), soft_wrap=True)
    return bool(broken)
