"""Strict JSON between the engine and Temporal payloads: each value is encoded once, its size known before it is sent."""

from __future__ import annotations

from collections.abc import Sequence

from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue

from advanced_workflow.workflows.contract import PAYLOAD_LIMIT_BYTES, Json
from advanced_workflow.workflows.errors import DataInvalid, InputInvalid, PayloadTooLarge
from advanced_workflow.workflows.plain import foreign_json, strict_json
from advanced_workflow.workflows.plain.strict_json import MAX_DEPTH
from advanced_workflow.workflows.plain.text import shortened

_JSON_ENCODINGS = (b"json/plain", b"json/protobuf")

NOTHING = RawValue(Payload(metadata={"encoding": b"binary/null"}))
"""Stands for an argument that was not given."""


def encode(value: Json, what: str, limit: int = PAYLOAD_LIMIT_BYTES) -> RawValue:
    """Encode a value as `json/plain`.

    `what` names it in errors. Raises `DataInvalid` for what JSON cannot hold and `PayloadTooLarge` over `limit` bytes.
    """
    data = strict_json.encode(value, what)
    if len(data) > limit:
        raise PayloadTooLarge(
            f"{what} is {len(data):,} bytes and the limit is {limit:,}; map less, or pass a reference."
        )
    return RawValue(Payload(metadata={"encoding": b"json/plain"}, data=data))


def decode(raw: RawValue, what: str, *, deepest: int = MAX_DEPTH, whole: bool = True) -> Json:
    """Decode a payload that somebody else made and that must hold JSON; `binary/null` gives None.

    The bounds are those of `foreign_json.read`. Raises `DataInvalid`.
    """
    data = _json_of(raw, what)
    return None if data is None else foreign_json.read(data, what, deepest=deepest, whole=whole)


def decode_own(raw: RawValue, what: str) -> Json:
    """Decode a payload that an engine or its worker made: it is as deep as a definition may be. Raises `DataInvalid`."""
    data = _json_of(raw, what)
    return None if data is None else strict_json.decode(data, what)


def argument(raws: Sequence[RawValue], what: str) -> RawValue:
    """The one argument of a message; `NOTHING` where none was sent. Raises `InputInvalid` for several."""
    if len(raws) > 1:
        raise InputInvalid(f"{what} takes one argument and {len(raws)} were sent; send one JSON object.")
    return raws[0] if raws else NOTHING


def _json_of(raw: RawValue, what: str) -> bytes | None:
    encoding = raw.payload.metadata.get("encoding", b"")
    if encoding == b"binary/null":
        return None
    if encoding not in _JSON_ENCODINGS:
        shown = shortened(encoding.decode(errors="replace"), 100)
        raise DataInvalid(f"{what} has encoding {shown!r}; send plain JSON.")
    return raw.payload.data
