"""Work in a thread and an event loop of its own: whoever waits for it may leave at any moment, and nothing waits for the rest.

The SDK's replayer, once cancelled twice, or with the event loop that it runs in, waits forever for tasks that nobody takes any more. So it
is never cancelled: what asked for it leaves, and a program that ends takes the thread with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")


async def aside(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """What the work gives, or raises. A caller that is cancelled leaves at once; the work is not told, and goes on."""
    done: Future[T] = Future()
    done.set_running_or_notify_cancel()  # From here on it cannot be cancelled.

    def run() -> None:
        try:
            done.set_result(asyncio.run(work()))
        except BaseException as error:
            done.set_exception(error)

    Thread(target=run, name="aside", daemon=True).start()
    return await asyncio.wrap_future(done)
