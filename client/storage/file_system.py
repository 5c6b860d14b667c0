"""Large values in a folder that clients and workers share: one file each, named by its own sha256."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4

from google.protobuf.message import DecodeError
from temporalio.api.common.v1 import Payload
from temporalio.converter import (
    StorageDriver,
    StorageDriverClaim,
    StorageDriverRetrieveContext,
    StorageDriverStoreContext,
)

from advanced_workflow.client.storage.lost import ValueLost
from advanced_workflow.workflows.errors import StorageFailed

DRIVER_NAME = "adw.file"
"""Recorded in histories with each reference; it never changes."""
_DIGEST = re.compile(r"[0-9a-f]{64}")
_SIGN = ".adw-storage"
"""A folder in the folder: without it, what is there is not the storage but, say, the place where its disk is mounted."""


class FileSystemDriver(StorageDriver):
    """Keeps payloads as `FOLDER/ab/cd/abcd...`, two levels so that no folder gets too many entries.

    Many processes may write at once: a file appears under its name only when it is complete and on the disk, and whoever
    writes the same value writes the same bytes. References do not name the folder, so it may be moved. Nothing is ever
    deleted; a writer that was killed leaves a `*.tmp` behind, which may go.
    """

    def __init__(self, folder: Path) -> None:
        """`folder` exists and can be written. Raises `StorageFailed`."""
        self._folder = folder
        try:
            (folder / _SIGN).mkdir(exist_ok=True)
        except OSError as error:
            raise StorageFailed(
                f"storage folder {folder}: it cannot be written ({_reason(error)}); make it writable."
            ) from error

    def name(self) -> str:
        """Name of the driver in references."""
        return DRIVER_NAME

    def type(self) -> str:
        """Kind of driver, for the server's list of workers."""
        return DRIVER_NAME

    async def store(self, context: StorageDriverStoreContext, payloads: Sequence[Payload]) -> list[StorageDriverClaim]:
        """Write each payload and give its digest. Raises `StorageFailed`."""
        contents = [payload.SerializeToString(deterministic=True) for payload in payloads]
        digests = await asyncio.to_thread(lambda: [write_object(self._folder, content) for content in contents])
        return [StorageDriverClaim({"sha256": digest}) for digest in digests]

    async def retrieve(
        self, context: StorageDriverRetrieveContext, claims: Sequence[StorageDriverClaim]
    ) -> list[Payload]:
        """Read each payload and check it against its digest. Raises `StorageFailed`, `ValueLost` where one is not there."""
        digests = [claim.claim_data.get("sha256", "") for claim in claims]
        contents = await asyncio.to_thread(lambda: [read_object(self._folder, digest) for digest in digests])
        try:
            return [Payload.FromString(content) for content in contents]
        except DecodeError as error:
            raise ValueLost(
                f"storage folder {self._folder}: an object is no stored value; it was not made here."
            ) from error


def names_object(digest: str) -> bool:
    """Whether a reference can be one of this driver's."""
    return _DIGEST.fullmatch(digest) is not None


def write_object(folder: Path, content: bytes) -> str:
    """Write a file that is named by its content, and give the name; when this returns it is on the disk.

    Raises:
        StorageFailed: the folder is gone, full or not writable.
    """
    digest = hashlib.sha256(content).hexdigest()
    path = _path(folder, digest)
    try:
        # The folder itself is not made: where it is missing, a disk is not mounted.
        path.parent.parent.mkdir(exist_ok=True)
        path.parent.mkdir(exist_ok=True)
        if not _holds(path, content):
            _write(path, content)
        # Also for another writer's file: it may be named already, and not on the disk yet.
        for changed in (path.parent, path.parent.parent, folder):
            _sync(changed)
    except OSError as error:
        raise StorageFailed(
            f"storage folder {folder}: a value of {len(content):,} bytes cannot be stored ({_reason(error)}); "
            "mount the folder, make room or make it writable."
        ) from error
    return digest


def read_object(folder: Path, digest: str) -> bytes:
    """Read the file of that name.

    Raises:
        ValueLost: it is missing, or its content is not what its name says.
        StorageFailed: it cannot be read, or the storage is not there.
    """
    # It comes from a history, so it may be anything, `../` included.
    if not names_object(digest):
        raise ValueLost(
            f"storage folder {folder}: a reference does not name an object ({digest!r}); it was not made here."
        )
    try:
        content = _content(folder, digest)
    except FileNotFoundError as error:
        kind, place = (ValueLost, "") if (folder / _SIGN).is_dir() else (StorageFailed, ", and so is the storage")
        raise kind(
            f"storage folder {folder}: object {digest} is missing{place}; is ADW_STORAGE the same here and where the run was "
            "started? Otherwise restore it from a backup."
        ) from error
    except OSError as error:
        raise StorageFailed(
            f"storage folder {folder}: object {digest} cannot be read ({_reason(error)}); make it readable."
        ) from error
    if hashlib.sha256(content).hexdigest() != digest:
        raise ValueLost(
            f"storage folder {folder}: object {digest} is damaged, its content is not what was stored; restore it from "
            "a backup."
        )
    return content


def _content(folder: Path, digest: str) -> bytes:
    try:
        return _path(folder, digest).read_bytes()
    except FileNotFoundError:
        # Where the disk has just been mounted, it is there now.
        return _path(folder, digest).read_bytes()


def _path(folder: Path, digest: str) -> Path:
    return folder / digest[:2] / digest[2:4] / digest


def _holds(path: Path, content: bytes) -> bool:
    # Compared, not trusted: a damaged file is written again while its value is at hand.
    try:
        return path.stat().st_size == len(content) and path.read_bytes() == content
    except FileNotFoundError:
        return False


def _write(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name[:16]}-{uuid4().hex}.tmp")
    try:
        # For the owner alone, whatever the umask is: it may hold what a run was given.
        with open(temporary, "xb", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _reason(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()
