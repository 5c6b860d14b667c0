"""What a shell completes: ids of runs, names of definitions, statuses. Silent where there is nothing to ask, and bounded."""

from __future__ import annotations

import asyncio
import contextlib
import io
from collections.abc import Callable
from typing import Any

import typer

MOST = 50
"""Words that are offered, the newest runs first."""
SECONDS = 2
"""How long a shell is kept waiting for a server at most."""
STATUSES = {
    "running": "Running",
    "completed": "Completed",
    "failed": "Failed",
    "cancelled": "Canceled",
    "canceled": "Canceled",
    "terminated": "Terminated",
    "timed_out": "TimedOut",
}


def complete_run(context: typer.Context, incomplete: str) -> list[str]:
    """Ids of runs that begin so."""
    root = context.find_root().params
    return _quietly(lambda: asyncio.run(_runs(root, incomplete)))


def complete_definition(incomplete: str) -> list[str]:
    """Names of the definitions served here, with their versions where there are several; the shell itself completes files."""
    return _quietly(lambda: _beginning(_definitions(), incomplete))


def complete_status(incomplete: str) -> list[str]:
    """Words for how runs stand."""
    return _beginning(STATUSES, incomplete)


async def _runs(root: dict[str, Any], incomplete: str) -> list[str]:
    from advanced_workflow.client.cli.target import Target
    from advanced_workflow.client.service.listing import list_runs, quoted
    from advanced_workflow.client.settings import load_settings

    async with asyncio.timeout(SECONDS):
        settings = load_settings()
        client = await Target(root.get("address"), root.get("namespace"), root.get("profile")).connect(settings)
        query = f"WorkflowId STARTS_WITH {quoted(incomplete)}" if incomplete else ""
        found = await list_runs(client, query, task_queue=settings.task_queue, limit=MOST)
    return [one.id for one in found]


def _definitions() -> list[str]:
    from advanced_workflow.client.serve.definitions import load_definitions
    from advanced_workflow.client.settings import load_settings
    from advanced_workflow.workflows.definition.versions import Definitions, full_name

    known = Definitions(one.workflow for one in load_definitions(load_settings()))
    return [*known.ids, *(full_name(one) for one in known if len(known.versions(one.workflow_id)) > 1)]


def _beginning(words: Any, incomplete: str) -> list[str]:  # noqa: ANN401 - anything with words
    return [str(one) for one in words if str(one).startswith(incomplete)][:MOST]


def _quietly(look: Callable[[], list[str]]) -> list[str]:
    """What there is; nothing where it cannot be learned, as a shell in the middle of a line wants no sentences."""
    with (
        contextlib.suppress(Exception),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        return look()
    return []
