"""The commands of `adw`, put together."""

from __future__ import annotations

from typing import Annotated

import typer

from client.cli import definition_commands, message_commands, run_commands, serve_commands
from client.cli.exits import HELP
from client.cli.session import Target
from client.exit_guard import run_and_exit

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
    HERE: (serve_commands.demo, serve_commands.dev),
    DEFINITIONS: (
        definition_commands.check,
        definition_commands.graph,
        definition_commands.definitions,
        definition_commands.actions,
        definition_commands.schema,
    ),
    RUNS: (
        run_commands.start,
        run_commands.watch,
        run_commands.show,
        run_commands.list_,
        run_commands.cancel,
        run_commands.rollback,
    ),
    PEOPLE: (
        message_commands.approve,
        message_commands.reject,
        message_commands.event,
        message_commands.pause,
        message_commands.resume,
        message_commands.retry,
        message_commands.skip,
    ),
}.items():
    for command in commands:
        app.command(command.__name__.rstrip("_"), rich_help_panel=panel)(command)


def main() -> None:
    """Run the command; never returns."""
    run_and_exit(app)
