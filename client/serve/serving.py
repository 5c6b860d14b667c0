"""What one worker process serves, found without a server."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from temporalio.client import Client

from advanced_workflow.activities.worker.registry import ActionRegistry
from advanced_workflow.client.graphs import load_graphs
from advanced_workflow.client.render.counts import counted
from advanced_workflow.client.serve.actions import load_actions
from advanced_workflow.client.serve.definitions import load_definitions
from advanced_workflow.client.serve.foreign import with_foreign
from advanced_workflow.client.serve.models import Models
from advanced_workflow.client.serve.servers import McpServing
from advanced_workflow.client.settings import Settings
from advanced_workflow.workflows.definition.check.catalog import ActionInfo
from advanced_workflow.workflows.definition.text.load import LoadedDefinition


@dataclass(frozen=True)
class Serving:
    """Settings, actions and definitions of one worker process."""

    settings: Settings
    registry: ActionRegistry
    definitions: Sequence[LoadedDefinition]
    models: Models = field(default_factory=Models)
    graphs: Mapping[str, str] = field(default_factory=dict[str, str])
    """Digests of the users' graphs by their names."""
    mcp: McpServing = field(default_factory=McpServing)

    @classmethod
    def load(cls, settings: Settings) -> Serving:
        """Import the actions and read the definitions, and what is said of models, that the settings and the installed packages name.

        Raises:
            WorkflowError: one of them cannot be loaded; the sentence names it.
        """
        graphs = load_graphs(settings)
        models, mcp = Models.load(settings), McpServing.load(settings)
        return cls(settings, load_actions(settings), load_definitions(settings), models, graphs, mcp)

    @property
    def catalog(self) -> dict[str, ActionInfo]:
        """The actions that definitions may name."""
        return with_foreign(self.registry.catalog(), self.settings)

    @property
    def queues(self) -> list[str]:
        """The main queue, then one for each capability."""
        return list(dict.fromkeys([self.settings.task_queue, *self.settings.capabilities]))

    def describe(self, client: Client) -> str:
        """The parts of the line that says what is served."""
        queues = ", ".join(self.queues)
        build = f"build {self.settings.build_id} of {self.settings.deployment}, " if self.settings.deployment else ""
        return (
            f"{build}queue {queues}, {counted(len(self.registry.actions), 'action')}, "
            f"{counted(len(self.definitions), 'definition')}, namespace {client.namespace}, pid {os.getpid()}"
        )
