"""Replays a folder of histories in a process that has run nothing else: `python -m tests.replay.fresh FOLDER [PART PARTS]`."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from urllib.parse import unquote

from temporalio.api.history.v1 import History
from temporalio.client import WorkflowHistory

from advanced_workflow.activities.agents.graphs import preload
from tests.engine.graphs.graph_runs import register_shapes
from tests.harness import ROOT, replayer

REPLAYED = "replayed"
_GRAPH = b'"orchestrator"'
"""In a definition with a state graph, which is among the first events."""
_BEGINNING = 12
FEW = 50
"""So many histories take less time than the start of a second process saves."""


def replay_in_fresh_processes(folder: Path) -> list[str]:
    """Replay every history of the folder, each in one of two new processes with hash seeds of their own; gives what went wrong.

    It is one process for a few histories, and where other processes of the same test run replay theirs meanwhile.
    """
    parts = 1 if len(histories_in(folder)) < FEW or "PYTEST_XDIST_WORKER" in os.environ else 2
    started = [_Replaying(folder, part, parts) for part in range(parts)]
    return [line for one in started for line in one.end()]


class _Replaying:
    """A process that replays every n-th history."""

    def __init__(self, folder: Path, part: int, parts: int) -> None:
        self.seed = str(random.randrange(1, 2**32))
        self.count = len(histories_in(folder)[part::parts])
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "tests.replay.fresh", str(folder), str(part), str(parts)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=folder,
            env={**os.environ, "PYTHONHASHSEED": self.seed, "PYTHONPATH": str(ROOT)},
        )

    def end(self) -> list[str]:
        """Wait for its end; gives what went wrong."""
        output, errors = self.process.communicate()
        lines = output.splitlines()
        if self.process.returncode == 0 and lines == [f"{REPLAYED} {self.count}"]:
            return []
        return [f"hash seed {self.seed}, exit code {self.process.returncode}", *lines, *errors.splitlines()[-20:]]


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


async def replay(files: Sequence[Path]) -> list[str]:
    """Replay all; gives one line for each that does not."""

    async def histories() -> AsyncGenerator[WorkflowHistory, None]:
        for file in files:
            history = read_history(file)
            if any(_GRAPH in event.SerializeToString() for event in history.events[:_BEGINNING]):
                preload()  # As a worker that serves graphs does: it takes longer than a workflow task may.
                register_shapes()
            yield history

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
    part, parts = map(int, sys.argv[2:] or ("0", "1"))
    lines = asyncio.run(replay(histories_in(Path(sys.argv[1]))[part::parts]))
    print("\n".join(lines), flush=True)
    # At once: Temporal's runtime threads can abort the interpreter while it shuts down.
    os._exit(0 if lines[0].startswith(REPLAYED) else 1)


if __name__ == "__main__":
    main()
