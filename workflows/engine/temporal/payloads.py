"""Strict JSON between the engine and Temporal payloads: each value is encoded once, its size known before it is sent."""

from __future__ import annotations

from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue

from advanced_workflow.workflows.contract import PAYLOAD_LIMIT_BYTES, Json
from advanced_workflow.workflows.errors import DataInvalid, PayloadTooLarge
from advanced_workflow.workflows.plain import strict_json

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


def decode(raw: RawValue, what: str) -> Json:
    """Decode a payload that must hold JSON; `binary/null` gives None. Raises `DataInvalid`."""
    encoding = raw.payload.metadata.get("encoding", b"")
    if encoding == b"binary/null":
        return None
    if encoding not in _JSON_ENCODINGS:
        raise DataInvalid(f"{what} has encoding {encoding.decode(errors='replace')!r}; send plain JSON.")
    return strict_json.decode(raw.payload.data, what)
