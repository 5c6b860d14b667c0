"""What S3 and Google Cloud Storage have in common here: a prefix, an optional package, and one sentence when they fail."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from importlib.util import find_spec
from typing import Any, TypeVar

from google.protobuf.message import DecodeError
from temporalio.converter import StorageDriverClaim

from advanced_workflow.client.errors import SettingsInvalid
from advanced_workflow.client.storage.lost import ValueLost
from advanced_workflow.workflows.errors import StorageFailed
from advanced_workflow.workflows.plain.text import one_line

T = TypeVar("T")

LARGEST_OBJECT_BYTES = 2**31 - 1
"""What the drivers accept; protobuf's own limit, since sizes are checked before a value comes to them."""


LONGEST_NAME_BYTES = 1024
"""Of an object, in both services."""
_DIGEST_PART = "/d/sha256/"
"""The drivers' names end with it and the digest."""


@dataclass(frozen=True, slots=True)
class Place:
    """A bucket, and the folder in it that holds the objects."""

    scheme: str
    bucket: str
    prefix: str = ""

    def __str__(self) -> str:
        """As it is written in `ADW_STORAGE`."""
        return f"{self.scheme}://{self.bucket}/{self.prefix}".rstrip("/")

    def object_name(self, name: str) -> str:
        """Put a driver's object name under the prefix; one that gets too long keeps its digest, which is enough."""
        full = f"{self.prefix}/{name}" if self.prefix else name
        if len(full.encode()) <= LONGEST_NAME_BYTES:
            return full
        return f"{self.prefix}/v0{name[name.rindex(_DIGEST_PART) :]}"

    def claim(self, claim: StorageDriverClaim, field: str) -> StorageDriverClaim:
        """Put a claim's object name under the prefix.

        Claims tell everything about where the object lies: they stay readable when the prefix gets shorter, and for the same drivers
        of other SDKs, which do not know it.
        """
        return StorageDriverClaim({**claim.claim_data, field: self.object_name(claim.claim_data[field])})


def require_inside(place: Place, claims: Sequence[StorageDriverClaim], field: str) -> None:
    """Refuse to ask for what is not in the place: a reference comes from a history, so it may name anything. Raises `ValueLost`."""
    inside = f"{place.prefix}/" if place.prefix else ""
    for claim in claims:
        bucket, name = claim.claim_data.get("bucket", ""), claim.claim_data.get(field, "")
        if bucket != place.bucket or not name.startswith(inside) or ".." in name.split("/"):
            raise ValueLost(
                f"storage {place}: a reference names {bucket!r}, {name!r}, which is not there; ADW_STORAGE must be the one that "
                "the run was started with."
            )


async def stored(place: Place, work: Callable[[], Awaitable[T]]) -> T:
    """Await the storing of one of the SDK's drivers. Raises `StorageFailed` for whatever it raises."""
    try:
        return await work()
    except Exception as error:
        raise StorageFailed(
            f"storage {place}: a value cannot be stored ({_reason(error)}); check that the bucket exists and that the "
            "credentials may write to it."
        ) from error


async def retrieved(
    place: Place, claims: Sequence[StorageDriverClaim], field: str, work: Callable[[], Awaitable[T]]
) -> T:
    """Await the reading of one of the SDK's drivers, of what lies in the place. Raises `StorageFailed` for whatever it raises, `ValueLost` where the value is not there."""
    require_inside(place, claims, field)
    try:
        return await work()
    except Exception as error:
        objects = ", ".join(claim.claim_data.get(field, "an object without a name") for claim in claims)
        kind = ValueLost if _is_lost(error) else StorageFailed
        raise kind(
            f"storage {place}: {objects} cannot be read ({_reason(error)}); check that the object still "
            "exists and that the credentials may read it."
        ) from error


_NOT_WHAT_WAS_STORED = (ValueError, LookupError, DecodeError)
"""What the drivers raise for a claim that cannot be right, and for an object that is not the one it names."""
_NO_KEY = "NoSuchKey"
"""S3's word, which it has only for those who may list the bucket; others hear that they may not read."""
_NO_OBJECT = "No such object"
"""That of Google, whose status is the same where there is no bucket."""


def _is_lost(error: Exception) -> bool:
    """Whether the service said that the object is not there, or gave another one."""
    if isinstance(error, _NOT_WHAT_WAS_STORED):
        return True
    cause: Any = error.__cause__
    with suppress(AttributeError, LookupError, TypeError):
        return bool(cause.response["Error"]["Code"] == _NO_KEY)
    return getattr(cause, "status", None) == HTTPStatus.NOT_FOUND and _NO_OBJECT in str(cause)


def _reason(error: Exception) -> str:
    # The drivers' own message says where, its cause says why.
    cause = error.__cause__ or error
    return f"{type(cause).__name__}: {one_line(cause).rstrip('.')}"


def require_packages(place: Place, modules: Sequence[str], extra: str) -> None:
    """Raise `SettingsInvalid` unless these top-level modules are installed; importing them takes a second and can wait."""
    missing = [module for module in modules if find_spec(module) is None]
    if missing:
        raise SettingsInvalid(
            f"ADW_STORAGE: {str(place)!r} needs packages that are not installed ({', '.join(missing)}); install "
            f"'advanced-workflow[{extra}]'."
        )
