"""The commands of `adw`, put together."""

from __future__ import annotations

from typing import Annotated

import typer

from advanced_workflow.client.cli.command import Target
from advanced_workflow.client.cli.definition_commands import actions, check, definitions, graph, schema
from advanced_workflow.client.cli.exits import HELP
from advanced_workflow.client.cli.message_commands import approve, event, pause, reject, resume, retry, skip
from advanced_workflow.client.cli.rerun_command import rerun
from advanced_workflow.client.cli.run_commands import cancel, list_, rollback, show, start, watch
from advanced_workflow.client.cli.serve_commands import demo, dev
from advanced_workflow.client.process_exit import run_and_exit

RUNS = "Runs"
PEOPLE = "Decisions and operators"
DEFINITIONS = "Definitions"
HERE = "On this machine"

app = typer.Typer(
    name="adw",
    help="Durable business processes as data: start, watch and decide runs.",
    epilog=HELP,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def choose_target(
    context: typer.Context,
    address: Annotated[str | None, typer.Option("--address", help="Temporal server, over TEMPORAL_ADDRESS.")] = None,
    namespace: Annotated[str | None, typer.Option("--namespace", help="Over TEMPORAL_NAMESPACE.")] = None,
    profile: Annotated[str | None, typer.Option("--profile", help="Profile of Temporal's own configuration.")] = None,
) -> None:
    """Durable business processes as data: start, watch and decide runs."""
    context.obj = Target(address, namespace, profile)


for panel, commands in {
    HERE: (demo, dev),
    DEFINITIONS: (check, graph, definitions, actions, schema),
    RUNS: (start, watch, show, list_, cancel, rollback, rerun),
    PEOPLE: (approve, reject, event, pause, resume, retry, skip),
}.items():
    for command in commands:
        app.command(command.__name__.rstrip("_"), rich_help_panel=panel)(command)


def main() -> None:
    """Run the command; never returns."""
    run_and_exit(lambda: app(prog_name="adw"))
