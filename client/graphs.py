"""The users' graphs, loaded before a worker takes work, or where the history of a run is replayed; LangGraph is imported only where there are some."""

from __future__ import annotations

from advanced_workflow.client.current_folder import look_in_current_folder
from advanced_workflow.client.graph_places import graph_places
from advanced_workflow.client.settings import Settings, load_settings
from advanced_workflow.workflows.engine.graphs.registry import GRAPHS, register


def load_graphs(settings: Settings) -> dict[str, str]:
    """Register all graphs; gives their digests, by name.

    Raises:
        GraphRefused: one cannot be loaded, or cannot be right in a workflow; the sentence gives every reason.
    """
    return {name: register(name, place).digest for name, place in graph_places(settings).items()}


def load_graphs_to_replay() -> bool:
    """Register the graphs that the settings name here, unless this process serves some; gives whether there are new ones.

    A worker keeps those that it was started with, whatever their files hold by now. Raises as `load_graphs` does.
    """
    if GRAPHS:
        return False
    look_in_current_folder()
    return bool(load_graphs(load_settings()))
