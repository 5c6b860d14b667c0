"""A harness for each test; the runs of a file are replayed together, which is several times as fast."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from temporalio.client import Client

from tests.harness import Harness


@pytest.fixture(scope="module")
async def all_runs(client: Client) -> AsyncIterator[Harness]:
    harness = Harness(client)
    yield harness
    await harness.replay()


@pytest.fixture
async def harness(client: Client, all_runs: Harness) -> AsyncIterator[Harness]:
    harness = Harness(client)
    yield harness
    all_runs.handles.extend(harness.handles)
