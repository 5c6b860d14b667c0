"""What a worker started here would serve, told without a server and in this process."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Generator, Sequence
from typing import Any

from advanced_workflow.client.current_folder import look_in_current_folder
from advanced_workflow.client.errors import WorkerStartRefused
from advanced_workflow.client.graph_places import graph_places
from advanced_workflow.client.serve.definitions import load_definitions
from advanced_workflow.client.serve.foreign import with_foreign
from advanced_workflow.client.settings import load_settings
from advanced_workflow.workflows.definition.check.catalog import ActionInfo
from advanced_workflow.workflows.definition.text.load import LoadedDefinition, definition_sha256
from advanced_workflow.workflows.definition.versions import Definitions, full_name


def actions_here() -> list[ActionInfo]:
    """The actions.

    Raises:
        WorkflowError: a module cannot be loaded; the sentence names it.
    """
    look_in_current_folder()
    with _modules_apart():
        from advanced_workflow.client.serve.actions import load_actions  # It loads Temporal's SDK.

        return list(load_actions(load_settings()).catalog().values())


def action_names_here() -> dict[str, ActionInfo]:
    """What definitions may name here, by name, as `with_foreign` says. Raises as `actions_here` does."""
    return with_foreign({one.name: one for one in actions_here()}, load_settings())


def graphs_here() -> dict[str, str]:
    """The users' graphs, each with its place; they are not loaded. Raises as `actions_here` does."""
    return graph_places(load_settings())


def servers_here() -> list[str]:
    """Names of the MCP servers; none is asked for anything. Raises as `actions_here` does."""
    settings = load_settings()
    if settings.mcp_servers is None:
        return []
    from advanced_workflow.client.serve.servers import McpServing  # It loads Temporal's SDK.

    return McpServing.load(settings).names


async def mcp_tools_here(name: str | None) -> tuple[list[dict[str, Any]], list[str]]:
    """What the MCP servers offer now, or one of them, as plain data, and why those that cannot be asked cannot. Raises as `actions_here` does."""
    from advanced_workflow.client.serve.servers import McpServing, offered

    serving = McpServing.load(load_settings())
    try:
        return await offered(serving, serving.names if name is None else [name])
    finally:
        await serving.sessions.close()


def definitions_here() -> list[dict[str, Any]]:
    """The definitions, as `listed` gives them. Raises as `actions_here` does."""
    look_in_current_folder()
    return listed(load_definitions(load_settings()))


def listed(definitions: Sequence[LoadedDefinition]) -> list[dict[str, Any]]:
    """Every definition with its version, digest and source, as plain data, by `workflow_id`, the highest version first.

    `new_runs` says whether it is the version that runs take which are told none.
    """
    sources = {full_name(one.workflow): one.source for one in definitions}
    known = Definitions(one.workflow for one in definitions)
    return [
        {
            "workflow_id": one.workflow_id,
            "name": one.name,
            "version": one.version,
            "new_runs": one is known.find(one.workflow_id),
            "description": one.description,
            "sha256": definition_sha256(one),
            "source": sources[full_name(one)],
        }
        for one in known
    ]


@contextlib.contextmanager
def _modules_apart() -> Generator[None, None, None]:
    """What modules print goes to standard error, as data may be expected on standard output; none ends this process."""
    with contextlib.redirect_stdout(sys.stderr):
        try:
            yield
        except SystemExit as leaving:
            raise WorkerStartRefused(f"a module of ADW_ACTIONS ends the process (exit code {leaving.code}).") from None
