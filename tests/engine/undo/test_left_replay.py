"""Who asks a run whose history is replayed may leave while it is: nothing of the replay holds the program, and it is not carried on."""

from __future__ import annotations

import asyncio
import threading
from types import SimpleNamespace
from typing import Any

import pytest
from temporalio.client import QueryWorkflowInput

from advanced_workflow.client.service import replayed
from advanced_workflow.client.settings import Settings
from advanced_workflow.client.storage import data_converter
from advanced_workflow.workflows.contract import QUERY_STATE
from advanced_workflow.workflows.engine.temporal import asked
from tests.harness import ROOT
from tests.replay.fresh import read_history

HISTORY = ROOT / "tests" / "replay" / "histories" / "approval_rejected.json"
NEVER = 120
"""Seconds that are over only where it would take for ever."""


class Held:
    """The replay, held in its first workflow task until it is let go."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.go = threading.Event()
        self.began = threading.Event()
        self.tasks = 0
        right = asked._Instance.activate

        def activate(instance: Any, act: Any) -> Any:
            self.tasks += not any(job.HasField("remove_from_cache") for job in act.jobs)
            self.began.set()
            self.go.wait()
            return right(instance, act)

        patch.setattr(asked._Instance, "activate", activate)

    async def question(self) -> asyncio.Task[Any]:
        """Asked, once the replay is in that task."""
        client: Any = SimpleNamespace(namespace="default", data_converter=data_converter(Settings()))
        query = QueryWorkflowInput("x", None, QUERY_STATE, [], None, {}, None, {}, None)
        asking = asyncio.create_task(replayed.answer_of(client, read_history(HISTORY), query))
        while not self.began.is_set():
            assert not asking.done()
            await asyncio.sleep(0.01)
        return asking


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Held:
    return Held(monkeypatch)


@pytest.mark.parametrize("cancels", [0, 1, 2], ids=["left alone", "cancelled", "cancelled twice"])
def test_a_program_ends_while_a_replay_is_held(held: Held, cancels: int) -> None:
    before = {*threading.enumerate()}

    async def leave() -> None:
        asking = await held.question()
        for _ in range(cancels):
            asking.cancel()
            await asyncio.sleep(0)

    program = threading.Thread(target=lambda: asyncio.run(leave()), daemon=True)
    try:
        program.start()
        program.join(NEVER)
        assert not program.is_alive()
    finally:
        held.go.set()
    for rest in {*threading.enumerate()} - before:
        rest.join(NEVER)
        assert not rest.is_alive()
    assert held.tasks == 1


def test_who_waits_for_it_has_the_answer(held: Held) -> None:
    async def ask() -> Any:
        asking = await held.question()
        held.go.set()
        return await asking

    assert asyncio.run(ask())["status"] == "failed"
    assert held.tasks > 1
