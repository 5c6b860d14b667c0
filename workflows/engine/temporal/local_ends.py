"""The ends of local activities in a history: markers that the SDK writes."""

from __future__ import annotations

import json
from collections.abc import Iterable

from temporalio.api.history.v1 import HistoryEvent

_MARKER = "core_local_activity"


def local_ends(events: Iterable[HistoryEvent]) -> Iterable[int]:
    """The numbers of those that ended, as the SDK counts a run's activities."""
    for event in events:
        marker = event.marker_recorded_event_attributes
        if marker.marker_name == _MARKER:
            yield json.loads(marker.details["data"].payloads[0].data)["seq"]
