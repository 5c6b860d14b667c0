"""The commands of `adw`, put together."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated

import typer

from advanced_workflow.client.cli.exits import HELP, Exit
from advanced_workflow.client.cli.interrupts import leave_when_interrupted
from advanced_workflow.client.cli.lazy import MARKUP, LazyCommand, group_of
from advanced_workflow.client.cli.target import Target
from advanced_workflow.client.process_exit import run_and_exit

HERE = "On this machine", "serve_commands"
DEFINITIONS = "Definitions", "definition_commands"
RUNS = "Runs", "run_commands"
RERUN = "Runs", "rerun_command"
PEOPLE = "Decisions and operators", "message_commands"

COMMANDS = [
    LazyCommand(
        function.rstrip("_").replace("_", "-"), f"advanced_workflow.client.cli.{module}:{function}", summary, panel
    )
    for (panel, module), function, summary in [
        (
            HERE,
            "demo",
            "Run an order three times and an agent once on a real server: approved, rejected, killed, and asking before it acts.",
        ),
        (HERE, "dev", "Run a server with its Web UI and a worker that follows your changes, until Ctrl-C."),
        (DEFINITIONS, "check", "Find all problems of definitions: where, what is wrong, and the fix. Needs no server."),
        (
            DEFINITIONS,
            "graph",
            "Print a definition as a Mermaid flowchart; a run's steps are coloured by their status.",
        ),
        (
            DEFINITIONS,
            "definitions",
            "List the definitions a worker started here serves, in all versions. Needs no server.",
        ),
        (DEFINITIONS, "actions", "List the actions a worker started here serves. Needs no server."),
        (DEFINITIONS, "graphs", "List the LangGraph graphs a worker started here serves. Needs no server."),
        (DEFINITIONS, "mcp_tools", "List the tools that the MCP servers of a worker started here offer now."),
        (DEFINITIONS, "schema", "Print the JSON Schema of definitions, by which editors complete and check."),
        (
            RUNS,
            "start",
            "Start a run. Prints its id; a run that is refused at once (unknown name, bad input) is an error here.",
        ),
        (RUNS, "watch", "Show a run's steps until it ends, then its result. Ctrl-C leaves the run alone."),
        (
            RUNS,
            "show",
            "Show a run: steps, pending approvals with their digest, rollback, decisions that did not count, audit trail.",
        ),
        (RUNS, "list_", "List runs, newest first."),
        (RUNS, "cancel", "Ask a run to stop; what it did is undone."),
        (RUNS, "rollback", "Try the failed undo actions of a run again."),
        (RERUN, "rerun", "Start an ended run again, keeping what it completed."),
        (
            PEOPLE,
            "approve",
            "Approve a step. Says whether it settled the step; a decision that cannot count is refused with the reason.",
        ),
        (PEOPLE, "reject", "Reject a step; the definition says what follows, by default the run is rolled back."),
        (PEOPLE, "event", "Send an event that a step waits for, now or later."),
        (PEOPLE, "pause", "Start no more steps of a run until 'adw resume'; what runs continues."),
        (PEOPLE, "resume", "Let a paused run continue."),
        (PEOPLE, "retry", "Run a failed step that holds its run again; STEP 'output' is the run's own output."),
        (
            PEOPLE,
            "skip",
            "Continue without a step that failed, waits, or has not begun; STEP 'output' gives the run's own output.",
        ),
    ]
]
"""Each with the first line of its docstring, so that `--help` loads none of their modules."""

app = typer.Typer(
    name="adw",
    cls=group_of(*COMMANDS),
    help="Durable business processes as data: start, watch and decide runs.",
    epilog=HELP,
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=MARKUP,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"adw {version('advanced-workflow')}")
        raise typer.Exit


@app.callback()
def choose_target(
    context: typer.Context,
    address: Annotated[str | None, typer.Option("--address", help="Temporal server, over TEMPORAL_ADDRESS.")] = None,
    namespace: Annotated[str | None, typer.Option("--namespace", help="Over TEMPORAL_NAMESPACE.")] = None,
    profile: Annotated[str | None, typer.Option("--profile", help="Profile of Temporal's own configuration.")] = None,
    _: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version, and do nothing else."
        ),
    ] = False,
) -> None:
    """Durable business processes as data: start, watch and decide runs."""
    context.obj = Target(address, namespace, profile)
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(Exit.REFUSED)


def main() -> None:
    """Run the command; never returns."""
    leave_when_interrupted()
    run_and_exit(lambda: app(prog_name="adw"))
