"""What an agent's history may be, exactly. `python -m tests.benchmarks.agents` measures it beside peers."""

from __future__ import annotations

import asyncio
from uuid import uuid4

from temporalio.client import Client

from tests.benchmarks.agents.sides import engine
from tests.benchmarks.agents.sides.engine import Execution
from tests.benchmarks.agents.talk import Task
from tests.benchmarks.histories import Size, size_of

KB = 1000
SMALL, LARGE = 400, 4_000
OWN_EVENTS = 11 + 3
"""Of a run: begin and end, and the call of the model that gives the answer; the marker that pins the definition, the search
attribute of its version, and the timer of the run's deadline."""


async def test_a_turn_costs_two_activities_and_its_bytes_do_not_grow_with_the_conversation(client: Client) -> None:
    [short, long] = await sizes(client, "regular", Task(20, SMALL), Task(40, SMALL))

    assert (short.events, long.events) == (12 * 20 + OWN_EVENTS, 12 * 40 + OWN_EVENTS)
    assert short.bytes <= 20 * 4 * KB
    assert long.bytes / 40 <= short.bytes / 20 * 1.05


async def test_a_turn_with_a_local_tool_costs_one_activity_and_a_marker(client: Client) -> None:
    [size] = await sizes(client, "local", Task(20, LARGE))

    assert size.events == 7 * 20 + OWN_EVENTS
    assert size.bytes <= 20 * 11 * KB


async def sizes(client: Client, execution: Execution, *tasks: Task) -> list[Size]:
    queue = f"agents-{uuid4().hex}"
    async with engine.worker(client, queue, execution):
        handles = await asyncio.gather(*(engine.start(client, queue, task.question) for task in tasks))
        await asyncio.gather(*(handle.result() for handle in handles))
        return [await size_of(client, handle) for handle in handles]
