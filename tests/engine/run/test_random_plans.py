"""Orchestrators whose model gives random plans, beside a reference: what is done, in which order, what is undone, and how it ends."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest

from advanced_workflow.activities.action.errors import ActionError
from advanced_workflow.activities.agents.graphs import preload
from advanced_workflow.workflows.contract import UndoInput
from tests.engine.models import Model, says, tools_catalog
from tests.engine.orchestrators import planned
from tests.engine.plan_reference import WORKERS, Case, case_of, expected
from tests.harness import Harness, Outcome, outcome_of


@pytest.fixture(scope="module", autouse=True)
def _as_a_worker_that_serves_graphs() -> None:
    preload()


@dataclass
class World:
    """What the model said, and what the workers did, by case."""

    cases: dict[int, Case]
    asked: Counter[int] = field(default_factory=Counter[int])
    made: list[tuple[int, str, str]] = field(default_factory=list[tuple[int, str, str]])
    undone: list[tuple[int, str, str]] = field(default_factory=list[tuple[int, str, str]])

    def says(self, _: Any, messages: list[dict[str, Any]]) -> Any:
        seed: int = json.loads(messages[0]["content"])["task"]
        plans = self.cases[seed].plans
        plan = plans[min(self.asked[seed], len(plans) - 1)]
        self.asked[seed] += 1
        subtasks = [{**one, "input": {**one["input"], "seed": seed}} for one in plan["subtasks"]]
        return says(json.dumps({"complexity_score": 0.5, "reason": "so", "subtasks": subtasks}))

    @property
    def actions(self) -> dict[str, Any]:
        def undo(undo: UndoInput) -> None:
            self.undone.append((undo.input["seed"], undo.input["name"], undo.step_id.rpartition(".")[2]))

        return {**{name: self._worker(name) for name in WORKERS}, "undo": undo}

    def _worker(self, worker: str) -> Any:
        def act(name: str, ends: dict[str, str], seed: int) -> str:
            """Do it."""
            self.made.append((seed, name, worker))
            count = self.made.count((seed, name, worker))
            how = ends[worker]
            if how == "bad":
                raise ActionError("no", type="Gone", retryable=False)
            if how == "unsure" or (how == "first" and count == 1):
                raise ActionError("gone", type="Gone", details={"effect": "unknown"}, retryable=False)
            return name

        return act


def check(case: Case, outcome: Outcome, world: World) -> None:
    """Compare what happened with the reference."""
    wanted = expected(case)
    where = f"case {case.seed}"
    made = [one[1:] for one in world.made if one[0] == case.seed]
    undone = [one[1:] for one in world.undone if one[0] == case.seed]
    error = outcome.report.error
    assert (error.type if error else "") == wanted.failure, f"{where}: {outcome.message}"
    assert Counter(made) == wanted.made, where
    assert Counter(undone) == wanted.undone, where
    assert world.asked[case.seed] > 0, where
    first = {name: number for number, (name, _) in reversed([*enumerate(made)])}
    for name, needs in wanted.needs.items():
        assert all(first[one] < first[name] for one in needs if name in first and one in first), where
    if not wanted.failure:
        results = {name: value is not None for name, value in outcome.data["plan"]["results"].items()}
        assert (results, outcome.data["plan"]["replans"]) == (wanted.results, wanted.replans), where


async def check_cases(harness: Harness, first: int, count: int) -> None:
    """Run cases beside each other, and compare each."""
    world = World({seed: case_of(seed) for seed in range(first, first + count)})
    workers = [{"action": name, **more} for name, more in WORKERS.items()]

    async def one(case: Case) -> Outcome:
        made = planned(
            *workers,
            task=str(case.seed),
            analysis="model",
            model="x:y",
            recovery=case.recovery,
            max_replans=case.max_replans,
            max_steps=1000,
        )
        return await outcome_of(await harness.start(made))

    model = Model([world.says])
    async with harness.worker(world.actions, activities=[model.activity], catalog=tools_catalog(world.actions)):
        outcomes = await asyncio.gather(*(one(case) for case in world.cases.values()))
    for case, outcome in zip(world.cases.values(), outcomes, strict=True):
        check(case, outcome, world)


@pytest.mark.parametrize("first", [0, 30])
async def test_random_plans_end_as_the_reference_says(harness: Harness, first: int) -> None:
    await check_cases(harness, first, 30)


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("first", range(60, 1060, 50))
async def test_a_thousand_random_plans_end_as_the_reference_says(harness: Harness, first: int) -> None:
    await check_cases(harness, first, 50)
