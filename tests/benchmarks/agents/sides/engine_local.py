"""As `engine`, with tools that are local activities."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from temporalio.client import Client

from tests.benchmarks.agents.sides import engine
from tests.benchmarks.agents.sides.engine import connect, replayer, start

__all__ = ["connect", "replayer", "start", "worker"]


def worker(client: Client, queue: str) -> AbstractAsyncContextManager[None]:
    return engine.worker(client, queue, "local")
