"""Running workers until a signal stops them, or until one of them fails."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Sequence

from temporalio.worker import Worker

from advanced_workflow.client.process_exit import INTERRUPTED


async def run_until_stopped(
    workers: Sequence[Worker], on_ready: Callable[[], None], on_stop: Callable[[], None] = lambda: None
) -> list[BaseException]:
    """Run all workers, call `on_ready` once all of them poll and `on_stop` when no more is taken, and end them together.

    A first SIGINT or SIGTERM lets running actions finish; a second one ends the process at once. Returns what the workers
    failed with.
    """
    stop = _stop_on_signal()
    running = [asyncio.create_task(worker.run()) for worker in workers]
    stopping = asyncio.create_task(stop.wait())
    starting = asyncio.create_task(_all_running(workers))
    await asyncio.wait([*running, stopping, starting], return_when=asyncio.FIRST_COMPLETED)
    if starting.done():
        on_ready()
        await asyncio.wait([*running, stopping], return_when=asyncio.FIRST_COMPLETED)
    on_stop()
    starting.cancel()
    stopping.cancel()
    await asyncio.gather(*(worker.shutdown() for worker in workers))
    return [end for end in await asyncio.gather(*running, return_exceptions=True) if end is not None]


async def _all_running(workers: Sequence[Worker]) -> None:
    while not all(worker.is_running for worker in workers):  # noqa: ASYNC110 - the SDK gives no event for it
        await asyncio.sleep(0.01)


def _stop_on_signal() -> asyncio.Event:
    stop = asyncio.Event()

    def on_signal() -> None:
        if stop.is_set():
            os._exit(INTERRUPTED)
        print("worker stopping: running actions may finish; a second signal leaves at once", flush=True)
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, on_signal)
    return stop
