from __future__ import annotations

import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from advanced_workflow.client.storage.file_system import read_object, write_object

ROOT = Path(__file__).parents[2]


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def store_many(folder: Path, writer: int) -> list[str]:
    """Values of the writer's own among values that all writers store, each read back at once."""
    digests = []
    for number in range(60):
        content = (f"shared {number} " if number % 2 else f"{writer} {number} ").encode() * 2_000
        digests.append(write_object(folder, content))
        assert read_object(folder, digests[-1]) == content
    return digests


def test_many_processes_write_at_once(tmp_path: Path) -> None:
    with ProcessPoolExecutor(3, mp_context=get_context("spawn")) as writers:
        stored = {digest for digests in writers.map(store_many, [tmp_path] * 3, range(3)) for digest in digests}

    assert len(stored) == 3 * 30 + 30
    assert {path.name for path in files(tmp_path)} == stored


def test_a_writer_that_is_killed_leaves_no_damaged_object(tmp_path: Path) -> None:
    code = (
        "import itertools; from pathlib import Path; from advanced_workflow.client.storage.file_system import write_object\n"
        f"for n in itertools.count(): print(write_object(Path({str(tmp_path)!r}), str(n).encode() * 500_000), flush=True)"
    )
    for pause in (0, 0.02, 0.1):
        process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        process.stdout.readline()  # it writes
        time.sleep(pause)
        process.send_signal(signal.SIGKILL)
        process.communicate()

    objects = [path for path in files(tmp_path) if path.suffix != ".tmp"]
    assert len(objects) >= 1
    assert all(read_object(tmp_path, path.name) for path in objects)
