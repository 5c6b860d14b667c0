"""The real command `adw`, in a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.forking import ROOT, ForkedCommand, Forking
from tests.patience import PATIENCE_SECONDS


@dataclass(frozen=True)
class Ended:
    """What a command left."""

    code: int
    output: str
    errors: str

    def json(self) -> Any:
        assert self.code == 0, self.errors
        return json.loads(self.output)


@dataclass
class Adw:
    """Runs the command with these variables over a clean environment, forked from a Python that has loaded it where there is one."""

    environment: dict[str, str] = field(default_factory=dict)
    folder: Path = ROOT
    forking: Forking | None = None

    def variables(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("ADW_", "TEMPORAL_"))}
        defaults = {
            "PYTHONPATH": str(ROOT),
            "ADW_LIBRARY": "on",
            "COLUMNS": "120",
        }
        return {**kept, **defaults, **self.environment}

    async def spawn(self, *arguments: str) -> Process | ForkedCommand:
        if self.forking is not None:
            return await self.forking.spawn(arguments, self.variables(), self.folder)
        return await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "advanced_workflow.client.cli", *arguments),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=PIPE,
            stderr=PIPE,
            env=self.variables(),
            cwd=self.folder,
        )

    async def __call__(self, *arguments: str) -> Ended:
        return await finished(await self.spawn(*arguments))

    def having(self, **more: str) -> Adw:
        return Adw({**self.environment, **more}, self.folder, self.forking)


async def finished(process: Process | ForkedCommand, seconds: float = PATIENCE_SECONDS) -> Ended:
    """Wait for a command's end; it must never show a traceback."""
    output, errors = await asyncio.wait_for(process.communicate(), seconds)
    assert process.returncode is not None
    ended = Ended(process.returncode, output.decode(), errors.decode())
    assert "Traceback" not in ended.errors, ended.errors
    return ended


async def line_with(process: Process | ForkedCommand, text: str) -> str:
    """Read a command's output up to a line with this text."""
    assert process.stdout
    async with asyncio.timeout(PATIENCE_SECONDS):
        while line := (await process.stdout.readline()).decode():
            if text in line:
                return line
    raise AssertionError(f"the command ended without saying {text!r}")


def processes_that_mention(text: str) -> list[str]:
    """Command lines of live processes with this text in their arguments or environment."""
    found: list[str] = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            mentions = text.encode() in (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()
            is_dead = (folder / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "Z"
            if mentions and not is_dead and folder.name != str(os.getpid()):
                found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found
