"""The decision ids of a run: each belongs to one person and one content, and counts once, over rounds, copies and histories."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple, dataclass

from advanced_workflow.workflows.contract import Json
from advanced_workflow.workflows.engine.people.heard import Heard, told
from advanced_workflow.workflows.errors import DecisionIdReused

MOST = 5_000
"""Ids that are remembered, the latest ones."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What a decision id was taken for."""

    content: str
    path: str
    """Of the step that the decision counts for."""


class DecisionIds:
    """What each id was taken for."""

    def __init__(self) -> None:
        """None was taken."""
        self._taken: dict[str, Taken] = {}

    def known(self, heard: Heard) -> Taken | None:
        """What the decision's id was taken for before. Raises `DecisionIdReused` where that is another decision."""
        taken = self._taken.get(heard.id) if heard.id is not None else None
        if taken is not None and taken.content != heard.content:
            raise DecisionIdReused(
                f"decision_id {told(heard.request.decision_id or '')} belongs to another decision, about step "
                f"{taken.path!r}; give a new one."
            )
        return taken

    def take(self, heard: Heard, path: str) -> None:
        """The decision is kept, or counts."""
        if heard.id is None:
            return
        self._taken[heard.id] = Taken(heard.content, path)
        if len(self._taken) > MOST:
            del self._taken[next(iter(self._taken))]

    def forget(self, heard: Heard) -> None:
        """The decision was kept, and does not count after all: a corrected one may carry the id."""
        if heard.id is not None:
            self._taken.pop(heard.id, None)

    def dump(self) -> list[Json]:
        """As plain data."""
        return [[id, *astuple(taken)] for id, taken in self._taken.items()]

    def load(self, data: Iterable[Json]) -> None:
        """Take over what `dump` gave."""
        self._taken = {id: Taken(content, path) for id, content, path, *_ in data}
