"""The definitions a worker serves: those of installed packages, by setting, and of the library where asked for."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Sequence
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path

from advanced_workflow.client.errors import WorkerStartRefused
from advanced_workflow.client.serve.real_model import with_model
from advanced_workflow.client.settings import Settings
from advanced_workflow.workflows.definition.check.catalog import ActionCatalog
from advanced_workflow.workflows.definition.check.check import check
from advanced_workflow.workflows.definition.problems.codes import Code
from advanced_workflow.workflows.definition.problems.problem import DefinitionProblems
from advanced_workflow.workflows.definition.text.load import LIBRARY, LoadedDefinition, find_definitions
from advanced_workflow.workflows.definition.versions import Definitions

ENTRY_POINT_GROUP = "advanced_workflow.definitions"
"""Entry points of packages with definitions; each value is a package whose folder is searched."""
ONLY_WARNED = frozenset(
    one.value
    for one in (
        *(Code.UNKNOWN_ACTION, Code.WRONG_QUEUE, Code.UNKNOWN_GRAPH, Code.UNKNOWN_SERVER),
        Code.NOT_SUPPORTED_YET,
    )
)

logger = logging.getLogger(__name__)


def load_definitions(settings: Settings) -> list[LoadedDefinition]:
    """Load all definitions, in all their versions.

    Raises:
        WorkerStartRefused: an entry point does not name a package.
        DefinitionProblems: a folder of the setting is missing, or a file does not load.
    """
    library = [LIBRARY] if settings.library == "on" else []
    found = find_definitions([*library, *_installed_folders(), *settings.definitions])
    return found if settings.library_model is None else with_model(found, settings.library_model)


def require_valid(
    definitions: Sequence[LoadedDefinition],
    catalog: ActionCatalog,
    graphs: Collection[str] = (),
    servers: Collection[str] = (),
) -> None:
    """Check all definitions against the actions, graphs and MCP servers at hand.

    What another worker may serve, and what this release cannot run, is one warning each: other definitions are not affected.

    Raises:
        DefinitionProblems: for the first definition with other errors.
    """
    known = Definitions(loaded.workflow for loaded in definitions)
    for loaded in definitions:
        problems = [
            problem.at_line(loaded.line_of(problem.path))
            for problem in check(loaded.workflow, catalog, known, graphs=graphs, servers=servers)
            if problem.severity == "error" or problem.code in ONLY_WARNED
        ]
        refused = [problem for problem in problems if problem.code not in ONLY_WARNED]
        if refused:
            raise DefinitionProblems(loaded.source, refused)
        for problem in problems:
            logger.warning("%s: %s", loaded.source, problem)


def _installed_folders() -> Iterator[Path]:
    for point in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda point: (point.name, point.value)):
        spec = find_spec(point.module)
        places = list(spec.submodule_search_locations or ()) if spec else []
        if not places:
            raise WorkerStartRefused(f"entry point {point.name!r}: {point.module!r} is not a package; name one.")
        yield from map(Path, places)
