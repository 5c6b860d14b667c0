"""Arguments and options that several commands have."""

from __future__ import annotations

from typing import Annotated

import typer

RunId = Annotated[str, typer.Argument(metavar="RUN", help="The run's id, as 'adw list' shows it.")]
StepId = Annotated[str, typer.Argument(metavar="STEP", help="The step's id, or its path where it runs more than once.")]
ExecutionId = Annotated[
    str | None, typer.Option("--run-id", help="One execution of that id; the latest when left out.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print data as JSON.")]
AsUser = Annotated[
    str | None, typer.Option("--as", metavar="USER", help="Who acts; ADW_USER or the login name when left out.")
]
Reason = Annotated[str, typer.Option("--reason", help="Why; it is kept in the run's audit trail.")]
