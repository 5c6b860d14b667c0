from __future__ import annotations

import pytest
from temporalio.testing import WorkflowEnvironment

from advanced_workflow.client.dev.server import DevServer


async def test_a_unit_test_cannot_start_a_server() -> None:
    for start in (DevServer().start, WorkflowEnvironment.start_local, WorkflowEnvironment.start_time_skipping):
        with pytest.raises(pytest.fail.Exception, match="a unit test starts a server"):
            await start()


def test_a_unit_test_cannot_ask_for_the_server(request: pytest.FixtureRequest) -> None:
    with pytest.raises(pytest.fail.Exception, match="a unit test starts a server"):
        request.getfixturevalue("client")
