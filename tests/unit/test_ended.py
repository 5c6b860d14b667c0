from __future__ import annotations

import asyncio

import pytest

from advanced_workflow.workflows.engine.graph import driver
from advanced_workflow.workflows.engine.graph.driver import ended


@pytest.mark.parametrize("how", ["result", "failure", "cancelled"])
async def test_a_cancellation_is_told_also_where_it_comes_as_the_task_ends(
    how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "patched", lambda _: True)
    for told in (True, False):
        work: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting = asyncio.create_task(ended(work))
        await asyncio.sleep(0)
        if how == "result":
            work.set_result(None)
        elif how == "failure":
            work.set_exception(ValueError)
        else:
            work.cancel()
        if told:
            waiting.cancel()

        assert await waiting is told
