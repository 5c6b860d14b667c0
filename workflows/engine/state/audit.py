"""What operators did to a run: the latest acts with who and why, and how many there were before them.

All of them are in the run's history. What the run shows and takes along to a new history is bounded, however much they say.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from advanced_workflow.workflows.contract import AuditEntry, Json
from advanced_workflow.workflows.engine.state.latest import Latest

MOST = 500
"""Acts that are listed, the latest ones; the others are counted."""
MOST_CHARACTERS = 200_000
_AROUND = 200
"""Characters of an act beside who and why."""


class Audit:
    """The audit trail of one run."""

    def __init__(self) -> None:
        """Nobody did anything."""
        self._acts = Latest[AuditEntry](MOST, MOST_CHARACTERS, lambda one: one.operation)

    @property
    def listed(self) -> list[AuditEntry]:
        """The acts that are listed, the oldest first."""
        return self._acts.listed

    @property
    def left_out(self) -> Counter[str]:
        """How many acts are no longer listed, by operation."""
        return self._acts.left_out

    def append(self, entry: AuditEntry) -> None:
        """Keep an act."""
        self._acts.keep(entry, _size(entry))

    def dump(self) -> dict[str, Json]:
        """As plain data. Release 0.1.0 reads the list."""
        listed = [one.model_dump(mode="json", exclude_none=True) for one in self.listed]
        return {"audit": listed, "audit_left_out": dict(self.left_out)}

    def load(self, data: Mapping[str, Json]) -> None:
        """Take over what `dump` gave."""
        self.left_out.update(data.get("audit_left_out", {}))
        for one in data["audit"]:
            self.append(AuditEntry.model_validate(one))


def _size(entry: AuditEntry) -> int:
    return _AROUND + len(entry.by) + len(entry.reason) + len(entry.step_id or "")
