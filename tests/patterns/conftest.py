"""A harness for each test; its worker runs the engine as real ones do, and the runs of a file are replayed together, strictly.

Both are several times as fast as a strict worker and a replay for each test.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from temporalio.client import Client

from tests.harness import Harness
from workflows.engine.sandbox import sandbox_runner


@pytest.fixture(scope="module")
async def all_runs(client: Client) -> AsyncIterator[Harness]:
    harness = Harness(client)
    yield harness
    await harness.replay()


@pytest.fixture
async def harness(client: Client, all_runs: Harness) -> AsyncIterator[Harness]:
    harness = Harness(client, runner=sandbox_runner)
    yield harness
    all_runs.handles.extend(harness.handles)
