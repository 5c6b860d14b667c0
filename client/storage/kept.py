"""A service's client that opens at first use and is closed with the event loop."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Generic, TypeVar

T = TypeVar("T")

_holders: set[asyncio.Task[None]] = set()
"""The loop itself knows its tasks by weak references only."""


class _Here(threading.local):
    """What this thread has open: a history is replayed in another one, at the same time."""

    loop: asyncio.AbstractEventLoop | None = None
    opened: asyncio.Future[Any] | None = None
    holder: asyncio.Task[None] | None = None


class KeptOpen(Generic[T]):
    """Holds an async context manager open from its first use on.

    A Temporal client has no end of its own that could close it. So a task holds it: `asyncio.run` cancels that task when the
    program ends, which closes it in order. Each event loop gets its own.
    """

    def __init__(self, open: Callable[[], AbstractAsyncContextManager[T]]) -> None:
        """Nothing is opened yet."""
        self._open = open
        self._here = _Here()

    async def get(self) -> T:
        """The open value; opening that failed is tried again. Raises what opening raises."""
        loop, here = asyncio.get_running_loop(), self._here
        if here.opened is None or here.loop is not loop or here.holder is None or here.holder.done():
            here.loop, here.opened = loop, loop.create_future()
            # In an empty context: the first caller is some activity, and its own must not live as long as the task.
            here.holder = loop.create_task(self._hold(here.opened), context=contextvars.Context())
            _holders.add(here.holder)
            here.holder.add_done_callback(_holders.discard)
        # One caller that is cancelled must not take it from the others.
        return await asyncio.shield(here.opened)

    async def _hold(self, opened: asyncio.Future[T]) -> None:
        try:
            async with self._open() as value:
                opened.set_result(value)
                await asyncio.Event().wait()
        except Exception as error:
            if opened.done():
                raise
            opened.set_exception(error)
        finally:
            opened.cancel()
