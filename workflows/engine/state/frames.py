"""Where a step runs: one pass of one graph. A graph that repeats has a pass for each round or copy, each with paths of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from advanced_workflow.workflows.contract import Json
from advanced_workflow.workflows.contract.paths import StepPath
from advanced_workflow.workflows.engine.undo.undo_log import UndoLog


@dataclass(frozen=True, slots=True)
class Frame:
    """One pass of a graph.

    `prefix` is what its steps' paths begin with; `inside` says which pass of each container around it this is (container id ->
    prefix); `names` are what its expressions see beside the usual roots (`item`, `index`, `iteration`).
    """

    undo: UndoLog
    """What this pass may have to undo."""
    prefix: str = ""
    inside: Mapping[str, str] = field(default_factory=dict[str, str])
    names: Mapping[str, Json] = field(default_factory=dict[str, Json])
    opened: dict[str, None] | None = None
    """Paths of the records made in this pass, where it is one of many; None where records stay to the end of the run."""

    def path(self, name: str) -> StepPath:
        """Path of a step by its name in this pass."""
        return StepPath(self.prefix + name)

    def name_of(self, path: str) -> str:
        """A step's name in this pass, by its path."""
        return path.removeprefix(self.prefix)

    def within(self, container_id: str, key: str, undo: UndoLog) -> Frame:
        """The pass of a container that runs once; `key` is the container's name in paths."""
        prefix = f"{self.prefix}{key}."
        return replace(self, undo=undo, prefix=prefix, inside={**self.inside, container_id: prefix})

    def repeated(self, container_id: str, key: str, undo: UndoLog, names: Mapping[str, Json]) -> Frame:
        """One of many passes; `key` is the container's name with the number of the round or copy."""
        inner = self.within(container_id, key, undo)
        return replace(inner, names={**self.names, **names}, opened={})
