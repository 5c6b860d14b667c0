"""Slots for actions in flight: first come, first served, and cancel-safe."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager


class Slots:
    """At most `limit` holders at a time. Waiting and leaving cost the same however many wait."""

    def __init__(self, limit: int) -> None:
        """Open all slots."""
        self._free = limit
        self._waiting: OrderedDict[asyncio.Future[None], None] = OrderedDict()

    @property
    def is_free(self) -> bool:
        """Whether a slot can be had at once."""
        return self._free > 0

    def reserve(self) -> None:
        """Take a slot at once for somebody who held one before the run continued as new; `hold` is told so."""
        self._free -= 1

    @asynccontextmanager
    async def hold(self, *, reserved: bool = False) -> AsyncGenerator[None, None]:
        """Wait for a slot, unless one is reserved, and keep it for the block."""
        if not reserved:
            await self._take()
        try:
            yield
        finally:
            self._give_back()

    async def _take(self) -> None:
        if self._free > 0:
            self._free -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting[turn] = None
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._give_back()
            raise
        finally:
            self._waiting.pop(turn, None)

    def _give_back(self) -> None:
        while self._waiting:
            turn, _ = self._waiting.popitem(last=False)
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
