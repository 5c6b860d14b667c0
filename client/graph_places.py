"""Where the users' graphs of a worker are: entry points of installed packages, and the setting."""

from __future__ import annotations

from importlib.metadata import entry_points

from advanced_workflow.client.errors import WorkerStartRefused
from advanced_workflow.client.settings import Settings
from advanced_workflow.workflows.definition.kinds.orchestrator import ENTERPRISE

ENTRY_POINT_GROUP = "advanced_workflow.graphs"
"""Entry points of packages with graphs; the name of each is the graph's."""


def graph_places(settings: Settings) -> dict[str, str]:
    """`MODULE:ATTRIBUTE` of each graph by its name; nothing is loaded.

    Raises `WorkerStartRefused` where a name means two graphs.
    """
    points = sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda point: (point.name, point.value))
    named = [(point.name, point.value) for point in points]
    named += [(name, place) for name, _, place in (one.partition("=") for one in settings.graphs)]
    found: dict[str, str] = {ENTERPRISE: "the engine"}
    for name, place in named:
        if found.setdefault(name, place) != place:
            raise WorkerStartRefused(
                f"graph {name!r} is both {found[name]} and {place}; give one of them another name."
            )
    del found[ENTERPRISE]
    return dict(sorted(found.items()))
