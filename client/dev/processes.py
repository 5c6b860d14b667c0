"""Worker processes of this machine: started, waited for, ended."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from asyncio.subprocess import Process
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from advanced_workflow.client.dev.child_process import end_process, start_process
from advanced_workflow.client.errors import WorkerStartRefused

# Without -P a file named worker.py in the current folder would be run instead.
WORKER_COMMAND = (sys.executable, "-P", "-m", "advanced_workflow.worker")
READY = "worker ready:"
START_SECONDS = 120
"""A slow machine takes many times the few seconds of others; one that ends instead is not waited for."""
POLL_SECONDS = 0.05
PREFIX = "adw-worker: "


@dataclass
class WorkerProcess:
    """A worker in a process of its own, with `environment` over this one's.

    With `log_path` it writes there, otherwise where this process does. With `keep` it is left running when this process
    ends; otherwise it ends with this process even if that is killed (Linux).
    """

    environment: Mapping[str, str]
    log_path: Path | None = None
    keep: bool = False
    process: Process | None = field(default=None, init=False)

    @property
    def pid(self) -> int | None:
        """Process id, once started."""
        return self.process.pid if self.process else None

    async def start(self) -> None:
        """Start it; with a log, wait until it serves.

        Raises:
            WorkerStartRefused: it ended, or did not serve within two minutes; the message is its own sentence.
        """
        with contextlib.ExitStack() as opened:
            log = opened.enter_context(self.log_path.open("ab")) if self.log_path else None
            self.process = await start_process(
                WORKER_COMMAND, log=log, environment=dict(self.environment), keep=self.keep
            )
        if self.log_path:
            await self._wait_until_serving(self.process, self.log_path)

    async def stop(self) -> None:
        """Ask it to end, kill it when it does not, and wait for its end."""
        if self.process is not None:
            await end_process(self.process)
            self.process = None

    async def kill(self) -> None:
        """Kill it as a crash would, and wait for its end."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
            await self.process.wait()
            self.process = None

    async def _wait_until_serving(self, process: Process, log_path: Path) -> None:
        try:
            async with asyncio.timeout(START_SECONDS):
                while READY not in _read(log_path):
                    if process.returncode is not None:
                        raise WorkerStartRefused(_last_line(log_path) or "the worker ended without saying why.")
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError:
            raise WorkerStartRefused(
                f"the worker did not serve within {START_SECONDS} s; its log {log_path} ends with: {_last_line(log_path)}"
            ) from None


def local_environment(address: str, **more: str) -> dict[str, str]:
    """This process's environment for a worker of the server at `address`: no other Temporal configuration counts.

    Nor does the deployment that a worker elsewhere is a build of: on this server no build is current, so it would take nothing.
    """
    foreign = ("TEMPORAL_", "ADW_DEPLOYMENT", "ADW_BUILD_ID")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return {**kept, "TEMPORAL_ADDRESS": address, "TEMPORAL_CONFIG_FILE": os.devnull, **more}


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def _last_line(path: Path) -> str:
    lines = _read(path).strip().splitlines()
    return _sentence(lines[-1]).removeprefix(PREFIX) if lines else ""


def _sentence(line: str) -> str:
    """What a line says, also where the log is JSON."""
    try:
        said: object = json.loads(line)
    except ValueError:
        return line
    return str(cast("dict[str, object]", said).get("message", line)) if isinstance(said, dict) else line
