"""The MCP servers a worker knows, with its sessions; the SDK is loaded before it takes work where one of its definitions needs it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from advanced_workflow.activities.mcp.calls import McpCalls
from advanced_workflow.activities.mcp.failures import McpError
from advanced_workflow.activities.mcp.lists import ToolLists
from advanced_workflow.activities.mcp.servers import Servers
from advanced_workflow.activities.mcp.sessions import Sessions, preload
from advanced_workflow.client.settings import Settings
from advanced_workflow.workflows.definition.tools import servers_of
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow


@dataclass(frozen=True)
class McpServing:
    """What one worker process has to do with MCP servers."""

    servers: Servers = field(default_factory=Servers)
    sessions: Sessions = field(default_factory=Sessions)

    @classmethod
    def load(cls, settings: Settings) -> McpServing:
        """Read what the settings say of servers.

        Raises:
            ModelFileInvalid: the file cannot be used.
        """
        ad_hoc = settings.ad_hoc_mcp_servers if settings.ad_hoc == "checked" else None
        return cls(Servers.read(settings.mcp_servers, ad_hoc))

    @property
    def names(self) -> list[str]:
        """The names of the servers."""
        return sorted(self.servers.by_name)

    @property
    def secrets(self) -> set[str]:
        """Names of the secrets that the servers need."""
        return {name for one in self.servers.by_name.values() for name in one.secrets}

    @property
    def lists(self) -> ToolLists:
        """Asks them what they offer."""
        return ToolLists(self.servers, self.sessions)

    def calls(self, payload_limit: int) -> McpCalls:
        """The activity."""
        return McpCalls(self.servers, self.sessions, payload_limit=payload_limit)

    def preload(self, when: Literal["auto", "on", "off"], definitions: Iterable[AdvancedWorkflow]) -> None:
        """Import the SDK, which takes a second, where one of these definitions names a server."""
        if when == "on" or (when == "auto" and any(True for one in definitions for _ in servers_of(one))):
            preload()


async def offered(serving: McpServing, names: Iterable[str]) -> tuple[list[dict[str, Any]], list[str]]:
    """What servers offer now, as plain data, and a sentence for each that cannot be asked."""
    found: list[dict[str, Any]] = []
    problems: list[str] = []
    for name in names:
        try:
            offers = await serving.lists.offers(name)
        except McpError as error:
            problems.append(error.message)
            continue
        found += [
            {"server": name, "tool": one.name, "description": one.description, "parameters": one.schema}
            for one in sorted(offers, key=lambda one: one.name)
        ]
    return found, problems
