"""References to stored values: what came from outside must not name a value of another run.

A reference is a payload like any other, so whoever sends a message may write one. Each stored value says itself which run it was stored
for, and it is given to no other. What no worker could ever read (no reference, no driver of ours, no digest) is refused in the same way: in its place
comes a payload that says why. Whether that is so depends on the history and the value alone, so a replay gives the same answer.
What may be there again later, a missing object above all, raises instead: the run waits until it is restored.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from google.protobuf.json_format import Parse, ParseError
from temporalio.api.common.v1 import Payload
from temporalio.api.sdk.v1.external_storage_pb2 import ExternalStorageReference
from temporalio.converter import (
    ActivitySerializationContext,
    DataConverter,
    ExternalStorage,
    SerializationContext,
    WithSerializationContext,
    WorkflowSerializationContext,
)

from advanced_workflow.client.storage.file_system import DRIVER_NAME, names_object
from advanced_workflow.workflows.contract import PAYLOAD_LIMIT_BYTES, REFUSED_ENCODING

STORED_FOR = "adw-for"
"""In the metadata of a stored value: namespace and id of the run it was stored for. Values of release 0.1.0 and of other SDKs lack it."""
REPLAYED = "ReplayNamespace"
"""Where the SDK's replayer says that a run is."""
DRIVERS = frozenset({DRIVER_NAME, "aws.s3driver", "gcp.gcsdriver"})
"""Names in the references that workers of some setting can read."""

_MARK = "__temporal_external_storage_reference"
"""The SDK's mark of references that a codec encoded."""
_ENCODING = b"json/external-storage-reference"
_MESSAGE = ExternalStorageReference.DESCRIPTOR.full_name.encode()

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PayloadStorage(ExternalStorage, WithSerializationContext):
    """The SDK's external storage, bound to a run, with the largest JSON value that this project sends through it."""

    payload_limit: int = PAYLOAD_LIMIT_BYTES
    """In bytes; see `payload_limit`."""
    stored_for: str | None = None
    """The run whose values these are; None where that is not known, as for a client that reads a history."""

    def with_context(self, context: SerializationContext) -> Self:
        """The same for one run."""
        if not isinstance(context, WorkflowSerializationContext | ActivitySerializationContext):
            return self
        # Whoever replays a history has the storage, and no run to give anything to.
        known = context.workflow_id and context.namespace != REPLAYED
        return dataclasses.replace(self, stored_for=f"{context.namespace}/{context.workflow_id}" if known else None)

    async def _store_payload(self, payload: Payload) -> Payload:
        return await super()._store_payload(self._marked(payload))

    async def _store_payload_sequence(self, payloads: Sequence[Payload]) -> list[Payload]:
        return await super()._store_payload_sequence([self._marked(one) for one in payloads])

    def _marked(self, payload: Payload) -> Payload:
        if self.stored_for is None or self._select_driver(self._select_context, payload) is None:
            return payload
        marked = Payload()
        marked.CopyFrom(payload)
        marked.metadata[STORED_FOR] = self.stored_for.encode()
        return marked

    async def _retrieve_payload(self, payload: Payload) -> Payload:
        value = await super()._retrieve_payload(payload)
        if STORED_FOR not in value.metadata:
            return value
        if self.stored_for is not None and value.metadata[STORED_FOR] != self.stored_for.encode():
            return _refused("is a reference to a value that was stored for another run")
        del value.metadata[STORED_FOR]
        return value

    async def _retrieve_payload_sequence(self, payloads: Sequence[Payload]) -> list[Payload]:
        return list(await asyncio.gather(*(self._retrieve_payload(one) for one in payloads)))


@dataclass(frozen=True)
class GuardedConverter(DataConverter):
    """The SDK's converter; what pretends to be a reference and is none is refused, where the SDK would fail the workflow task for ever."""

    async def _decode_reference_payload_sequence(self, payloads: Sequence[Payload]) -> list[Payload]:
        if self.payload_codec is None:  # A mark then says nothing.
            payloads = [_unmarked(one) if _MARK in one.metadata else one for one in payloads]
        read = await super()._decode_reference_payload_sequence(payloads)
        return [one if (why := _unreadable(one)) is None else _refused(why) for one in read]


def _unmarked(payload: Payload) -> Payload:
    plain = Payload()
    plain.CopyFrom(payload)
    del plain.metadata[_MARK]
    return plain


def _unreadable(payload: Payload) -> str | None:
    """Why no worker of any setting could read what is, or pretends to be, a reference."""
    encoding, message = payload.metadata.get("encoding"), payload.metadata.get("messageType")
    if encoding != _ENCODING and (encoding, message) != (b"json/protobuf", _MESSAGE):
        return None
    try:
        name, claim = _parts(payload)
    except (ValueError, TypeError, LookupError, ParseError):
        return "is a reference to a stored value that cannot be read"
    if name not in DRIVERS:
        return "is a reference to a value in a storage that no worker has"
    if name == DRIVER_NAME and not names_object(claim.get("sha256", "")):
        return "is a reference that does not name a stored value"
    return None


def _parts(payload: Payload) -> tuple[str, Mapping[str, str]]:
    """The name of the driver, and what it is to find."""
    if payload.metadata["encoding"] == _ENCODING:
        found: Any = json.loads(payload.data)
        return str(found["driver_name"]), {
            str(key): str(one) for key, one in found["driver_claim"]["claim_data"].items()
        }
    reference = Parse(payload.data, ExternalStorageReference(), ignore_unknown_fields=True)
    return reference.driver_name, reference.claim_data


def _refused(why: str) -> Payload:
    _log.warning("a payload %s; it was refused.", why)
    return Payload(metadata={"encoding": REFUSED_ENCODING.encode()}, data=why.encode())
