"""The users' graphs a worker serves, loaded and looked at before it takes work; LangGraph is imported only where there are some."""

from __future__ import annotations

from advanced_workflow.client.serve.graph_places import graph_places
from advanced_workflow.client.settings import Settings
from advanced_workflow.workflows.engine.graphs.registry import register


def load_graphs(settings: Settings) -> dict[str, str]:
    """Register all graphs; gives their digests, by name.

    Raises:
        GraphRefused: one cannot be loaded, or cannot be right in a workflow; the sentence gives every reason.
    """
    return {name: register(name, place).digest for name, place in graph_places(settings).items()}
