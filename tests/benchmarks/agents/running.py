"""A process of a side, as the benchmark sees it."""

from __future__ import annotations

import asyncio
import json
import os
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.benchmarks.agents.environments import Contender

ROOT = Path(__file__).resolve().parents[3]
_LONGEST_LINE = 1024 * 1024
_TOLD = 2000
"""Characters of what a process said that failed."""


class SideFailed(Exception):
    """A side's process ended before it had answered."""


class Running:
    """Takes commands, one at a time."""

    def __init__(self, contender: Contender, process: Process, log: Path) -> None:
        self._contender = contender
        self._process = process
        self._log = log

    async def do(self, **command: Any) -> dict[str, Any]:
        """Carry out a command of `process.py`; gives its answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(command).encode() + b"\n")
        await self._process.stdin.drain()
        line = await self._process.stdout.readline()
        if not line:
            raise SideFailed(f"{self._contender.name}, {command}: {self._log.read_text()[-_TOLD:]}")
        return json.loads(line)


@asynccontextmanager
async def running(contender: Contender, python: Path, folder: Path) -> AsyncGenerator[Running, None]:
    """Start a process of the side; its log goes to `folder`. It ends with this block."""
    log = folder / f"{contender.side}.log"
    # Bytecode is kept, whatever the machine prefers: a sandbox would compile the workflow's module for each run.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment["PYTHONPYCACHEPREFIX"] = str(folder / "pycache" / contender.side)
    with log.open("ab") as file:
        process = await asyncio.create_subprocess_exec(
            *(str(python), "-m", "tests.benchmarks.agents.process", contender.module),
            stdin=PIPE,
            stdout=PIPE,
            stderr=file,
            cwd=ROOT,
            env=environment,
            limit=_LONGEST_LINE,
        )
        try:
            yield Running(contender, process, log)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            await process.wait()
