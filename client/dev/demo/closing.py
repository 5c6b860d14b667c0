"""What the demo says at its end."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from advanced_workflow.client.dev.demo.acts import Act, OrderAct
from advanced_workflow.client.dev.demo.incident import AGENT
from advanced_workflow.client.dev.demo.orders import TABLES, rows_text
from advanced_workflow.client.dev.demo.stage import Stage
from advanced_workflow.client.render.times import duration
from advanced_workflow.client.web_ui import web_ui_url


def print_closing(console: Console, acts: Sequence[Act], seconds: float) -> None:
    """The table of the runs, what is in the order database and the ledger, and what was checked."""
    console.print()
    runs = _table("run", "what happened", "outcome", "time")
    for act in acts:
        style = "green" if act.outcome == "completed" else "yellow"
        outcome = act.outcome if act.outcome == "completed" else f"{act.outcome}, rolled back"
        runs.add_row(
            Text(act.name, style="bold"), Text(act.happened), Text(outcome, style=style), duration(act.seconds)
        )
    console.print(runs)
    console.print()
    orders = [act for act in acts if isinstance(act, OrderAct)]
    database = _table("order database", *(act.name for act in orders))
    for table in TABLES:
        database.add_row(table, *(rows_text(act.effects[table]) for act in orders))
    database.add_row("stock", *(_stock_text(act) for act in orders))
    console.print(database)
    console.print()
    if not any(act.broken for act in acts):
        console.print(
            Text("Checked: ", style="bold green").append(
                "the rejected order is refunded and its stock restored; the card of the killed worker's order was "
                f"charged once; the agent changed what was approved and nothing else. {duration(seconds)} in all.",
                style="default",
            )
        )


def print_kept(console: Console, stage: Stage, acts: Sequence[Act]) -> None:
    """Where to look, what to try, and how to stop what was left running."""
    address = stage.server.ui_url
    worker = stage.worker.pid if stage.worker else None
    console.print()
    console.print(Text("Server and worker are left running.", style="bold"))
    links = {act.name: web_ui_url(address, stage.client.namespace, act.name, act.run_id) for act in acts}
    lines = [
        f"  {'Web UI':<14}{address}",
        *(f"  {name:<14}{link}" for name, link in links.items()),
        "",
        "Try:",
        f"  export TEMPORAL_ADDRESS={stage.server.address} ADW_WEB_UI={address}",
        "  adw list",
        f"  adw show {acts[1].name}",
        f"  adw graph {acts[2].name}",
        f"  adw show {acts[3].name} --agent {AGENT}",
        "",
        "Stop:",
        f"  kill {worker} {stage.server.pid}; rm -r {stage.folder}",
    ]
    for line in lines:
        console.print(line, soft_wrap=True)


def _stock_text(act: OrderAct) -> str:
    items = ", ".join(f"{quantity} {sku}" for sku, quantity in act.order.items.items())
    return f"{items} taken" if act.order.keeps_stock else f"{items} back"


def _table(*columns: str) -> Table:
    made = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="bold")
    for name in columns:
        made.add_column(name, overflow="fold")
    return made
