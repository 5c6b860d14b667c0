"""A reader of a manual: does what its fenced blocks say, in their order, in an empty folder."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import tempfile
from asyncio.subprocess import Process
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from advanced_workflow.client.dev.child_process import end_process, start_process
from tests.harness import eventually
from tests.manual.installing import ROOT
from tests.patience import PATIENCE_SECONDS

SECONDS = 2 * PATIENCE_SECONDS
"""What a block may take."""
LEFT_OPEN = re.compile(r"^adw dev\b.*\s*\Z", re.MULTILINE)
"""A command that serves until Ctrl-C: the reader leaves it and goes on in another terminal."""
READY = "worker ready:"
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NAMED = re.compile(r"# ([\w./-]+\.(?:py|yaml|toml))\n")
_EXCERPT = re.compile(r"// ([\w./-]+\.(?:ts|go))\n")
_MAKE = re.compile(r"make (\w+)")


@dataclass(frozen=True)
class Block:
    """A fenced block: where it begins, its language and its text."""

    line: int
    language: str
    text: str


def blocks_of(manual: str) -> list[Block]:
    return [Block(manual.count("\n", 0, found.start()) + 1, found[1], found[2]) for found in _FENCE.finditer(manual)]


def make_targets(block: Block) -> list[str] | None:
    """The targets where a block has nothing but `make TARGET  # what it does`."""
    found = [_MAKE.match(line) for line in block.text.splitlines()]
    return [one[1] for one in found if one] if all(found) else None


@dataclass
class Reader:
    """Follows a manual in `folder`; what a terminal exports and activates stays, as in a real one."""

    folder: Path
    variables: Mapping[str, str]
    targets: frozenset[str] = frozenset()
    """Targets of the repository's Makefile: lines with `make` are compared with them, not run within the tests."""
    dev_options: str = ""
    open_terminals: list[Process] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)

    @property
    def log(self) -> Path:
        return self.folder.parent / "terminal.log"

    async def follow(self, manual: str) -> None:
        for block in blocks_of(manual):
            await self.do(block)

    async def do(self, block: Block) -> None:
        place = f"block at line {block.line}"
        if block.language in ("python", "yaml"):
            named = _NAMED.match(block.text)
            assert named, f"{place}: its first line must be a comment with the file's name"
            (self.folder / named[1]).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / named[1]).write_text(block.text, encoding="utf-8")
            return
        if block.language in ("ts", "go"):
            source = _EXCERPT.match(block.text)
            assert source, f"{place}: its first line must be a comment with the name of the file that it is from"
            text = (ROOT / source[1]).read_text(encoding="utf-8")
            assert block.text[source.end() :] in text, f"{place} is no part of {source[1]}"
            return
        assert block.language == "sh", f"{place}: nobody knows what to do with {block.language!r}"
        targets = make_targets(block)
        if targets is not None:
            assert self.targets.issuperset(targets), f"{place}: the Makefile has no such target"
        elif found := LEFT_OPEN.search(block.text):
            await self._run(block.text[: found.start()], place)
            await self._leave_open(found[0], place)
        else:
            await self._run(block.text, place)

    async def close(self) -> None:
        """Press Ctrl-C in every terminal that was left open, and see that the command ends."""
        for process in self.open_terminals:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGINT)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), PATIENCE_SECONDS)
            await end_process(process)
        assert [process.returncode for process in self.open_terminals] == [0] * len(self.open_terminals)

    async def _run(self, commands: str, place: str) -> None:
        # A terminal's variables go on to the next block.
        script = f"set -eo pipefail\n{self._begin()}\n{commands}\nexport -p > {self._kept}"
        with tempfile.TemporaryFile() as said:
            process = await start_process(["bash", "-c", script], log=said, environment=self.variables)
            try:
                await asyncio.wait_for(process.wait(), SECONDS)
            except BaseException:
                os.killpg(process.pid, signal.SIGTERM)
                raise
            said.seek(0)
            self.outputs.append(said.read().decode())
        assert process.returncode == 0, f"{place} fails with {process.returncode}:\n{commands}\n{self.outputs[-1]}"

    async def _leave_open(self, command: str, place: str) -> None:
        options = self.dev_options if command.startswith("adw dev") else ""
        script = f"{self._begin()}\nexec {command.strip()} {options}"
        with self.log.open("wb") as log:
            process = await start_process(["bash", "-c", script], log=log, environment=self.variables)
        self.open_terminals.append(process)
        await eventually(lambda: process.returncode is not None or READY in self.log.read_text(), SECONDS)
        assert process.returncode is None, f"{place} ended:\n{self.log.read_text()}"

    @property
    def _kept(self) -> Path:
        return self.folder.parent / "variables"

    def _begin(self) -> str:
        return f"cd {self.folder}\n" + (f". {self._kept}" if self._kept.exists() else "")


def links_of(manual: str) -> Iterator[str]:
    """Where the links of a manual lead, pictures included."""
    for found in re.finditer(r"\]\(([^)\s]+)\)", _FENCE.sub("", manual)):
        yield found[1]


def anchors_of(manual: str) -> set[str]:
    """The anchors of its headings."""
    headings = re.findall(r"^#+ (.+)$", _FENCE.sub("", manual), re.MULTILINE)
    return {"#" + re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
