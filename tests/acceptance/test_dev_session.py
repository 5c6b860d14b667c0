"""`adw dev` while files are half saved and processes die."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

from tests.acceptance.test_worker_startup import environment
from tests.patience import PATIENCE_SECONDS

FLOW = "workflow_id: mine\nsteps: [{step_id: a, step_type: wait, wait: {seconds: 1}}]\n"
SHOP = """
import warnings
from advanced_workflow import action
print("loaded")
warnings.warn("mind this")

@action
def pay() -> None:
    pass
"""


class Session:
    """One `adw dev`; every line that it and its worker write is a JSON object."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.said: list[dict[str, Any]] = []

    async def until(self, words: str) -> str:
        """Read on until a line holds these words; gives its message."""
        assert self.process.stdout
        async with asyncio.timeout(PATIENCE_SECONDS):
            while line := await self.process.stdout.readline():
                self.said.append(json.loads(line))
                if words in self.said[-1]["message"]:
                    return self.said[-1]["message"]
        raise AssertionError(f"it ended without saying {words!r}: {self.said}")

    async def ready(self) -> int:
        """Wait for a worker that is ready; gives its process id."""
        found = re.search(r"pid (\d+)", await self.until("worker ready"))
        assert found
        return int(found[1])

    def server(self) -> int:
        """The process id of its server."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return next(int(one) for one in children if b"start-dev" in Path(f"/proc/{one}/cmdline").read_bytes())


@contextlib.asynccontextmanager
async def dev(folder: Path) -> AsyncGenerator[Session]:
    command = (sys.executable, "-P", "-m", "advanced_workflow.client.cli", "dev", "--port", "0", "--ui-port", "0")
    more = environment(ADW_ACTIONS="shop", ADW_DEFINITIONS="flows", ADW_LOG_FORMAT="json")
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=STDOUT, cwd=folder, env=more)
    session = Session(process)
    try:
        yield session
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.communicate(), PATIENCE_SECONDS)


async def test_what_does_not_load_or_dies_ends_no_session(tmp_path: Path) -> None:
    flow = tmp_path / "flows" / "mine.yaml"
    flow.parent.mkdir()
    flow.write_text(FLOW, encoding="ascii")
    (tmp_path / "shop.py").write_text(SHOP, encoding="ascii")

    async with dev(tmp_path) as session:
        first = await session.ready()
        assert {"loaded"} <= {one["message"] for one in session.said}
        assert any("mind this" in one["message"] for one in session.said)

        flow.write_text("workflow_id: mine\nsteps: [", encoding="ascii")
        told = await session.until("no worker starts with it")
        assert told == "flows/mine.yaml changed, and no worker starts with it; the one that runs stays as it is:"
        await session.until("flows/mine.yaml")
        os.kill(first, 0)

        flow.write_text(FLOW.replace("seconds: 1", "seconds: 2"), encoding="ascii")
        second = await session.ready()
        assert second != first

        os.kill(second, signal.SIGKILL)
        assert (await session.until("the worker was killed")).endswith("it starts again in 1 s")
        third = await session.ready()

        os.kill(session.server(), signal.SIGKILL)
        await session.until("the server was killed")
        await session.until("the server is back")
        os.kill(third, 0)
