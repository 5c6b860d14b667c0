"""A service's client that opens at first use and is closed with the event loop."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Generic, TypeVar

T = TypeVar("T")

_holders: set[asyncio.Task[None]] = set()
"""The loop itself knows its tasks by weak references only."""


class KeptOpen(Generic[T]):
    """Holds an async context manager open from its first use on.

    A Temporal client has no end of its own that could close it. So a task holds it: `asyncio.run` cancels that task when the
    program ends, which closes it in order. Each event loop gets its own.
    """

    def __init__(self, open: Callable[[], AbstractAsyncContextManager[T]]) -> None:
        """Nothing is opened yet."""
        self._open = open
        self._loop: asyncio.AbstractEventLoop | None = None
        self._opened: asyncio.Future[T] | None = None
        self._holder: asyncio.Task[None] | None = None

    async def get(self) -> T:
        """The open value; opening that failed is tried again. Raises what opening raises."""
        loop = asyncio.get_running_loop()
        if self._opened is None or self._loop is not loop or self._holder is None or self._holder.done():
            self._loop, self._opened = loop, loop.create_future()
            # In an empty context: the first caller is some activity, and its own must not live as long as the task.
            self._holder = loop.create_task(self._hold(self._opened), context=contextvars.Context())
            _holders.add(self._holder)
            self._holder.add_done_callback(_holders.discard)
        # One caller that is cancelled must not take it from the others.
        return await asyncio.shield(self._opened)

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
