"""The event ids of a run: each counts once for an event's name, and belongs to one content."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from advanced_workflow.workflows.contract import EventMessage, Json
from advanced_workflow.workflows.engine.people.heard import short_digest
from advanced_workflow.workflows.plain.strict_json import encode

MOST = 10_000
"""Ids that are remembered, the latest ones."""
_NAME, _CONTENT = 6, 8

Known = Literal["new", "of another name", "same", "other content"]


class EventIds:
    """What each id was used for: the event's name, and its data."""

    def __init__(self) -> None:
        """None came."""
        self._uses: dict[str, list[str]] = {}

    def known(self, event: EventMessage) -> Known:
        """What is known of an event's id."""
        uses = self._uses.get(_key(event)) if event.event_id is not None else None
        if uses is None:
            return "new"
        use = _use(event)
        of_name = [one for one in uses if one[:_NAME] == use[:_NAME]]
        # An id that an older release remembered has no uses: it was for some event of any name.
        if not uses or use in of_name:
            return "same"
        return "other content" if of_name else "of another name"

    def take(self, event: EventMessage) -> None:
        """The event counts."""
        if event.event_id is None:
            return
        uses = self._uses.setdefault(_key(event), [])
        use = _use(event)
        if use not in uses:
            uses.append(use)
        if len(self._uses) > MOST:
            del self._uses[next(iter(self._uses))]

    def dump(self) -> dict[str, Json]:
        """As plain data."""
        return {"ids": list(self._uses.items())}

    def load(self, data: Mapping[str, Json]) -> None:
        """Take over what `dump` gave, or what 0.1.0 carried on: the ids themselves."""
        self._uses = {_digest(one): [] for one in data["seen"]}
        self._uses.update({key: list(uses) for key, uses in data.get("ids", ())})


def _key(event: EventMessage) -> str:
    return _digest(event.event_id or "")


def _use(event: EventMessage) -> str:
    return _digest(event.event)[:_NAME] + short_digest(encode(event.data, "the event"))[:_CONTENT]


def _digest(text: str) -> str:
    return short_digest(text.encode(errors="surrogatepass"))
