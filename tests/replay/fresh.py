"""Replays a folder of histories in a process that has run nothing else: `python -m tests.replay.fresh FOLDER`."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
from collections.abc import AsyncGenerator
from pathlib import Path
from urllib.parse import unquote

from temporalio.api.history.v1 import History
from temporalio.client import WorkflowHistory

from tests.harness import ROOT, replayer

REPLAYED = "replayed"


def replay_in_fresh_process(folder: Path) -> list[str]:
    """Replay every history of the folder in one new process with a hash seed of its own; gives what went wrong."""
    seed = str(random.randrange(1, 2**32))
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        [sys.executable, "-P", "-m", "tests.replay.fresh", str(folder)],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env=environment,
    )
    lines = ended.stdout.splitlines()
    if ended.returncode == 0 and lines == [f"{REPLAYED} {len(histories_in(folder))}"]:
        return []
    return [f"hash seed {seed}, exit code {ended.returncode}", *lines, *ended.stderr.splitlines()[-20:]]


def histories_in(folder: Path) -> list[Path]:
    """The files, in the order of their names."""
    return sorted((*folder.glob("*.json"), *folder.glob("*.binpb")))


def read_history(file: Path) -> WorkflowHistory:
    """A history as `temporal workflow show -o json` exports it, or as protobuf, which is read many times as fast.

    The file's name up to an `@` is the run's id, quoted as in a URL: what a run calls its children begins with it.
    """
    workflow_id = unquote(file.stem.partition("@")[0])
    if file.suffix == ".json":
        return WorkflowHistory.from_json(workflow_id, file.read_text(encoding="utf-8"))
    return WorkflowHistory(workflow_id, History.FromString(file.read_bytes()).events)


async def replay(folder: Path) -> list[str]:
    """Replay all; gives one line for each that does not."""

    async def histories() -> AsyncGenerator[WorkflowHistory, None]:
        for file in histories_in(folder):
            yield read_history(file)

    lines: list[str] = []
    count = 0
    async with replayer().workflow_replay_iterator(histories()) as results:
        async for result in results:
            count += 1
            if result.replay_failure is not None:
                lines.append(f"{result.history.workflow_id}: {result.replay_failure}")
    return lines or [f"{REPLAYED} {count}"]


def main() -> None:
    """Print what went wrong, or how many were replayed."""
    lines = asyncio.run(replay(Path(sys.argv[1])))
    print("\n".join(lines), flush=True)
    # At once: Temporal's runtime threads can abort the interpreter while it shuts down.
    os._exit(0 if lines[0].startswith(REPLAYED) else 1)


if __name__ == "__main__":
    main()
