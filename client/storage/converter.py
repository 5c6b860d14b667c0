"""From the settings to the client's data converter, and back to the largest value it takes."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

from temporalio.client import Client
from temporalio.converter import DataConverter, StorageDriver

from advanced_workflow.client.errors import SettingsInvalid
from advanced_workflow.client.setting_types import NO_STORAGE
from advanced_workflow.client.settings import Settings
from advanced_workflow.client.storage.bound import GuardedConverter, PayloadStorage
from advanced_workflow.client.storage.buckets import Place
from advanced_workflow.client.storage.file_system import FileSystemDriver
from advanced_workflow.workflows.contract import PAYLOAD_LIMIT_BYTES


def data_converter(settings: Settings) -> DataConverter:
    """Plain JSON, with large values stored where `ADW_STORAGE` says; nothing outside this machine is asked.

    Raises:
        SettingsInvalid: the folder is missing or not writable, or a package is not installed.
    """
    if settings.storage == NO_STORAGE:
        return GuardedConverter()
    storage = PayloadStorage(
        drivers=[_driver(settings.storage)],
        payload_size_threshold=settings.storage_threshold,
        payload_limit=settings.payload_limit,
    )
    return GuardedConverter(external_storage=storage)


def payload_limit(client: Client) -> int:
    """Largest JSON value in bytes that runs of this client may hold: Temporal's own, or more where it has storage."""
    storage = client.data_converter.external_storage
    return storage.payload_limit if isinstance(storage, PayloadStorage) else PAYLOAD_LIMIT_BYTES


def _driver(address: str) -> StorageDriver:
    parts = urlsplit(address)
    if parts.scheme == "file":
        return FileSystemDriver(_usable_folder(Path(unquote(parts.path))))
    place = Place(parts.scheme, parts.netloc, parts.path.strip("/"))
    # Only for those who use them: the SDK's drivers and what they need take their time to import.
    if parts.scheme == "s3":
        from advanced_workflow.client.storage.s3 import S3Driver

        return S3Driver(place)
    from advanced_workflow.client.storage.gcs import GcsDriver

    return GcsDriver(place)


def _usable_folder(folder: Path) -> Path:
    if not folder.is_dir():
        raise SettingsInvalid(f"ADW_STORAGE: folder {str(folder)!r} does not exist; make it, or mount it.")
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise SettingsInvalid(f"ADW_STORAGE: folder {str(folder)!r} cannot be read and written by this user.")
    return folder
