"""The worker of `adw dev`: started again when it ended by itself, and when what it serves has changed."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from advanced_workflow.client.dev.child_process import end_process, start_process
from advanced_workflow.client.dev.processes import PREFIX, START_SECONDS, WORKER_COMMAND, WorkerProcess
from advanced_workflow.client.dev.restarts import Pauses, how_it_ended

REFUSED = 2
"""The worker's exit code where it did not start and said why; it would say the same again."""
OWN_ADDRESSES = ("ADW_PROMETHEUS", "ADW_HEALTH")
"""Settings of addresses at which one process only can listen."""


class KeptWorker:
    """One worker at a time, for as long as `run` lasts."""

    def __init__(self, environment: Mapping[str, str], say: Callable[[str], None]) -> None:
        """`say` tells people what happens."""
        self._environment = environment
        self._say = say
        self._process = WorkerProcess(environment)
        self._renew = asyncio.Event()
        self._pauses = Pauses()

    @property
    def runs(self) -> bool:
        """Whether its process lives."""
        process = self._process.process
        return process is not None and process.returncode is None

    def renew(self) -> None:
        """Start it again now."""
        self._renew.set()

    async def run(self) -> None:
        """Keep it running until cancelled."""
        try:
            while True:
                self._renew.clear()
                await self._process.start()
                await self._until_it_is_due()
        finally:
            await self._process.stop()

    async def _until_it_is_due(self) -> None:
        """Return when the worker is to be started, once the one that ran has ended."""
        process, began = self._process.process, asyncio.get_running_loop().time()
        if process is None or await _first(process.wait(), self._renew.wait()):
            await self._process.stop()
            return
        code = process.returncode or 0
        if code == REFUSED:
            self._say("the worker did not start; it tries again when a file changes")
            await self._renew.wait()
            return
        pause = self._pauses.after(asyncio.get_running_loop().time() - began)
        self._say(f"the worker {how_it_ended(code)}; it starts again in {pause:g} s")
        await _first(asyncio.sleep(pause), self._renew.wait())

    async def refusal(self) -> str | None:
        """What a worker says that would not start with the files as they are; None where one would."""
        alone = {**self._environment, **dict.fromkeys(OWN_ADDRESSES, "")}
        with tempfile.TemporaryFile() as said:
            process = await start_process((*WORKER_COMMAND, "--check"), log=said, environment=alone)
            try:
                async with asyncio.timeout(START_SECONDS):
                    code = await process.wait()
            except TimeoutError:
                return f"it was not loaded within {START_SECONDS} s."
            finally:
                await end_process(process, 0)
            said.seek(0)
            text = said.read().decode(errors="replace").strip()
        return None if code == 0 else _own_words(text) or f"its check {how_it_ended(code)} and said nothing."


def _own_words(text: str) -> str:
    """From the refusal on; warnings that stand before it are told when a worker starts."""
    at = text.rfind(f"\n{PREFIX}")
    return text[at + 1 :].removeprefix(PREFIX)


async def _first(one: Coroutine[Any, Any, object], other: Coroutine[Any, Any, object]) -> bool:
    """Wait for the first of two; whether the other one has come to its end."""
    tasks = [asyncio.ensure_future(one), asyncio.ensure_future(other)]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return tasks[1].done()
    finally:
        for task in tasks:
            task.cancel()
