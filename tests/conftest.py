"""Servers and the harness, shared by all tests."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import AsyncIterator

import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from client.server import DevServer
from client.server_binary import find_server_binary
from tests.harness import Harness

SESSION = pytest.StashKey[pytest.Session]()


def pytest_sessionstart(session: pytest.Session) -> None:
    session.config.stash[SESSION] = session


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave at once, with pytest's own status: Temporal's runtime threads can abort the interpreter while it shuts down."""
    session = config.stash.get(SESSION, None)
    if session is None:  # --help, --version: no test ran
        return
    config.get_terminal_writer().flush()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(int(session.exitstatus))


@pytest.fixture(scope="session")
async def server() -> AsyncIterator[DevServer]:
    async with DevServer() as server:
        yield server


@pytest.fixture(scope="session")
async def client(server: DevServer) -> Client:
    return await Client.connect(server.address)


@pytest.fixture
async def harness(client: Client) -> AsyncIterator[Harness]:
    harness = Harness(client)
    yield harness
    await harness.replay()


@pytest.fixture
async def skipping() -> AsyncIterator[Harness]:
    """A harness on the server whose clock jumps to the next timer."""
    binary = await find_server_binary()
    path = shutil.which("temporal-test-server") or str(binary.with_name("temporal-test-server"))
    async with await WorkflowEnvironment.start_time_skipping(test_server_existing_path=path) as environment:
        harness = Harness(environment.client, search_attributes=False)
        yield harness
        await harness.replay()
