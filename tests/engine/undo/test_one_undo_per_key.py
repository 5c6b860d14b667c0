"""One effect is undone once, however often an operator runs its step or what is around it again, and whoever rolls back meanwhile."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from advanced_workflow.activities.action import context
from advanced_workflow.activities.action.errors import ActionError
from advanced_workflow.client.runs import Run
from tests.engine.stage import Step, box, fan, loop, reaches
from tests.harness import Definition, Harness, Noted, definition, eventually, outcome_of
from tests.patience import PATIENCE_SECONDS, never_ends

ONCE = {"max_attempts": 1}
ALL = {"parallel_failure_threshold": 1.0}


class Shop:
    """Actions that take effect under their key, refuse, or take effect and do not answer; and what undoes them."""

    def __init__(self, trouble: dict[str, list[str]]) -> None:
        self.trouble = trouble
        """By path, what goes wrong in the calls that come first: `refuse` or `hang`."""
        self.effects: set[str] = set()
        self.calls: Counter[str] = Counter()
        self.undone: Counter[str] = Counter()
        self._noted = Noted()

    @property
    def actions(self) -> dict[str, Any]:
        async def work(given: dict[str, Any] | None = None) -> Any:
            path = context.step_path()
            self.calls[path] += 1
            what = self.trouble[path].pop(0) if self.trouble.get(path) else ""
            if what == "refuse":
                raise ActionError("no", type="Refused", retryable=False)
            self.effects.add(context.idempotency_key())
            if what == "hang":
                await never_ends()
            return path

        async def undo(given: dict[str, Any]) -> None:
            if self._noted.is_new():
                self.undone[given["idempotency_key"]] += 1
            await asyncio.sleep(0.05)

        return {"work": work, "undo": undo}


def deed(step_id: str, *after: str, **more: Any) -> Step:
    given = {"step_id": step_id, "action": "work", "dependencies": list(after), "retry_policy": ONCE}
    return {**given, "rollback_actions": ["undo"], **more}


def steps(*names: str, **more: Any) -> list[Step]:
    """Steps of these names; before the last letter, the one it depends on."""
    return [deed(name[-1], *name[:-1], **more) for name in names]


def paused(*steps: Step, **more: Any) -> Definition:
    return definition(*steps, on_failure="pause", **more)


async def test_a_step_that_timed_out_and_was_run_again_is_undone_once(harness: Harness) -> None:
    async def once(seconds: float) -> None:
        shop = Shop({"charge": ["hang"], "bad": ["refuse"]})
        async with harness.worker(shop.actions):
            run = await harness.start(paused(deed("charge", timeout=seconds), deed("bad", "charge")))
            await reaches(run, "charge", "failed")
            await run.retry_step("charge", "again")
            await reaches(run, "bad", "failed")
            await run.cancel()
            await outcome_of(run)

        assert shop.calls["charge"] == 2
        assert list(shop.undone.values()) == [1]

    await harness.given_time(once, 1)


async def test_a_second_call_that_is_refused_does_not_take_back_the_first(harness: Harness) -> None:
    async def once(seconds: float) -> None:
        shop = Shop({"charge": ["hang", "refuse"]})
        async with harness.worker(shop.actions):
            run = await harness.start(paused(deed("charge", timeout=seconds)))
            await reaches(run, "charge", "failed")
            await run.retry_step("charge", "again")
            await eventually(lambda: shop.calls["charge"] == 2)
            await reaches(run, "charge", "failed")
            await run.cancel()
            await outcome_of(run)

        assert list(shop.undone.values()) == [1]

    await harness.given_time(once, 1)


async def test_what_a_copy_did_before_it_was_run_again_is_undone_once(harness: Harness) -> None:
    shop = Shop({"each[0].y": ["refuse"], "z": ["refuse"]})
    async with harness.worker(shop.actions):
        copies = fan("each", "[1, 2]", deed("x"), deed("y", "x"), retry_policy=ALL)
        run = await harness.start(paused(copies, deed("z", "each")))
        await reaches(run, "each", "failed")
        await run.retry_step("each", "again")
        await reaches(run, "z", "failed")
        await run.cancel()
        outcome = await outcome_of(run)

    assert outcome.failure == "Cancelled", outcome.message
    assert shop.undone == dict.fromkeys(shop.effects, 1)


async def test_two_rollback_steps_at_one_time_undo_a_step_once(harness: Harness) -> None:
    shop = Shop({})
    back = {"step_type": "rollback", "dependencies": ["a", "again"]}
    async with harness.worker(shop.actions):
        rounds = loop("again", deed("b"), rounds=3)
        outcome = await outcome_of(
            await harness.start(definition(deed("a"), rounds, {"step_id": "r1", **back}, {"step_id": "r2", **back}))
        )

    assert outcome.failure is None, outcome.message
    assert len(shop.effects) == 4
    assert shop.undone == dict.fromkeys(shop.effects, 1)


async def test_rounds_of_a_loop_that_continues_where_it_stood_are_undone_in_their_order(harness: Harness) -> None:
    shop = Shop({"outer#0.inner#2.x": ["refuse"], "last": ["refuse"]})
    async with harness.worker(shop.actions):
        run = await harness.start(
            paused(loop("outer", loop("inner", deed("x"), rounds=5), rounds=1), deed("last", "outer"))
        )
        await run.retry_step(await held_step(run), "again")
        assert await held_step(run) == "last"
        await run.cancel()
        outcome = await outcome_of(run)

    assert outcome.failure == "Cancelled", outcome.message
    undone = [key.partition(":")[2] for key in shop.undone]
    assert undone == [f"outer#0.inner#{number}.x" for number in reversed(range(5))]


SHAPES: dict[str, Callable[..., Step]] = {
    "fan": lambda **more: fan("c", "[1, 2, 3]", *steps("x", "xy", "w", **more), retry_policy=ALL, max_concurrency=2),
    "loop": lambda **more: loop("c", *steps("x", "xy", **more), rounds=2),
    "box": lambda **more: box(
        "c", *steps("x", "xy", **more), fan("d", "[1, 2]", *steps("w", **more)), retry_policy=ALL
    ),
    "rounds": lambda **more: loop("c", rounds=2, retry_policy=ONCE, rollback_actions=["undo"], **more),
    "nested": lambda **more: fan("c", "[1, 2]", loop("l", *steps("x", "xy", **more), rounds=2), retry_policy=ALL),
}
PATHS = {
    "fan": [f"c[{copy}].{step}" for copy in range(3) for step in "xyw"],
    "loop": [f"c#{number}.{step}" for number in range(2) for step in "xy"],
    "box": ["c.x", "c.y", "c.d[0].w", "c.d[1].w"],
    "rounds": ["c#0", "c#1"],
    "nested": [f"c[{copy}].l#{number}.{step}" for copy in range(2) for number in range(2) for step in "xy"],
}


@pytest.mark.parametrize("seed", range(10))
async def test_however_often_operators_run_steps_again_each_effect_is_undone_once(harness: Harness, seed: int) -> None:
    async def once(seconds: float) -> None:
        chance = random.Random(seed)
        shape = sorted(SHAPES)[seed % len(SHAPES)]
        trouble = {
            path: [chance.choice(["refuse", "refuse", "hang"]) for _ in range(chance.choice([0, 0, 1, 1, 2]))]
            for path in PATHS[shape]
        }
        shop = Shop({**trouble, "last": ["refuse"]})
        async with harness.worker(shop.actions):
            workflow = paused(
                deed("first"), {**SHAPES[shape](timeout=seconds), "dependencies": ["first"]}, deed("last", "c")
            )
            run = await harness.start(workflow)
            retries = chance.randrange(1, 8)
            for _ in range(retries):
                held = await held_step(run)
                if held == "last":
                    break
                await run.retry_step(held, "again")
            await held_step(run)
            await run.cancel()
            async with asyncio.timeout(PATIENCE_SECONDS):
                outcome = await outcome_of(run)

        assert outcome.failure == "Cancelled", outcome.message
        assert shop.undone == dict.fromkeys(shop.effects, 1)

    await harness.given_time(once, 1)


async def held_step(run: Run) -> str:
    """The step that holds the run for an operator."""

    async def held() -> str | None:
        waiting = (await run.progress()).waiting_for
        found = [one for one in waiting if one.endswith("an operator: retry_step or skip_step")]
        return found[0].partition(":")[0] if found else None

    return await eventually(held)
