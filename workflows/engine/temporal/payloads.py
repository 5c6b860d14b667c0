"""Strict JSON between the engine and Temporal payloads: each value is encoded once, its size known before it is sent."""

from __future__ import annotations

from collections.abc import Sequence

from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue

from advanced_workflow.workflows.contract import MISSING_ENCODING, PAYLOAD_LIMIT_BYTES, REFUSED_ENCODING, Json
from advanced_workflow.workflows.engine.temporal.patches import Patch, patched
from advanced_workflow.workflows.errors import DataInvalid, InputInvalid, PayloadTooLarge, StorageFailed
from advanced_workflow.workflows.plain import foreign_json, strict_json
from advanced_workflow.workflows.plain.strict_json import MAX_DEPTH
from advanced_workflow.workflows.plain.text import shortened

_JSON_ENCODINGS = (b"json/plain", b"json/protobuf")
_DEEPEST_OWN = 500

NOTHING = RawValue(Payload(metadata={"encoding": b"binary/null"}))
"""Stands for an argument that was not given."""


def encode(value: Json, what: str, limit: int = PAYLOAD_LIMIT_BYTES, *, flat: bool = False) -> RawValue:
    """Encode a value as `json/plain`; `what` names it in errors.

    Raises `DataInvalid` for what JSON cannot hold, and with `flat` for what is deeper than data may be; `PayloadTooLarge` over
    `limit` bytes.
    """
    data = strict_json.encode(value, what)
    if len(data) > limit:
        raise PayloadTooLarge(
            f"{what} is {len(data):,} bytes and the limit is {limit:,}; map less, or pass a reference."
        )
    if flat and _is_deep(value, data):
        raise _too_deep(what)
    return RawValue(Payload(metadata={"encoding": b"json/plain"}, data=data))


def encode_built(value: Json, what: str, limit: int) -> RawValue:
    """Encode what a mapping of the definition built, which is flat; a run of 0.1.0 may have sent deeper values."""
    raw = encode(value, what, limit)
    if _is_deep(value, raw.payload.data) and patched(Patch.RULES_2):
        raise _too_deep(what)
    return raw


def _is_deep(value: Json, data: bytes) -> bool:
    return data.count(b"[") + data.count(b"{") > MAX_DEPTH and strict_json.is_deeper(value, MAX_DEPTH)


def _too_deep(what: str) -> DataInvalid:
    return DataInvalid(f"{what} is nested more than {MAX_DEPTH} levels deep; pass flatter data.")


def decode(raw: RawValue, what: str, *, deepest: int = MAX_DEPTH, whole: bool = True) -> Json:
    """Decode a payload that somebody else made and that must hold JSON; `binary/null` gives None.

    The bounds are those of `foreign_json.read`. Raises `DataInvalid`; `StorageFailed` for a reference to what is not there.
    """
    data = _json_of(raw, what)
    return None if data is None else foreign_json.read(data, what, deepest=deepest, whole=whole)


def decode_own(raw: RawValue, what: str) -> Json:
    """Decode a payload that an engine or its worker made: it is as deep as a definition may be. Raises `DataInvalid`."""
    return decode(raw, what, deepest=_DEEPEST_OWN)


def argument(raws: Sequence[RawValue], what: str) -> RawValue:
    """The one argument of a message; `NOTHING` where none was sent. Raises `InputInvalid` for several."""
    if len(raws) > 1:
        raise InputInvalid(f"{what} takes one argument and {len(raws)} were sent; send one JSON object.")
    return raws[0] if raws else NOTHING


def _json_of(raw: RawValue, what: str) -> bytes | None:
    encoding = raw.payload.metadata.get("encoding", b"")
    if encoding == b"binary/null":
        return None
    if encoding == MISSING_ENCODING.encode():
        # In these words whatever the worker found: a replay may find something else.
        raise StorageFailed(
            f"{what} is a reference to a stored value that is not there; store it where the workers' ADW_STORAGE says, or send the value itself."
        )
    if encoding == REFUSED_ENCODING.encode():
        raise DataInvalid(f"{what} {shortened(raw.payload.data.decode(errors='replace'), 200)}; send the value itself.")
    if encoding not in _JSON_ENCODINGS:
        shown = shortened(encoding.decode(errors="replace"), 100)
        raise DataInvalid(f"{what} has encoding {shown!r}; send plain JSON.")
    return raw.payload.data
