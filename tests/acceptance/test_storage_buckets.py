from __future__ import annotations

import json
from collections.abc import Iterator
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest

from advanced_workflow.client.ports import LOOPBACK, find_free_ports
from advanced_workflow.client.storage import StorageFailed
from advanced_workflow.client.storage.buckets import Place, retrieved
from advanced_workflow.client.storage.lost import ValueLost
from tests.storing import LARGE, converter, decoded, encoded


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A server that speaks S3, with a bucket; the boto client to look into it."""
    pytest.importorskip("aioboto3", reason="the extra 's3' is not installed")
    servers = pytest.importorskip("moto.server", reason="moto is not installed")
    boto: Any = import_module("boto3")  # comes with the extra
    server = servers.ThreadedMotoServer(ip_address=LOOPBACK, port=0, verbose=False)
    server.start()
    for name, value in {
        "AWS_ENDPOINT_URL_S3": "http://{}:{}".format(*server.get_host_and_port()),
        "AWS_ACCESS_KEY_ID": "made-up",
        "AWS_SECRET_ACCESS_KEY": "made-up",
        "AWS_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    client = boto.client("s3")
    client.create_bucket(Bucket="payloads")
    yield client
    client.close()
    server.stop()


async def test_s3_keeps_values_under_the_prefix_and_checks_what_it_gives_back(s3: Any) -> None:
    through = converter("s3://payloads/team/runs")

    payload = await encoded(through, LARGE)

    reference = json.loads(payload.data)
    [stored] = s3.list_objects_v2(Bucket="payloads")["Contents"]
    assert reference["driverName"] == "aws.s3driver"
    assert stored["Key"].startswith("team/runs/v0/")
    assert reference["claimData"]["key"] == stored["Key"]
    assert await decoded(through, payload) == LARGE
    assert await decoded(converter("s3://payloads/team"), payload) == LARGE
    with pytest.raises(StorageFailed, match=r"s3://payloads/elsewhere: a reference names .*ADW_STORAGE must be"):
        await decoded(converter("s3://payloads/elsewhere"), payload)

    s3.put_object(Bucket="payloads", Key=stored["Key"], Body=b"damaged")
    with pytest.raises(ValueLost, match="integrity check failed"):
        await decoded(through, payload)
    s3.delete_object(Bucket="payloads", Key=stored["Key"])
    with pytest.raises(ValueLost, match=f"storage s3://payloads/team/runs: {stored['Key']} cannot be read"):
        await decoded(through, payload)
    s3.delete_bucket(Bucket="payloads")
    with pytest.raises(StorageFailed, match="NoSuchBucket") as gone:
        await decoded(through, payload)
    assert not isinstance(gone.value, ValueLost)


async def test_a_bucket_that_does_not_exist_is_one_sentence(s3: Any) -> None:
    with pytest.raises(StorageFailed, match=r"storage s3://none: a value cannot be stored \(NoSuchBucket: "):
        await encoded(converter("s3://none"), LARGE)


@pytest.fixture
def gcs(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server that speaks Google's storage protocol; the name of its bucket."""
    pytest.importorskip("gcloud.aio.storage", reason="the extra 'gcs' is not installed")
    servers = pytest.importorskip("gcp_storage_emulator.server", reason="gcp-storage-emulator is not installed")
    [port] = find_free_ports(1)
    server = servers.create_server(LOOPBACK, port, in_memory=True, default_bucket="payloads")
    server.start()
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://{LOOPBACK}:{port}")
    yield "payloads"
    server.stop()


async def test_gcs_keeps_values_under_the_prefix(gcs: str) -> None:
    through = converter(f"gs://{gcs}/team/runs")

    payload = await encoded(through, LARGE)

    reference = json.loads(payload.data)
    assert reference["driverName"] == "gcp.gcsdriver"
    assert reference["claimData"]["object_name"].startswith("team/runs/v0/")
    assert await decoded(through, payload) == LARGE


async def test_a_gcs_bucket_that_does_not_exist_is_one_sentence(gcs: str) -> None:
    with pytest.raises(StorageFailed, match=r"storage gs://none: a value cannot be stored \(ClientResponseError: 404"):
        await encoded(converter("gs://none"), LARGE)


@pytest.mark.parametrize(
    ("said", "lost"), [("No such object: payloads/x", True), ("The specified bucket does not exist.", False)]
)
async def test_google_says_in_words_whether_the_object_is_lost(said: str, lost: bool) -> None:
    """Its status is the same without a bucket; the emulator says nothing, which is waited for."""
    aiohttp = pytest.importorskip("aiohttp", reason="the extra 'gcs' is not installed")

    async def reads() -> None:
        answer = aiohttp.ClientResponseError(
            SimpleNamespace(real_url="x"), (), status=404, message=f"Not Found: {said}"
        )
        raise RuntimeError("GCSStorageDriver retrieve failed") from answer

    with pytest.raises(StorageFailed) as caught:
        await retrieved(Place("gs", "payloads"), [], "object_name", reads)

    assert isinstance(caught.value, ValueLost) == lost
