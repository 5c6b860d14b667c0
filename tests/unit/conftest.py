"""Unit tests need no server: `make unit` runs them in seconds."""

from __future__ import annotations

from typing import NoReturn

import pytest
from temporalio.testing import WorkflowEnvironment

from advanced_workflow.client.dev.server import DevServer


@pytest.fixture(autouse=True)
def _no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail a test that starts one: its place is tests/engine, or tests/acceptance."""
    for place, name in [
        (DevServer, "start"),
        (WorkflowEnvironment, "start_local"),
        (WorkflowEnvironment, "start_time_skipping"),
    ]:
        monkeypatch.setattr(place, name, refuse)


def refuse(*_: object, **__: object) -> NoReturn:
    """Stands where a server would be started."""
    pytest.fail("a unit test starts a server; put it into tests/engine or tests/acceptance")


@pytest.fixture(scope="session")
def server() -> NoReturn:
    """Stands where the server of all other tests is."""
    refuse()
