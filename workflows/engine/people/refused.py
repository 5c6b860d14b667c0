"""The visible log of messages that did not count: bounded, however many and however large they are."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from typing import Any, cast

from advanced_workflow.workflows.contract import Json, RejectedDecision
from advanced_workflow.workflows.definition.problems.places import shorten
from advanced_workflow.workflows.engine.state.latest import Latest
from advanced_workflow.workflows.engine.temporal.clock import timestamp
from advanced_workflow.workflows.errors import DataInvalid
from advanced_workflow.workflows.plain.strict_json import encode, misfits

MOST = 200
"""Messages that are listed, the latest ones; the others are counted."""
MOST_BYTES = 64 * 1024
PAYLOAD_BYTES = 2 * 1024
"""A larger message is told by its size, its digest and its sender."""
_MESSAGE_CHARACTERS = 600
_NAME_CHARACTERS = 100
_TOLD = ("step_id", "approver", "decision_id", "event", "event_id")


class RefusedMessages:
    """The latest messages that did not count, and how many there were before them."""

    def __init__(self) -> None:
        """Nothing was refused."""
        self._messages = Latest[RejectedDecision](MOST, MOST_BYTES, lambda one: one.code)

    @property
    def listed(self) -> list[RejectedDecision]:
        """Those that are listed, the oldest first."""
        return self._messages.listed

    @property
    def left_out(self) -> Counter[str]:
        """How many are no longer listed, by code."""
        return self._messages.left_out

    def add(self, code: str, message: str, payload: Json, time: str | None = None) -> None:
        """Keep a message that did not count, and why."""
        shown, size = _shown(payload)
        message = shorten(message, _MESSAGE_CHARACTERS)
        self._messages.keep(RejectedDecision(time=time or timestamp(), code=code, message=message, payload=shown), size)

    def dump(self) -> dict[str, Json]:
        """As plain data."""
        return {"rejected": [one.model_dump(mode="json") for one in self.listed], "left_out": dict(self.left_out)}

    def load(self, data: Mapping[str, Json]) -> None:
        """Take over what `dump` gave."""
        self.left_out.update(data.get("left_out", {}))
        for one in data["rejected"]:
            known = RejectedDecision.model_validate(one)
            self.add(known.code, known.message, known.payload, known.time)


def _shown(payload: Json) -> tuple[Json, int]:
    """A message as it is kept, and about how many bytes that takes."""
    try:
        text = encode(payload, "the message")
    except DataInvalid as error:
        return {"left_out": {"reason": shorten(str(error), _MESSAGE_CHARACTERS)}}, PAYLOAD_BYTES
    if len(text) <= PAYLOAD_BYTES and next(misfits(payload), None) is None:
        return payload, len(text) + _MESSAGE_CHARACTERS
    told = {"bytes": len(text), "sha256": hashlib.sha256(text).hexdigest(), **_names(payload)}
    return {"left_out": told}, PAYLOAD_BYTES


def _names(payload: Json) -> dict[str, Json]:
    """What a message says about itself, short and printable."""
    fields = cast("dict[str, Any]", payload) if isinstance(payload, dict) else {}
    return {
        name: shorten(ascii(value)[1:-1], _NAME_CHARACTERS)
        for name in _TOLD
        if isinstance(value := fields.get(name), str)
    }
