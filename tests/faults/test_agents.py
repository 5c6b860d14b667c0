"""Agents that lose workers, wait for people, are many, talk long, and are cancelled at any moment."""

from __future__ import annotations

import asyncio
import json
import os
import random
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client, WorkflowHistory

from advanced_workflow.activities.agents.calls import ModelCalls
from advanced_workflow.activities.agents.conversations import Conversations
from advanced_workflow.activities.agents.pieces import Asked
from advanced_workflow.activities.agents.questions import Questions
from advanced_workflow.activities.agents.scripts import Line, ScriptedCall
from advanced_workflow.client.dev.server import DevServer
from advanced_workflow.client.runs import Run
from advanced_workflow.workflows.contract import (
    ChatMessage,
    ConversationPart,
    ConversationRequest,
    PendingApproval,
    UndoInput,
)
from advanced_workflow.workflows.errors import DigestMismatch, NotAskedYet
from tests.engine.models import tools_catalog
from tests.faults.killed_agents import Crew, Deed, unexplained
from tests.harness import Harness, Outcome, definition, eventually, outcome_of

MOST_EVENTS = 10_000
MEBIBYTE = 1 << 20


@dataclass
class World:
    """Tools that note what they do, and a model that calls them so many turns."""

    turns: int = 6
    size: int = 0
    """Characters of a result."""
    made: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    """By run."""
    undone: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    asked: list[ChatMessage] = field(default_factory=list[ChatMessage])
    """What the model saw last."""
    pulls: int = 0
    """Questions that workers asked runs."""

    @property
    def tools(self) -> dict[str, Callable[..., Any]]:
        """A tool, and its undo."""

        def put(run: str, n: int) -> str:
            self.made.setdefault(run, []).append(n)
            return f"{n} {'x' * self.size}"

        def take(undo: UndoInput) -> None:
            self.undone.setdefault(undo.input["run"], []).append(undo.input["n"])

        return {"put": put, "take": take}

    def model(self, most_bytes: int = 64 * MEBIBYTE) -> ModelCalls:
        """The model activity of a worker that shares nothing with others."""
        questions = Questions()

        async def ask(asked: ConversationRequest) -> ConversationPart:
            self.pulls += 1
            return await questions.ask(asked)

        return ModelCalls(scripts={"steady": self._says}, ask=ask, conversations=Conversations(most_bytes))

    def _says(self, asked: Asked) -> Line:
        self.asked = asked.messages
        if asked.turn > self.turns:
            return Line(say="done")
        return Line(calls=(ScriptedCall(name="put", arguments={"n": f"{asked.turn}"}),))

    def worker(self, harness: Harness, **more: Any) -> Any:
        """A worker with its own memory."""
        return harness.worker(self.tools, activities=[self.model().call], catalog=tools_catalog(self.tools), **more)


def agent(turns: int, **more: Any) -> dict[str, Any]:
    """An agent that takes so many turns."""
    tool = {"action": "put", "input_mapping": {"run": "string(input.run)"}, "rollback_actions": ["take"]}
    step = {
        "step_id": "look",
        "step_type": "react",
        "agent": {"model": "scripted:steady", "max_turns": turns + 1, "tools": [tool]},
    }
    return {**step, **more}


def started_more_than_once(histories: list[WorkflowHistory]) -> list[int]:
    """Attempts after the first."""
    return [
        event.activity_task_started_event_attributes.attempt
        for history in histories
        for event in history.events
        if event.activity_task_started_event_attributes.attempt > 1
    ]


def size_of(histories: list[WorkflowHistory]) -> int:
    """Bytes that were written for the runs."""
    return sum(event.ByteSize() for history in histories for event in history.events)


async def test_two_workers_that_share_nothing_go_on_for_each_other_when_one_is_gone(
    server: DevServer, client: Client
) -> None:
    runs, turns = 3, 6
    sizes: list[int] = []
    for count in (1, 2):
        harness, world = Harness(client), World(turns, size=400)
        other = replace(harness, client=await Client.connect(server.address))
        async with AsyncExitStack() as leaving, world.worker(harness, disable_eager_activity_execution=True):
            if count == 2:
                await leaving.enter_async_context(world.worker(other, disable_eager_activity_execution=True))
            begun = [await harness.start(definition(agent(turns)), {"run": str(one)}) for one in range(runs)]
            await eventually(lambda world=world: sum(map(len, world.made.values())) >= runs * turns // 2)
            await leaving.aclose()
            outcomes = [await outcome_of(one) for one in begun]
        assert [one.failure for one in outcomes] == [None] * runs
        assert world.made == {str(one): list(range(1, turns + 1)) for one in range(runs)}
        assert bool(world.pulls) == (count == 2)
        sizes.append(size_of(await harness.histories()))
        await harness.replay()
    assert abs(sizes[1] - sizes[0]) <= 0.05 * sizes[0]


async def test_thirty_agents_of_one_run_ask_it_for_large_results_and_lose_no_attempt(harness: Harness) -> None:
    world = World(2, size=20_000)
    names = [f"a{number}" for number in range(30)]
    many = {
        "step_id": "all",
        "step_type": "parallel",
        "parallel_steps": [agent(2, step_id=name) for name in names],
    }
    async with world.worker(harness):
        outcome = await outcome_of(await harness.start(definition(many, max_parallel_steps=30), {"run": "one"}))

    assert outcome.failure is None, outcome.message
    assert world.pulls >= 60
    histories = await harness.histories()
    assert started_more_than_once(histories) == []
    assert "RESOURCE_EXHAUSTED" not in "".join(one.to_json() for one in histories)
    assert sorted(world.made["one"]) == [1] * 30 + [2] * 30


async def check_cancel(harness: Harness, world: World, name: str, turns: int, point: int) -> None:
    """Cancel a run after so many effects."""
    run = await harness.start(definition(agent(turns)), {"run": name})
    await eventually(lambda: len(world.made.get(name, ())) >= point, 300)
    await run.cancel()
    outcome = await outcome_of(run)

    assert outcome.failure == "Cancelled", outcome.message
    made = world.made[name]
    assert made == list(range(1, len(made) + 1))
    # A call that was sent and not begun when the cancel came may have been made, as far as the run knows.
    assert world.undone[name] in (made[::-1], [len(made) + 1, *made[::-1]])


@pytest.mark.parametrize(
    ("points", "turns"), [(3, 12), pytest.param(20, 200, marks=[pytest.mark.long, pytest.mark.timeout(1800)])]
)
async def test_an_agent_that_is_cancelled_at_any_moment_undoes_all_in_reverse(
    harness: Harness, points: int, turns: int
) -> None:
    small, world = replace(harness, continue_after=80), World(turns)
    small.handles = harness.handles
    chance = random.Random(points)
    async with world.worker(small):
        await asyncio.gather(
            *(check_cancel(small, world, str(n), turns, chance.randint(1, turns - 2)) for n in range(points))
        )


@pytest.mark.long
@pytest.mark.timeout(1800)
async def test_an_agent_of_a_thousand_turns_is_whole_and_stays_small(harness: Harness) -> None:
    turns = int(os.environ.get("ADW_AGENT_TURNS", "1000"))
    world, memory = World(turns, size=400), list[int]()

    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // MEBIBYTE

    async with world.worker(harness):
        run = await harness.start(definition(agent(turns)), {"run": "long"})
        for share in (0.2, 0.6, 1.0):
            await eventually(lambda share=share: len(world.made.get("long", ())) >= share * turns, 1200)
            memory.append(resident())
        outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message
    lengths = [len(one.events) for one in await harness.histories()]
    print(json.dumps({"histories": lengths, "MiB": memory}))
    assert len(lengths) >= 3
    assert max(lengths) <= MOST_EVENTS
    assert [one.role for one in world.asked] == ["user", *["assistant", "tool"] * turns]
    assert [one.content.split()[0] for one in world.asked[2::2]] == [str(n + 1) for n in range(turns)]
    assert memory[2] <= memory[0] + 60


async def pending(run: Run) -> dict[str, PendingApproval]:
    """What is asked, by the path's end."""
    return {one.path.removeprefix("look[0]."): one for one in await run.pending_approvals()}


async def asks_the_three(run: Run) -> Any:
    """The calls without a deadline; the fourth may have expired."""
    found = await pending(run)
    return len(found) >= 3 and [found[f"put#{number}"] for number in range(3)]


async def asks_nothing(run: Run) -> bool:
    """Whether all is decided."""
    return not await pending(run)


async def test_decisions_on_four_calls_at_a_time_count_once_each_whatever_else_is_sent_and_whoever_dies(
    harness: Harness,
) -> None:
    made: list[str] = []
    told: list[ChatMessage] = []

    def put(name: str) -> str:
        made.append(name)
        return name

    def says(asked: Asked) -> Line:
        if asked.turn == 1:
            wanted = [("put", "a"), ("put", "b"), ("put", "c"), ("late", "d")]
            return Line(calls=tuple(ScriptedCall(name=tool, arguments={"name": f"'{name}'"}) for tool, name in wanted))
        told[:] = asked.messages
        return Line(say="done")

    asks = {"action": "put", "name": "put", "approve": True, "agent_capability": f"hands-{harness.task_queue}"}
    late = {**asks, "name": "late", "approval": {"deadline": 0.5, "on_timeout": "reject"}}
    step = {"step_id": "look", "step_type": "react", "agent": {"model": "scripted:four", "tools": [asks, late]}}
    catalog = tools_catalog({"put": put})
    talking: dict[str, Any] = {"activities": [ModelCalls(scripts={"four": says}).call], "catalog": catalog}
    harness.foreign_actions = ("put",)
    run = await harness.start(definition(step))
    for path in ("look[0].put#0", "look[0].put#2"):  # Before anybody is asked: of which call it is nobody can know.
        await run.signal_approval(path, approver="eve")
        await run.signal_approval(path, approver="eve", digest="0" * 64)
    async with harness.worker(**talking):
        a, b, c = await eventually(lambda: asks_the_three(run))
        with pytest.raises(DigestMismatch):
            await run.approve(b.path, approver="ann", digest=a.digest)
        await run.approve(a.path, approver="ann", digest=a.digest)
        with pytest.raises(NotAskedYet, match="does not ask now"):
            await run.approve(a.path, approver="bob", digest=a.digest)
        await run.reject(c.path, approver="ann", digest=c.digest)
        await run.approve(b.path, approver="ann", digest=b.digest)
        await eventually(lambda: asks_nothing(run))
    assert made == []
    # The worker is gone between the decisions and the calls; they come again, and others, while nobody hears them.
    for one in (a, b, c):
        await run.signal_approval(one.path, approver="bob", digest=one.digest)
    await run.signal_approval("look[0].late#3", approver="bob", digest=a.digest)
    await run.signal_rejection(a.path, approver="bob", digest=a.digest)
    async with (
        harness.worker(**talking),
        harness.worker({"put": put}, task_queue=str(asks["agent_capability"])),
    ):
        outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message
    assert sorted(made) == ["a", "b"]
    said = [(one.error, one.content if not one.error else json.loads(one.content)["error"]) for one in told[2:]]
    assert said == [(False, "a"), (False, "b"), (True, "ApprovalRejected"), (True, "ApprovalRejected")]


def deeds_of_all(crew: Crew, begun: Sequence[Run], outcomes: Sequence[Outcome], turns: int) -> list[Deed]:
    """What was done, once it is sure that all agents finished, and that only a kill had a call made again."""
    assert [one.message for one in outcomes if one.failure] == []
    deeds = crew.deeds()
    assert {(one.run, one.path) for one in deeds} == {
        (one.id, f"look[{turn}].put#0") for one in begun for turn in range(turns)
    }
    assert unexplained(deeds, crew.killed) == []
    return deeds


@pytest.mark.parametrize(
    ("runs", "turns", "kills"),
    [(6, 8, 2), pytest.param(100, 20, 50, marks=[pytest.mark.long, pytest.mark.timeout(3600)])],
)
async def test_agents_whose_workers_are_killed_make_each_call_once_but_for_what_was_under_way(
    server: DevServer, harness: Harness, tmp_path: Path, runs: int, turns: int, kills: int
) -> None:
    async with Crew.at_work(server, harness, tmp_path, turns) as crew:
        begun = [await harness.start(crew.workflow(turns)) for _ in range(runs)]
        ending = asyncio.gather(*(outcome_of(one) for one in begun))
        await crew.kill_now_and_then(kills, random.Random(kills), ending)
        outcomes = await ending

    deeds = deeds_of_all(crew, begun, outcomes, turns)
    print(
        json.dumps(
            {"kills": len(crew.killed), "calls": len(deeds), "again": len([1 for one in deeds if one.attempt > 1])}
        )
    )


@pytest.mark.long
@pytest.mark.timeout(600)
async def test_when_one_of_two_workers_is_killed_for_good_the_other_finishes_all(
    server: DevServer, harness: Harness, tmp_path: Path
) -> None:
    runs, turns = 20, 10
    async with Crew.at_work(server, harness, tmp_path, turns) as crew:
        await crew.add()
        begun = [await harness.start(crew.workflow(turns)) for _ in range(runs)]
        ending = asyncio.gather(*(outcome_of(one) for one in begun))
        await eventually(lambda: len({one.pid for one in crew.deeds()}) == 2 and crew.count() >= runs * turns // 3, 120)
        assert not ending.done()
        await crew.kill_one(random.Random(1))
        outcomes = await ending

    deeds = deeds_of_all(crew, begun, outcomes, turns)
    last = {pid for pid in (one.pid for one in deeds) if pid not in crew.killed}
    assert len(last) == 1
