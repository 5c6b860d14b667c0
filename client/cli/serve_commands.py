"""Commands that run servers and workers here: `dev` and `demo`."""

from __future__ import annotations

import asyncio
import contextlib
import os
from typing import Annotated

import typer

from advanced_workflow.client.cli.leaving import leave_with
from advanced_workflow.client.cli.options import AsJson
from advanced_workflow.client.cli.output import narrator
from advanced_workflow.client.dev.demo import run_demo
from advanced_workflow.client.dev.development import Development
from advanced_workflow.client.settings import load_settings


def dev(
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="The server's port; 0 takes a free one.")
    ] = 7233,
    ui_port: Annotated[
        int, typer.Option("--ui-port", min=0, max=65535, help="The Web UI's port; 0 a free one.")
    ] = 8233,
    library: Annotated[
        bool, typer.Option("--library", help="Serve the shipped examples too, as ADW_LIBRARY=on.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run a server with its Web UI and a worker that follows your changes, until Ctrl-C.

    Runs are kept in .adw/dev.db. Definitions and actions come from ADW_DEFINITIONS and ADW_ACTIONS.
    """

    async def work() -> None:
        if as_json:
            os.environ["ADW_LOG_FORMAT"] = "json"  # Of the worker, too.
        settings = load_settings(**({"library": "on"} if library else {}))
        with contextlib.suppress(asyncio.CancelledError):  # Ctrl-C is how it ends
            await Development(settings, port, ui_port, narrator(as_json=as_json)).run()

    leave_with(work)


def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave server and worker running, for a look around.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run an order three times and an agent once on a real server: approved, rejected, killed, and asking before it acts."""
    leave_with(lambda: run_demo(narrator(as_json=as_json), keep=keep))
