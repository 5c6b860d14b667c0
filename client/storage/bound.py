"""References to stored values: what came from outside must not name a value of another run.

A reference is a payload like any other, so whoever sends a message may write one. Each stored value says itself which run it was stored
for, and it is given to no other. What no worker could ever read (no reference, no driver of ours, no digest) is refused in the same way: in its place
comes a payload that says why. Whether that is so depends on the history and the value alone, so a replay gives the same answer.
What may be there again later, a missing object above all, is not for this place to judge: in the place of each in a workflow task comes a payload
that says which is missing (`engine/temporal/missing.py` says what is done then); clients and activities are told by an error.
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
from advanced_workflow.client.storage.lost import ValueLost
from advanced_workflow.workflows.contract import MISSING_ENCODING, PAYLOAD_LIMIT_BYTES, REFUSED_ENCODING

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

_NO_STORAGE = "a value lies in a storage and this worker has none: ADW_STORAGE is not set; give it the one that clients and other workers have."
_OTHER_STORAGE = (
    "a value lies in another kind of storage than this worker's; set ADW_STORAGE as clients and other workers have it."
)
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
    """The SDK's converter; what pretends to be a reference and is none is refused, where the SDK would fail the workflow task for ever.

    A workflow task that cannot be done without a value which is not there is failed by the run: it knows which those are.
    """

    async def decode(self, payloads: Sequence[Payload], type_hints: list[type] | None = None) -> list[Any]:
        """For clients and activities: what is not there is an error."""
        read = await self._decode_reference_payload_sequence(payloads)
        read = await super()._external_retrieve_payload_sequence(read)
        read = await self._decode_payload_sequence(read)
        return self.payload_converter.from_payloads(read, type_hints)

    async def _external_retrieve_payload_sequence(self, payloads: Sequence[Payload]) -> list[Payload]:
        return list(await asyncio.gather(*(self._retrieved(one) for one in payloads)))

    async def _retrieved(self, payload: Payload) -> Payload:
        if not _is_reference(payload):
            return payload
        if self.external_storage is None:
            return _missing(_NO_STORAGE)
        if _parts(payload)[0] not in {driver.name() for driver in self.external_storage.drivers}:
            return _missing(_OTHER_STORAGE)
        try:
            [value] = await super()._external_retrieve_payload_sequence([payload])
        except ValueLost as error:
            return _missing(str(error))
        return value

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
    if payload.metadata.get("encoding") == MISSING_ENCODING.encode():
        return "is said to be missing by who sent it"
    if not _is_reference(payload):
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


def _is_reference(payload: Payload) -> bool:
    encoding, message = payload.metadata.get("encoding"), payload.metadata.get("messageType")
    return encoding == _ENCODING or (encoding, message) == (b"json/protobuf", _MESSAGE)


def _parts(payload: Payload) -> tuple[str, Mapping[str, str]]:
    """The name of the driver, and what it is to find."""
    if payload.metadata["encoding"] == _ENCODING:
        found: Any = json.loads(payload.data)
        return str(found["driver_name"]), {
            str(key): str(one) for key, one in found["driver_claim"]["claim_data"].items()
        }
    reference = Parse(payload.data, ExternalStorageReference(), ignore_unknown_fields=True)
    return reference.driver_name, reference.claim_data


def _missing(what: str) -> Payload:
    _log.warning("a stored value is not there: %s", what)
    return Payload(metadata={"encoding": MISSING_ENCODING.encode()}, data=what.encode())


def _refused(why: str) -> Payload:
    _log.warning("a payload %s; it was refused.", why)
    return Payload(metadata={"encoding": REFUSED_ENCODING.encode()}, data=why.encode())
