"""Large values in a bucket of Google Cloud Storage, by the SDK's own driver. Needs the extra `gcs`.

Credentials are Google's own configuration: `GOOGLE_APPLICATION_CREDENTIALS`, or the machine's service account;
`STORAGE_EMULATOR_HOST` names another endpoint. The bucket must exist; reading and creating objects must be allowed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any

from temporalio.api.common.v1 import Payload
from temporalio.contrib.gcp.gcsdriver import GCSStorageDriver, GCSStorageDriverClient
from temporalio.converter import StorageDriverClaim, StorageDriverRetrieveContext, StorageDriverStoreContext

from advanced_workflow.client.storage.buckets import (
    LARGEST_OBJECT_BYTES,
    Place,
    require_packages,
    retrieved,
    stored,
)
from advanced_workflow.client.storage.kept import KeptOpen

EXTRA = "gcs"
MODULES = ("gcloud", "aiohttp")
_STORAGE = "gcloud.aio.storage"
_SDK_CLIENT = "temporalio.contrib.gcp.gcsdriver.gcloud_aio"


class GcsDriver(GCSStorageDriver):
    """The SDK's driver with a prefix; its name and claims are the SDK's, so workers of other SDKs can read them."""

    def __init__(self, place: Place) -> None:
        """Connects at first use. Raises `SettingsInvalid` where the packages of the extra are missing."""
        require_packages(place, MODULES, EXTRA)
        super().__init__(_Client(place), place.bucket, max_payload_size=LARGEST_OBJECT_BYTES)
        self._place = place

    async def store(self, context: StorageDriverStoreContext, payloads: Sequence[Payload]) -> list[StorageDriverClaim]:
        """Put each payload into the bucket. Raises `StorageFailed`."""
        claims = await stored(self._place, lambda: super(GcsDriver, self).store(context, payloads))
        return [self._place.claim(claim, "object_name") for claim in claims]

    async def retrieve(
        self, context: StorageDriverRetrieveContext, claims: Sequence[StorageDriverClaim]
    ) -> list[Payload]:
        """Get each payload and check it against its digest. Raises `StorageFailed`."""
        return await retrieved(
            self._place, claims, "object_name", lambda: super(GcsDriver, self).retrieve(context, claims)
        )


class _Client(GCSStorageDriverClient):
    """Connects at first use; writes under the prefix, reads what claims name."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._kept = KeptOpen(_connect)

    async def object_exists(self, *, bucket: str, object_name: str) -> bool:
        client = await self._kept.get()
        return await client.object_exists(bucket=bucket, object_name=self._place.object_name(object_name))

    async def put_object(self, *, bucket: str, object_name: str, data: bytes) -> None:
        client = await self._kept.get()
        await client.put_object(bucket=bucket, object_name=self._place.object_name(object_name), data=data)

    async def get_object(self, *, bucket: str, object_name: str) -> bytes:
        return await (await self._kept.get()).get_object(bucket=bucket, object_name=object_name)


@asynccontextmanager
async def _connect() -> AsyncGenerator[GCSStorageDriverClient]:
    # The extra's packages are optional and take a while to import, which the event loop must not.
    google: Any = await asyncio.to_thread(import_module, _STORAGE)
    sdk: Any = await asyncio.to_thread(import_module, _SDK_CLIENT)
    async with google.Storage() as client:
        yield sdk.new_gcloud_aio_client(client)
