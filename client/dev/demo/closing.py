"""What the demo says at its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table
from rich.text import Text

from advanced_workflow.client.dev.demo.orders import TABLES, Effects, Order, rows_text
from advanced_workflow.client.dev.demo.stage import Stage
from advanced_workflow.client.render.times import duration
from advanced_workflow.client.web_ui import web_ui_url


@dataclass
class Act:
    """One run of the demo, and what came of it."""

    order: Order
    run_id: str
    happened: str
    outcome: str
    seconds: float | None
    effects: Effects
    broken: list[str] = field(default_factory=list)
    """Sentences about what should hold and does not."""


def print_closing(console: Console, acts: Sequence[Act], seconds: float) -> None:
    """The table of the runs, the table of the order database, and what was checked."""
    console.print()
    runs = _table("run", "what happened", "outcome", "time")
    for act in acts:
        style = "green" if act.outcome == "completed" else "yellow"
        outcome = act.outcome if act.outcome == "completed" else f"{act.outcome}, rolled back"
        runs.add_row(
            Text(act.order.run_id, style="bold"), Text(act.happened), Text(outcome, style=style), duration(act.seconds)
        )
    console.print(runs)
    console.print()
    database = _table("order database", *(act.order.run_id for act in acts))
    for table in TABLES:
        database.add_row(table, *(rows_text(act.effects[table]) for act in acts))
    database.add_row("stock", *(_stock_text(act) for act in acts))
    console.print(database)
    console.print()
    if not any(act.broken for act in acts):
        console.print(
            Text("Checked: ", style="bold green").append(
                "the rejected order is refunded and its stock restored; the card of the killed worker's order was "
                f"charged once. {duration(seconds)} in all.",
                style="default",
            )
        )


def print_kept(console: Console, stage: Stage, acts: Sequence[Act]) -> None:
    """Where to look, what to try, and how to stop what was left running."""
    address = stage.server.ui_url
    worker = stage.worker.pid if stage.worker else None
    console.print()
    console.print(Text("Server and worker are left running.", style="bold"))
    links = {
        act.order.run_id: web_ui_url(address, stage.client.namespace, act.order.run_id, act.run_id) for act in acts
    }
    lines = [
        f"  {'Web UI':<14}{address}",
        *(f"  {name:<14}{link}" for name, link in links.items()),
        "",
        "Try:",
        f"  export TEMPORAL_ADDRESS={stage.server.address} ADW_WEB_UI={address}",
        "  adw list",
        f"  adw show {acts[1].order.run_id}",
        f"  adw graph {acts[2].order.run_id}",
        "",
        "Stop:",
        f"  kill {worker} {stage.server.pid}; rm -r {stage.folder}",
    ]
    for line in lines:
        console.print(line, soft_wrap=True)


def _stock_text(act: Act) -> str:
    items = ", ".join(f"{quantity} {sku}" for sku, quantity in act.order.items.items())
    return f"{items} taken" if act.order.keeps_stock else f"{items} back"


def _table(*columns: str) -> Table:
    made = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="bold")
    for name in columns:
        made.add_column(name, overflow="fold")
    return made
