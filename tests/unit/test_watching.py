from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from advanced_workflow.client.dev.watching import watched
from tests.patience import PATIENCE_SECONDS


async def test_a_file_is_seen_to_change_each_time_another_takes_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file, other = tmp_path / "shop.py", tmp_path / "shop.py.new"
    file.write_text("0", encoding="ascii")
    [changes] = watched([file])
    waits = asyncio.ensure_future(anext(changes))

    for number in range(1, 4):
        while not waits.done():  # The watcher may not have begun.
            other.write_text(str(number), encoding="ascii")
            other.replace(file)
            await asyncio.wait([waits], timeout=0.5)
        assert await waits == "shop.py"
        waits = asyncio.ensure_future(anext(changes))

    waits.cancel()
    async with asyncio.timeout(PATIENCE_SECONDS):
        await asyncio.gather(waits, return_exceptions=True)
