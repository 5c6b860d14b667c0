"""Arguments and options that several commands have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from advanced_workflow.client.cli.completing import complete_run
from advanced_workflow.workflows.plain.names import same_name

if TYPE_CHECKING:
    from temporalio.common import WorkflowIDReusePolicy


def _somebody(user: str | None) -> str | None:
    """A name that is given names somebody: an empty one must not fall back to whoever types."""
    if user is not None and not same_name(user):
        raise typer.BadParameter("it names nobody; leave it out to act as ADW_USER or your login name.")
    return user


RunId = Annotated[
    str, typer.Argument(metavar="RUN", autocompletion=complete_run, help="The run's id, as 'adw list' shows it.")
]
StepId = Annotated[str, typer.Argument(metavar="STEP", help="The step's id, or its path where it runs more than once.")]
ExecutionId = Annotated[
    str | None, typer.Option("--run-id", help="One execution of that id; the latest when left out.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print data as JSON.")]
AsUser = Annotated[
    str | None,
    typer.Option(
        "--as", metavar="USER", callback=_somebody, help="Who acts; ADW_USER or the login name when left out."
    ),
]
Reason = Annotated[str, typer.Option("--reason", help="Why; it is kept in the run's audit trail.")]
Again = Annotated[
    bool, typer.Option("--again", help="Start it although a run of this --id has ended; its history stays.")
]


def reuse(*, again: bool) -> WorkflowIDReusePolicy:
    """What the server does where a run of the id has ended."""
    from temporalio.common import WorkflowIDReusePolicy  # It loads Temporal's SDK.

    return WorkflowIDReusePolicy.ALLOW_DUPLICATE if again else WorkflowIDReusePolicy.REJECT_DUPLICATE
