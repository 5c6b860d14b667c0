"""Random agents with the real model activity and a script: what happens must be what the reference says."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import pytest
from temporalio import activity

from advanced_workflow.activities.action.errors import ActionError
from advanced_workflow.activities.agents.calls import ModelCalls
from advanced_workflow.activities.agents.conversations import Conversations
from advanced_workflow.activities.agents.pieces import Asked
from advanced_workflow.activities.agents.prices import Price, Prices
from advanced_workflow.activities.agents.scripts import Line
from advanced_workflow.client.runs import Run
from advanced_workflow.workflows.contract import ChatMessage, UndoInput
from advanced_workflow.workflows.errors import OperationRefused
from tests.engine.agent_cases import AgentCase, agent_case
from tests.engine.agent_reference import Message, Reference, read_result
from tests.engine.models import tools_catalog
from tests.harness import Harness, Outcome, definition, outcome_of

AGENTS_A_RUN = 20
RUNS_AT_ONCE = 5
CASES = 100
"""Of one test; they take a tenth of a CPU second each, with their server and their replay."""
LONG_CASES = int(os.environ.get("ADW_AGENT_CASES", "10000"))
NOTHING = {"turns": 0, "tokens": 0, "tool_calls": 0}
PEOPLE_EVERY = 5
"""One run of so many has people who answer."""


@dataclass
class World:
    """What the actions and the models saw."""

    attempts: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(int)))
    """By run, and path of the call."""
    twice: list[str] = field(default_factory=list[str])
    undone: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    wrong: list[str] = field(default_factory=list[str])
    asked: dict[str, dict[str, list[ChatMessage]]] = field(default_factory=lambda: defaultdict(dict))
    """The conversation when the model of an agent answered last."""

    @property
    def tools(self) -> dict[str, Callable[..., Any]]:
        """What the agents' tools run."""

        async def do(does: str) -> dict[str, str]:
            if does == "hangs":
                await asyncio.Event().wait()
            info = activity.info()
            attempts = self.attempts[info.workflow_id or ""]
            attempts[info.activity_id] += 1
            if attempts[info.activity_id] != info.attempt:
                self.twice.append(info.activity_id)
            if does in ("fails", "broken") or (does == "flaky" and info.attempt == 1):
                raise ActionError("broken", type="Broken", retryable=does != "fails")
            return {"done": info.activity_id}

        def undo(undo: UndoInput) -> None:
            run = activity.info().workflow_id or ""
            self.undone[run].append(activity.info().activity_id.removesuffix(".rollback[0]"))

        def end() -> None:
            raise ActionError("it is over", retryable=False)

        return {"do": do, "undo": undo, "end": end}

    def says(self, case: AgentCase, number: int, asked: Asked) -> Line:
        """Say what the case says."""
        run = activity.info().workflow_id or ""
        line = case.says(asked, is_first=number == 0)
        if line.fail is None or line.fail.attempts is not None:
            self.asked[run][case.name] = asked.messages[:-1] if asked.answer_only else asked.messages
        return line


def cases_of(first: int) -> list[AgentCase]:
    people = first // AGENTS_A_RUN % PEOPLE_EVERY == 0
    return [agent_case(seed, people=people) for seed in range(first, first + AGENTS_A_RUN)]


def workflow_of(cases: Sequence[AgentCase], *, fails: bool) -> dict[str, Any]:
    """All agents at a time, of which any may fail; and maybe a failure after them."""
    steps: list[dict[str, Any]] = [
        {
            "step_id": "all",
            "step_type": "parallel",
            "parallel_steps": [one.step for one in cases],
            "retry_policy": {"parallel_failure_threshold": 0.0},
        }
    ]
    if fails:
        once = {"max_attempts": 1}
        steps.append({"step_id": "end", "dependencies": ["all"], "retry_policy": once})
    return definition(*steps, max_parallel_steps=100)


async def check_batch(harness: Harness, world: World, first: int) -> None:
    """Run the agents of one run."""
    cases, number = cases_of(first), first // AGENTS_A_RUN
    fails = number % 2 == 1
    run = await harness.start(workflow_of(cases, fails=fails))
    people = asyncio.create_task(answer_people(run)) if number % PEOPLE_EVERY == 0 else None
    outcome = await outcome_of(run, state=True)
    if people:
        people.cancel()
    assert outcome.failure == ("WorkflowFailed" if fails else None), outcome.message
    for case in cases:
        world.wrong += differences(world, outcome, case, fails=fails)


def differences(world: World, outcome: Outcome, case: AgentCase, *, fails: bool) -> list[str]:
    """What is not as the reference says."""
    fate, run, path = Reference(case).play(), outcome.handle.id, f"all.{case.name}"
    assert outcome.state is not None
    step, *_ = [one for one in outcome.state.steps if one.path == path]
    data: Any = step.execution_data
    error, spent = step.error_info, {**NOTHING, **data.get("agent", {})}
    made = {one.removeprefix(path): count for one, count in world.attempts[run].items() if one.startswith(f"{path}[")}
    undone = [one.removeprefix(path) for one in world.undone[run] if one.startswith(f"{path}[")]
    turns = [int(one[1 : one.index("]")]) for one in undone]
    compared = {
        "status": (str(step.status), "failed" if fate.error else "completed"),
        "error": ((error.type if error else "") in fate.error.split("|"), True),
        "limit": (limit_of(error), fate.limit),
        "spent": ([spent[one] for one in ("turns", "tokens", "tool_calls")], [fate.turns, fate.tokens, fate.calls]),
        "attempts": (made, fate.attempts),
        "conversation": ([*map(told_of, world.asked[run].get(case.name, []))], [*map(shortly, fate.asked)]),
        "undone": (sorted(undone), sorted(fate.effects) if fails or fate.error else []),
        "order of undo": (turns, sorted(turns, reverse=True)),
    }
    return [f"{case.name}, {what}: {one} is not {other}" for what, (one, other) in compared.items() if one != other]


def limit_of(error: Any) -> str:
    return error.details["limit"] if error and error.type == "AgentLimitExceeded" else ""


def told_of(message: ChatMessage) -> Message:
    if message.role == "tool":
        return "tool", read_result(message.content, error=message.error)
    return message.role, message.content


def shortly(message: Message) -> Any:
    """What a model is told of an answer that cannot be used holds the problem."""
    role, text = message
    return (role, Holding(text)) if role == "user" else message


class Holding(str):
    """Equal to texts that hold it."""

    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and str(self) in str(other)


async def answer_people(run: Run) -> None:
    """Decide on each call as its arguments say."""
    while True:
        for one in await run.pending_approvals():
            subject: Any = one.subject
            does = subject["arguments"].get("does")
            if does in ("yes", "no") and ".gate#" in one.path:
                decide = run.approve if does == "yes" else run.reject
                with contextlib.suppress(OperationRefused):
                    await decide(one.path, approver="ann", digest=one.digest)
        await asyncio.sleep(0.2)


async def check_cases(harness: Harness, first: int, count: int, *, continue_after: int, cache: int) -> World:
    """Run so many agents."""
    world = World()
    small = replace(harness, continue_after=continue_after)
    small.handles = harness.handles
    seeds = range(first, first + count, AGENTS_A_RUN)
    scripts = {
        f"{case.name}.{number}": partial(world.says, case, number)
        for seed in seeds
        for case in cases_of(seed)
        for number in (0, 1)
    }
    prices = Prices({"scripted:*": Price(input=1_000_000, output=0)})
    models = ModelCalls(scripts=scripts, prices=prices, conversations=Conversations(cache))
    async with small.worker(world.tools, activities=[models.call], catalog=tools_catalog(world.tools)):
        places = asyncio.Semaphore(RUNS_AT_ONCE)

        async def one(seed: int) -> None:
            async with places:
                await check_batch(small, world, seed)

        await asyncio.gather(*(one(seed) for seed in seeds))
    wrong = [*world.wrong, *(f"{one}: an attempt too many" for one in world.twice)]
    assert not wrong, "\n".join(wrong)
    return world


@pytest.mark.parametrize("first", [0, CASES, 2 * CASES])
async def test_random_agents_do_what_the_reference_says(harness: Harness, first: int) -> None:
    await check_cases(harness, first, CASES, continue_after=300, cache=64_000_000 if first else 2_000)


@pytest.mark.long
@pytest.mark.timeout(0)
async def test_many_random_agents_do_what_the_reference_says(client: Any) -> None:
    """New ones each time; some workers know nothing of a conversation but what they ask for."""
    first = int(time.time()) * 1000
    print(f"first seed {first}")
    for number in range(LONG_CASES // CASES + 1):
        harness = Harness(client)
        await check_cases(
            harness,
            first + number * CASES,
            CASES,
            continue_after=[200, 600, 4000][number % 3],
            cache=64_000_000 if number % 2 else 2_000,
        )
        await harness.replay()
