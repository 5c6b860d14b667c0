from __future__ import annotations

import asyncio
import gc
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.client import Client
from temporalio.converter import (
    ActivitySerializationContext,
    DataConverter,
    StorageDriverClaim,
    WorkflowSerializationContext,
)

from advanced_workflow.client.connection import connect
from advanced_workflow.client.errors import SettingsInvalid
from advanced_workflow.client.settings import Settings
from advanced_workflow.client.storage import StorageFailed, payload_limit
from advanced_workflow.client.storage.buckets import Place, require_inside
from advanced_workflow.client.storage.file_system import read_object, write_object
from advanced_workflow.client.storage.kept import KeptOpen
from advanced_workflow.workflows.contract import PAYLOAD_LIMIT_BYTES
from tests.storing import LARGE, converter, decoded, encoded

ROOT = Path(__file__).parents[2]


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_without_storage_values_are_plain_json() -> None:
    assert await encoded(converter("none"), LARGE) == await encoded(DataConverter.default, LARGE)


def test_what_is_stored_is_for_its_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        write_object(tmp_path, b"secret")
    finally:
        os.umask(before)

    assert [oct(path.stat().st_mode & 0o777) for path in files(tmp_path)] == ["0o600"]


async def test_a_large_value_becomes_a_file_named_by_its_digest_and_a_reference(tmp_path: Path) -> None:
    through = converter(f"file://{tmp_path}")

    payload = await encoded(through, LARGE)

    assert payload.ByteSize() < 400
    reference = json.loads(payload.data)
    assert reference["driverName"] == "adw.file"
    digest = reference["claimData"]["sha256"]
    assert files(tmp_path) == [tmp_path / digest[:2] / digest[2:4] / digest]
    assert hashlib.sha256(files(tmp_path)[0].read_bytes()).hexdigest() == digest
    assert await decoded(through, payload) == LARGE


async def test_a_value_below_the_threshold_stays_where_it_is(tmp_path: Path) -> None:
    through = converter(f"file://{tmp_path}", storage_threshold=400_000)

    payload = await encoded(through, LARGE)

    assert payload == await encoded(DataConverter.default, LARGE)
    assert files(tmp_path) == []


async def test_the_same_value_is_stored_once(tmp_path: Path) -> None:
    through = converter(f"file://{tmp_path}")

    first = await encoded(through, LARGE)
    written = files(tmp_path)[0].stat().st_mtime_ns
    second = await encoded(through, LARGE)

    assert first == second
    assert [path.stat().st_mtime_ns for path in files(tmp_path)] == [written]


async def test_a_folder_that_was_moved_is_read_where_it_is_now(tmp_path: Path) -> None:
    (tmp_path / "before").mkdir()
    payload = await encoded(converter(f"file://{tmp_path}/before"), LARGE)
    (tmp_path / "before").rename(tmp_path / "now here")

    assert await decoded(converter(f"file://{tmp_path}/now%20here"), payload) == LARGE


async def test_a_missing_object_is_one_sentence(tmp_path: Path) -> None:
    through = converter(f"file://{tmp_path}")
    payload = await encoded(through, LARGE)
    [path] = files(tmp_path)
    path.unlink()

    with pytest.raises(StorageFailed) as caught:
        await decoded(through, payload)

    assert str(caught.value).startswith(f"storage folder {tmp_path}: object {path.name} is missing; ")


@pytest.mark.parametrize("damage", [lambda content: content[:-1], lambda content: b"?" + content[1:], lambda _: b""])
async def test_a_damaged_object_is_one_sentence_until_its_value_is_stored_again(tmp_path: Path, damage: Any) -> None:
    through = converter(f"file://{tmp_path}")
    payload = await encoded(through, LARGE)
    [path] = files(tmp_path)
    path.write_bytes(damage(path.read_bytes()))

    with pytest.raises(StorageFailed, match=f"object {path.name} is damaged"):
        await decoded(through, payload)

    await encoded(through, LARGE)
    assert await decoded(through, payload) == LARGE


@pytest.mark.parametrize("digest", ["", "../../etc/passwd", "A" * 64, f"{'a' * 64}\n"])
def test_a_reference_that_is_no_digest_never_becomes_a_path(tmp_path: Path, digest: str) -> None:
    with pytest.raises(StorageFailed, match="a reference does not name an object"):
        read_object(tmp_path, digest)


def test_a_folder_that_went_away_is_not_made_again(tmp_path: Path) -> None:
    folder = tmp_path / "mounted"

    with pytest.raises(StorageFailed, match=r"no such file or directory\); mount the folder"):
        write_object(folder, b"value")

    assert not folder.exists()


def test_a_full_disk_is_one_sentence_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """The limit on the size of a file stands for a disk that takes only so much."""
    code = (
        "import resource; from pathlib import Path; from advanced_workflow.client.storage.file_system import write_object\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        f"write_object(Path({str(tmp_path)!r}), b'x' * 200_000)"
    )
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)

    last = ended.stderr.splitlines()[-1]
    assert f"storage folder {tmp_path}: a value of 200,000 bytes cannot be stored (file too large); " in last
    assert files(tmp_path) == []


@pytest.mark.parametrize(
    ("storage", "module", "extra"),
    [("s3://bucket/prefix", "aioboto3", "s3"), ("gs://bucket/prefix", "gcloud", "gcs")],
)
async def test_a_missing_package_is_one_sentence_that_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, storage: str, module: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)  # as if it were not installed, where it is

    with pytest.raises(SettingsInvalid) as caught:
        await connect(settings=Settings(storage=storage))

    assert str(caught.value).startswith(f"ADW_STORAGE: '{storage}' needs packages that are not installed ({module}")
    assert str(caught.value).endswith(f"install 'advanced-workflow[{extra}]'.")


async def test_a_missing_folder_is_one_sentence_before_anything_is_connected(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        await connect(address="127.0.0.1:1", settings=Settings(storage=f"file://{tmp_path}/none"))

    assert str(caught.value) == f"ADW_STORAGE: folder '{tmp_path}/none' does not exist; make it, or mount it."


async def test_the_largest_value_follows_from_the_client(tmp_path: Path) -> None:
    plain = await Client.connect("127.0.0.1:1", lazy=True)
    storing = await Client.connect(
        "127.0.0.1:1", lazy=True, data_converter=converter(f"file://{tmp_path}", payload_limit=3_000_000)
    )

    assert payload_limit(plain) == PAYLOAD_LIMIT_BYTES
    assert payload_limit(storing) == 3_000_000


def test_an_object_name_under_a_prefix_keeps_its_digest_when_it_gets_too_long() -> None:
    place = Place("s3", "bucket", "team/runs")
    short, long = "v0/ns/default/d/sha256/abc", f"v0/ns/default/wi/{'w' * 1000}/d/sha256/abc"

    assert place.object_name(short) == f"team/runs/{short}"
    assert place.object_name(long) == "team/runs/v0/d/sha256/abc"
    assert Place("s3", "bucket").object_name(short) == short


class Service:
    """Notes when it was opened and closed."""

    def __init__(self, refusals: int = 0) -> None:
        self.refusals = refusals
        self.log: list[str] = []

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[str]:
        if self.refusals:
            self.refusals -= 1
            raise ConnectionError("refused")
        self.log.append("opened")
        try:
            yield "connection"
        finally:
            self.log.append("closed")


def test_a_connection_opens_once_and_is_closed_with_the_loop_that_used_it() -> None:
    service = Service()
    kept = KeptOpen(service.open)

    async def use() -> list[str]:
        return list(await asyncio.gather(kept.get(), kept.get()))

    for _ in range(2):
        assert asyncio.run(use()) == ["connection"] * 2
    assert service.log == ["opened", "closed"] * 2


def test_a_connection_is_closed_in_order_even_when_its_client_is_forgotten() -> None:
    service = Service()

    async def use() -> None:
        await KeptOpen(service.open).get()
        gc.collect()
        assert service.log == ["opened"]

    asyncio.run(use())
    assert service.log == ["opened", "closed"]


async def test_a_connection_that_could_not_be_opened_is_tried_again() -> None:
    kept = KeptOpen(Service(refusals=1).open)

    with pytest.raises(ConnectionError):
        await kept.get()

    assert await kept.get() == "connection"


def _of(converter: DataConverter, run: str) -> DataConverter:
    return converter.with_context(WorkflowSerializationContext(namespace="default", workflow_id=run))


async def _read(converter: DataConverter, payload: Payload) -> Payload:
    copy = Payloads(payloads=[payload])
    await converter._transform_inbound_payloads(copy)
    return copy.payloads[0]


async def test_a_value_is_read_by_the_run_that_it_was_stored_for_and_by_no_other(tmp_path: Path) -> None:
    """Whoever sees the history of a run sees its references, and may send one to another run, or start one with it."""
    storing = converter(f"file://{tmp_path}")
    reference = await encoded(_of(storing, "payroll"), LARGE)
    activity = ActivitySerializationContext(
        namespace="default",
        activity_id="a",
        activity_type="a",
        activity_task_queue="q",
        workflow_id="payroll",
        workflow_type="t",
        is_local=False,
    )
    other = WorkflowSerializationContext(namespace="other", workflow_id="payroll")

    replayed = WorkflowSerializationContext(namespace="ReplayNamespace", workflow_id="any")

    for reader in (_of(storing, "payroll"), storing.with_context(activity), storing, storing.with_context(replayed)):
        assert await decoded(reader, reference) == LARGE
    for reader in (_of(storing, "stranger"), storing.with_context(other)):
        refused = await _read(reader, reference)
        assert refused.metadata["encoding"] == b"adw/refused"
        assert refused.data == b"is a reference to a value that was stored for another run"


async def test_what_release_0_1_0_stored_is_read_as_before(tmp_path: Path) -> None:
    [reference] = await converter(f"file://{tmp_path}").encode([LARGE])

    assert await decoded(_of(converter(f"file://{tmp_path}"), "any"), reference) == LARGE


@pytest.mark.parametrize("storage", ["none", "file"])
async def test_what_only_pretends_to_be_a_reference_is_refused_and_not_read(storage: str, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x", encoding="utf-8")
    reading = _of(converter("none" if storage == "none" else f"file://{tmp_path}"), "any")
    proto = {"encoding": b"json/protobuf", "messageType": b"temporal.api.sdk.v1.ExternalStorageReference"}
    old = {"encoding": b"json/external-storage-reference"}
    forged = [
        Payload(metadata=proto, data=b'{"driverName": "adw.file", "claimData": {"sha256": "../../secret"}}'),
        Payload(metadata=proto, data=b'{"driverName": "other", "claimData": {}}'),
        Payload(metadata=proto, data=b"\xff["),
        Payload(metadata=proto, data=b'{"driverName": []}'),
        Payload(
            metadata=old, data=b'{"driver_name": "adw.file", "driver_claim": {"claim_data": {"sha256": "/etc/passwd"}}}'
        ),
        Payload(metadata=old, data=b"[1]"),
        Payload(metadata=old, data=b"{}"),
    ]
    marked = Payload(metadata={"encoding": b"json/plain", "__temporal_external_storage_reference": b"true"}, data=b"1")

    for one in forged:
        assert (await _read(reading, one)).metadata["encoding"] == b"adw/refused", one
    assert await decoded(reading, marked) == 1


def test_a_bucket_is_asked_only_for_what_is_in_the_place_that_is_set() -> None:
    place = Place("s3", "ours", "team/runs")
    good = {"bucket": "ours", "key": "team/runs/v0/d/sha256/abc"}

    require_inside(place, [StorageDriverClaim(good)], "key")
    for other in ({"bucket": "theirs"}, {"key": "team/other/x"}, {"key": "team/runs/../x"}, {"key": "team/runsx"}):
        with pytest.raises(StorageFailed, match="which is not there"):
            require_inside(place, [StorageDriverClaim({**good, **other})], "key")
