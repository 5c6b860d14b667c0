"""Shops: one on a server of the session that keeps its runs on a file, and one on a server that the test may kill."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from temporalio.client import Client

from advanced_workflow.client.dev.server import DevServer
from tests.faults.shop import Shop
from tests.harness import Harness
from tests.servers import SPARING


@pytest.fixture(scope="session", autouse=True)
def _forked(forked_workers: None) -> None:
    """All workers here."""


@pytest.fixture(scope="session")
async def lasting_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[DevServer, None]:
    database = tmp_path_factory.mktemp("server") / "runs.db"
    async with DevServer(database=database, settings=SPARING) as server:
        yield server


@pytest.fixture
async def shop(lasting_server: DevServer, tmp_path: Path) -> AsyncGenerator[Shop, None]:
    shop = Shop(lasting_server, Harness(await Client.connect(lasting_server.address)), tmp_path)
    yield shop
    await shop.close()


@pytest.fixture
async def shaky_shop(tmp_path: Path) -> AsyncGenerator[Shop, None]:
    """Its server is its own."""
    async with DevServer(database=tmp_path / "runs.db", log_path=tmp_path / "server.log", settings=SPARING) as server:
        shop = Shop(server, Harness(await Client.connect(server.address)), tmp_path)
        yield shop
        await shop.close()
