"""The process of one side: `python -m tests.benchmarks.agents.process MODULE` takes a command a line, as JSON, and answers each with a line.

It runs in the side's own environment, so that it imports nothing but Temporal's SDK and the side.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from importlib import import_module
from pathlib import Path
from typing import Any, TextIO, cast
from uuid import uuid4

from temporalio.client import Client, WorkflowHistory

from tests.benchmarks.agents.sides.side import Side
from tests.benchmarks.agents.talk import ANSWER, Task


class SideProcess:
    """Carries out commands: `run` with `address`, `turns` and `size`; `replay` with `file`, `id` and `times`."""

    def __init__(self, side: Side, stack: AsyncExitStack) -> None:
        self._side = side
        self._stack = stack
        self._queue = f"agents-{uuid4().hex}"
        self._client: Client | None = None

    async def do(self, command: dict[str, Any]) -> dict[str, Any]:
        kind = command.pop("do")
        return await (self.run(**command) if kind == "run" else self.replay(**command))

    async def run(self, address: str, turns: int, size: int) -> dict[str, Any]:
        """One run, to its end; the worker and what starts the run are this process."""
        if self._client is None:
            self._client = await self._side.connect(address)
            await self._stack.enter_async_context(self._side.worker(self._client, self._queue))
        started, cpu_started = time.perf_counter(), time.process_time()
        handle = await self._side.start(self._client, self._queue, Task(turns, size).question)
        result = await handle.result()
        seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu_started
        if ANSWER not in json.dumps(result):
            raise AssertionError(f"this is not the answer: {result}")
        return {"id": handle.id, "seconds": seconds, "cpu_seconds": cpu_seconds}

    async def replay(self, file: str, id: str, times: int) -> dict[str, Any]:
        """Processor time of one replay of a history, the mean of so many."""
        history = _history(file, id)

        async def again() -> AsyncIterator[WorkflowHistory]:
            for _ in range(times):
                yield history

        started = time.process_time()
        await self._side.replayer().replay_workflows(again())
        return {"cpu_seconds": (time.process_time() - started) / times}


def _history(file: str, id: str) -> WorkflowHistory:
    return WorkflowHistory.from_json(id, Path(file).read_text())


async def serve(side: Side, answers: TextIO) -> None:
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as stack:
        process = SideProcess(side, stack)
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            answer = await process.do(json.loads(line))
            print(json.dumps(answer), file=answers, flush=True)


def main() -> None:
    # The runtime writes its warnings to standard output.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    side = cast("Side", import_module(f"tests.benchmarks.agents.{sys.argv[1]}"))
    asyncio.run(serve(side, answers))


if __name__ == "__main__":
    main()
