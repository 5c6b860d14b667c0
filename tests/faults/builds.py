"""Builds of the engine that serve beside the present one: the next, which adds to all that is on the wire, and releases of before."""

from __future__ import annotations

import asyncio
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
from asyncio.subprocess import PIPE
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from advanced_workflow.client.dev.child_process import end_process, start_process
from advanced_workflow.client.dev.processes import READY, WORKER_COMMAND, local_environment
from tests.harness import ROOT, eventually
from tests.manual.installing import build, install, link_libraries
from tests.patience import PATIENCE_SECONDS

ADW = (sys.executable, "-P", "-m", "advanced_workflow.client.cli")
RELEASES = {"0.1.0": "344bf473705a9f3b079485fedc4a20ded84ac28a"}
"""The commits that were released."""
_SOURCES = ("advanced_workflow", "activities", "client", "workflows")
_ADDED = "of_a_later_release"
_BY_NAME_OF_DATA = {"people/early.py", "people/decision_ids.py", "people/event_ids.py"}
"""Files whose `dump` gives entries and no parts: what is added there would be an entry more."""
_LATER = f'''
def later(dump):
    """Parts that a later release adds to what `dump` gives."""

    def more(self):
        parts = dump(self)
        if isinstance(parts, dict):
            return {{**parts, "{_ADDED}": {{"a": [1]}}}}
        return [*parts, "{_ADDED}"]

    return more
'''


@dataclass(frozen=True)
class Build:
    """One build: how its worker and its command are started."""

    name: str
    worker: Sequence[str | Path]
    adw: Sequence[str | Path]
    environment: Mapping[str, str] = field(default_factory=dict[str, str])

    async def serve(self, address: str, folder: Path, **settings: str) -> Serving:
        """Start a worker, and wait until it serves."""
        environment = {**local_environment(address, **settings), **self.environment}
        log_path = folder / f"worker-{self.name}.log"
        with log_path.open("wb") as log:
            process = await start_process([str(one) for one in self.worker], log=log, environment=environment)
        await eventually(lambda: process.returncode is not None or READY in log_path.read_text())
        assert process.returncode is None, log_path.read_text()
        return Serving(self, process, log_path)

    async def command(self, address: str, *words: str, **settings: str) -> str:
        """Run its `adw`; gives what it prints. It must succeed."""
        return await self._output(*map(str, self.adw), *words, **local_environment(address, **settings))

    async def python(self, module: str, *words: str) -> str:
        """Run a module in its Python; gives what it prints. It must succeed."""
        return await self._output(sys.executable, "-P", "-m", module, *words, **os.environ)

    async def _output(self, *words: str, **variables: str) -> str:
        environment = {**variables, **self.environment, "COLUMNS": "200"}
        started = await asyncio.create_subprocess_exec(*words, stdout=PIPE, stderr=PIPE, env=environment)
        printed, complaints = await started.communicate()
        assert started.returncode == 0, printed.decode() + complaints.decode()
        return printed.decode()


@dataclass(frozen=True)
class Serving:
    """A worker of a build."""

    build: Build
    process: asyncio.subprocess.Process
    log_path: Path

    async def stop(self) -> None:
        """Ask it to end."""
        await end_process(self.process, PATIENCE_SECONDS)

    @property
    def log(self) -> str:
        """What it said so far."""
        return self.log_path.read_text()


def present_build() -> Build:
    """The sources as they are."""
    return Build("present", WORKER_COMMAND, ADW, {"PYTHONPATH": str(ROOT)})


def next_build(folder: Path, *, rules: int | None = None) -> Build:
    """The present sources with a field more in every model of the wire, and a part more in all that runs carry on.

    `rules` are those that it prepares new runs by, where they are others than today's.
    """
    for name in _SOURCES:
        unwanted = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, folder / name, symlinks=True, ignore=unwanted)
    shutil.copy(ROOT / "worker.py", folder)
    workflows = folder / "workflows"
    wire = workflows / "contract" / "wire.py"
    _edit(
        wire, '    model_config = ConfigDict\\(extra="ignore"', f"    {_ADDED}: dict[str, Any] = {{'a': [1]}}\n\\g<0>"
    )
    wire.write_text(wire.read_text() + _LATER)
    for file in sorted((workflows / "engine").rglob("*.py")):
        if f"{file.parent.name}/{file.name}" not in _BY_NAME_OF_DATA and "def dump(self)" in file.read_text():
            _edit(file, r"    def dump\(self\)", "    @later\n\\g<0>", count=None)
            _edit(file, "^from __future__.*$", "\\g<0>\nfrom advanced_workflow.workflows.contract.wire import later")
    _edit(workflows / "engine/run/snapshot.py", '"prepared": run', f'"{_ADDED}": {{"a": [1]}},\n        \\g<0>')
    armed = workflows / "engine/undo/armed.py"
    _edit(armed, "    @later\n", "")
    _edit(armed, "    @property\n    def needs_undo", f'    {_ADDED}: Json = "later"\n\n\\g<0>')
    _edit(armed, r"self.earlier, self.left\]", f"self.earlier, self.left, self.{_ADDED}]")
    if rules is not None:
        _edit(workflows / "contract/starting.py", "^RULES = .*$", f"RULES = {rules}")
    return Build("next", WORKER_COMMAND, ADW, {"PYTHONPATH": f"{folder}:{ROOT}"})


def _edit(file: Path, pattern: str, replacement: str, count: int | None = 1) -> None:
    text, found = re.subn(pattern, replacement, file.read_text(), flags=re.MULTILINE)
    assert found == count or (count is None and found), f"{file}: {pattern!r} is there {found} times"
    file.write_text(text)


def sources_of(release: str, folder: Path) -> Path:
    """The sources of a release, from the repository's own history."""
    archive = subprocess.run(["git", "archive", RELEASES[release]], cwd=ROOT, capture_output=True, check=False)
    assert archive.returncode == 0, f"{archive.stderr.decode()}: the whole history is needed ('git fetch --unshallow')."
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as opened:
        opened.extractall(folder, filter="data")
    return folder


def release_build(release: str, folder: Path, module: Path) -> Build:
    """A release as users have it: its wheel in an environment of its own, with the actions of a module of today's."""
    wheel = build("wheel", sources_of(release, folder / "sources"), folder / "dist")
    commands = install([wheel], link_libraries(folder / "libraries"), folder / "environment")
    actions = folder / "actions"
    actions.mkdir()
    text = module.read_text(encoding="utf-8")
    for now, then in _FORMER_NAMES[release].items():
        text = text.replace(f"from {now} import", f"from {then} import")
    (actions / module.name).write_text(text, encoding="utf-8")
    variables = {"PYTHONPATH": str(actions), "ADW_ACTIONS": module.stem}
    return Build(release, [commands / "adw-worker"], [commands / "adw"], variables)


_FORMER_NAMES = {
    "0.1.0": {
        "advanced_workflow.activities.action": "activities",
        "advanced_workflow.activities.action.decorator": "activities.action",
        "advanced_workflow.activities.action.errors": "activities.errors",
        "advanced_workflow.workflows.contract": "workflows.contract",
    }
}
"""Modules by the names that a release had for them."""
