"""What a side is to the benchmark. Its module is imported in a process of its own, in its own environment."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from temporalio.client import Client, WorkflowHandle
from temporalio.worker import Replayer

Handle = WorkflowHandle[Any, Any]


class Side(Protocol):
    """The functions of a side's module."""

    async def connect(self, address: str) -> Client: ...

    def worker(self, client: Client, queue: str) -> AbstractAsyncContextManager[object]:
        """Serves the side's runs as long as it is entered."""
        ...

    async def start(self, client: Client, queue: str, question: str) -> Handle: ...

    def replayer(self) -> Replayer: ...
