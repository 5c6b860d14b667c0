"""Large values in an S3 bucket, by the SDK's own driver. Needs the extra `s3`.

Region, credentials and endpoint are AWS's own configuration: `AWS_REGION`, `AWS_PROFILE`, `AWS_ENDPOINT_URL_S3`, ...
The bucket must exist; reading and writing objects and listing the bucket must be allowed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any

from temporalio.api.common.v1 import Payload
from temporalio.contrib.aws.s3driver import S3StorageDriver, S3StorageDriverClient
from temporalio.converter import StorageDriverClaim, StorageDriverRetrieveContext, StorageDriverStoreContext

from advanced_workflow.client.storage.buckets import (
    LARGEST_OBJECT_BYTES,
    Place,
    require_packages,
    retrieved,
    stored,
)
from advanced_workflow.client.storage.kept import KeptOpen

EXTRA = "s3"
MODULES = ("aioboto3", "types_aiobotocore_s3")
_SDK_CLIENT = "temporalio.contrib.aws.s3driver.aioboto3"


class S3Driver(S3StorageDriver):
    """The SDK's driver with a prefix; its name and claims are the SDK's, so workers of other SDKs can read them."""

    def __init__(self, place: Place) -> None:
        """Connects at first use. Raises `SettingsInvalid` where the packages of the extra are missing."""
        require_packages(place, MODULES, EXTRA)
        super().__init__(_Client(place), place.bucket, max_payload_size=LARGEST_OBJECT_BYTES)
        self._place = place

    async def store(self, context: StorageDriverStoreContext, payloads: Sequence[Payload]) -> list[StorageDriverClaim]:
        """Put each payload into the bucket. Raises `StorageFailed`."""
        claims = await stored(self._place, lambda: super(S3Driver, self).store(context, payloads))
        return [self._place.claim(claim, "key") for claim in claims]

    async def retrieve(
        self, context: StorageDriverRetrieveContext, claims: Sequence[StorageDriverClaim]
    ) -> list[Payload]:
        """Get each payload and check it against its digest. Raises `StorageFailed`."""
        return await retrieved(self._place, claims, "key", lambda: super(S3Driver, self).retrieve(context, claims))


class _Client(S3StorageDriverClient):
    """Connects at first use; writes under the prefix, reads what claims name."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._kept = KeptOpen(_connect)

    async def object_exists(self, *, bucket: str, key: str) -> bool:
        client = await self._kept.get()
        return await client.object_exists(bucket=bucket, key=self._place.object_name(key))

    async def put_object(self, *, bucket: str, key: str, data: bytes) -> None:
        client = await self._kept.get()
        await client.put_object(bucket=bucket, key=self._place.object_name(key), data=data)

    async def get_object(self, *, bucket: str, key: str) -> bytes:
        return await (await self._kept.get()).get_object(bucket=bucket, key=key)


@asynccontextmanager
async def _connect() -> AsyncGenerator[S3StorageDriverClient]:
    # The extra's packages are optional and take seconds to import, which the event loop must not.
    boto: Any = await asyncio.to_thread(import_module, "aioboto3")
    sdk: Any = await asyncio.to_thread(import_module, _SDK_CLIENT)
    async with boto.Session().client("s3") as client:
        yield sdk.new_aioboto3_client(client)
