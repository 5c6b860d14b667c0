"""What was undone while the run went on, and is run again by an operator, is another effect: it has a key of its own."""

from __future__ import annotations

from collections import Counter
from typing import Any

from advanced_workflow.activities.action import context
from advanced_workflow.activities.action.errors import ActionError
from tests.engine.stage import act, box, deed, ends, fan, reaches
from tests.harness import Harness, definition, outcome_of

ONCE = {"max_attempts": 1}
ALL = {"parallel_failure_threshold": 1.0}


class Ledger:
    """A service that takes an effect once a key, and none under a key that was undone; `fails` says where an action fails how often."""

    def __init__(self, **fails: int) -> None:
        self.fails = fails
        self.state: dict[str, str] = {}
        self.undos: Counter[str] = Counter()

    @property
    def actions(self) -> dict[str, Any]:
        async def work() -> None:
            path, key = context.step_path(), context.idempotency_key()
            name = path.rpartition(".")[2]
            if self.fails.get(name, 0):
                self.fails[name] -= 1
                raise ActionError("no", retryable=False)
            if self.state.setdefault(key, "done") == "undone":
                raise ActionError("undone before", type="StepUndone", retryable=False)

        async def undo(given: dict[str, Any]) -> None:
            self.undos[context.idempotency_key()] += 1
            self.state[given["idempotency_key"]] = "undone"

        return {"work": work, "undo": undo}


async def test_a_copy_that_runs_again_takes_the_effects_anew_that_were_undone_in_it(harness: Harness) -> None:
    # In the copy a branch is undone by itself, then the copy fails: the operator runs it again.
    ledger = Ledger(y=2, z=1, last=1)
    inner = box("inner", deed("x"), deed("y", "x"), deed("v"), retry_policy={"parallel_failure_threshold": 0.3})
    steps = fan("each", "[1]", inner, act("z", "inner"), retry_policy=ALL)
    async with harness.worker(ledger.actions):
        run = await harness.start(definition(steps, act("last", "each"), on_failure="pause", retry_policy=ONCE))
        await reaches(run, "each", "failed")
        assert sorted(ledger.state.values()) == ["done", "undone"]
        await run.retry_step("each", "again")
        await reaches(run, "last", "failed")
        again = Counter(ledger.state.values())
        await run.cancel()
        outcome = await outcome_of(run)

    assert outcome.failure == "Cancelled", outcome.message
    assert again == {"undone": 2, "done": 2}, "`x` took effect, and was undone, twice under two keys; `v` and `z` once"
    assert set(ledger.undos.values()) == {1}, "each undo has a key of its own"


async def test_what_a_tolerated_failure_left_and_could_not_all_be_undone_runs_again(harness: Harness) -> None:
    ledger = Ledger(y=1)
    refuses = [True]

    async def undo(given: dict[str, Any]) -> None:
        if given["step_id"] == "w" and refuses:
            refuses.clear()
            raise ActionError("not now", retryable=False)
        await ledger.actions["undo"](given)

    steps = box(
        "b", deed("x"), deed("w", "x"), deed("y", "w"), act("v"), retry_policy={"parallel_failure_threshold": 0.5}
    )
    async with harness.worker({**ledger.actions, "undo": undo}):
        run = await harness.start(definition(steps, on_failure="pause", retry_policy=ONCE))
        await reaches(run, "b", "failed")
        await run.retry_step("b", "again")
        outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message
    assert ends(outcome, "b.x", "b.w", "b.y", "b.v") == ["completed"] * 4


async def test_a_step_after_an_error_handler_runs_where_an_operator_goes_on_without_its_owner(harness: Harness) -> None:
    ledger = Ledger(a=1, second=1)
    steps = [
        act("a", error_handlers=["first", "second"]),
        act("first"),
        act("second"),
        act("after_first", "first"),
        act("after_second", "second"),
    ]
    async with harness.worker(ledger.actions):
        run = await harness.start(definition(*steps, on_failure="pause", retry_policy=ONCE))
        await reaches(run, "a", "failed")
        await reaches(run, "second", "failed")
        await run.skip_step("a", "by hand", by="op")
        outcome = await outcome_of(run)

    assert ends(outcome, "a", "first", "second") == ["skipped_by_operator", "completed", "failed"]
    assert ends(outcome, "after_first", "after_second") == ["completed", "dependency_failed"]
