"""Random definitions that pass `check`, and what each of their steps does when it runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import Any

from hypothesis import strategies as st

from tests.engine.reference import Step

SHORT_TIMEOUT_SECONDS = 0.3
_FALSE = "false"
_DEEPEST = 2


@dataclass(frozen=True)
class Case:
    """A definition, an outcome by step id, and the steps whose undo fails."""

    definition: Step
    outcomes: dict[str, str | int]
    undo_fails: frozenset[str] = frozenset()

    @property
    def input_data(self) -> dict[str, Any]:
        """What conditions read: a bool for an ordinary step's, a number for a conditional step's route."""
        values: dict[str, Any] = {}
        for step in walk(self.definition["steps"]):
            outcome = self.outcomes[step["step_id"]]
            if step["step_type"] != "conditional":
                values[step["step_id"]] = outcome != _FALSE
            elif outcome != "fails":
                values[step["step_id"]] = -1 if outcome == "none" else outcome
        return values


def walk(steps: list[Step]) -> list[Step]:
    """All steps, nested ones included."""
    return [one for step in steps for one in (step, *walk(step.get("parallel_steps", [])))]


@st.composite
def cases(draw: st.DrawFn, *, races: bool = False) -> Case:
    """Up to about 12 steps: chains, forks, joins, routes, nested containers, error handlers.

    With `races` no containers and no step that fails the run, but joins that need not all of their dependencies.
    """
    maker = _Maker(draw, races)
    steps = maker.graph(draw(st.integers(2, 9)), depth=_DEEPEST if races else 0)
    if races:
        maker.spare(steps)
    elif draw(st.booleans()):
        maker.doom(steps)
    definition = {
        "workflow_id": "random",
        "steps": steps,
        "max_parallel_steps": draw(st.sampled_from([1, 2, 10])),
        "retry_policy": {"max_attempts": 1},
    }
    undo_fails = frozenset(step_id for step_id in maker.undoable if draw(st.integers(0, 9)) == 0)
    return Case(definition, maker.outcomes, undo_fails)


@dataclass
class _Maker:
    draw: st.DrawFn
    races: bool
    outcomes: dict[str, str | int] = field(default_factory=dict)
    undoable: list[str] = field(default_factory=list)
    _numbers: count[int] = field(default_factory=count)

    def chance(self, percent: int) -> bool:
        return self.draw(st.integers(0, 99)) >= 100 - percent

    def some(self, options: list[Step], most: int, least: int = 0) -> list[Step]:
        if not options:
            return []
        few, many = min(least, len(options)), min(most, len(options))
        one_of = st.sampled_from(options)
        return self.draw(st.lists(one_of, min_size=few, max_size=many, unique_by=lambda one: one["step_id"]))

    def graph(self, size: int, depth: int) -> list[Step]:
        """Each step may depend on earlier ones; the definition lists them in any order."""
        steps: list[Step] = []
        handlers: list[Step] = []
        for _ in range(size):
            step = self.step(depth)
            ordinary = [one for one in steps if one not in handlers]
            owners = self.some(ordinary, 3) if self.chance(35) else []
            if owners and step["step_type"] != "conditional":
                for owner in owners:
                    owner.setdefault("error_handlers", []).append(step["step_id"])
                handlers.append(step)
            else:
                self.connect(step, steps, ordinary)
            steps.append(step)
        self.finish_routes([one for one in steps if one not in handlers])
        return self.draw(st.permutations(steps))

    def spare(self, steps: list[Step]) -> None:
        """Let no step fail the run."""
        for step in steps:
            step.setdefault("retry_policy", {})["continue_on_failure"] = True

    def doom(self, steps: list[Step]) -> None:
        """Let the run come far and then fail."""
        self.spare(steps)
        before = [step["step_id"] for step in self.some(steps, 4)]
        last = {"step_id": "last", "step_type": "sequential", "action": "do", "dependencies": before}
        steps.append({**last, "rollback_actions": ["undo"]})
        self.outcomes["last"] = "fails"

    def step(self, depth: int) -> Step:
        kinds = ["sequential"] * 5 + ["conditional"] * 2 + ["parallel"] * (2 if depth < _DEEPEST else 0)
        kind = self.draw(st.sampled_from(kinds))
        step: Step = {"step_id": f"s{next(self._numbers)}", "step_type": kind}
        if kind == "conditional":
            step["conditions"] = []
        elif self.chance(15):
            step["conditions"] = [f"input.{step['step_id']}"]
        policy: dict[str, Any] = {}
        if self.chance(30):
            policy["continue_on_failure"] = True
        if kind == "parallel":
            self.nest(step, policy, depth)
        elif kind == "sequential":
            self.act(step)
        if policy:
            step["retry_policy"] = policy
        if kind != "conditional":
            gated = "conditions" in step and self.draw(st.booleans())
            self.outcomes[step["step_id"]] = _FALSE if gated else self.outcomes.get(step["step_id"], "ok")
        return step

    def act(self, step: Step) -> None:
        step["action"] = "do"
        outcome = self.draw(st.sampled_from(["ok"] * 6 + ["fails", "fails", "times_out"]))
        self.outcomes[step["step_id"]] = outcome
        if outcome == "times_out":
            step["timeout"] = SHORT_TIMEOUT_SECONDS
        if self.chance(70):
            step["rollback_actions"] = ["undo"]
            self.undoable.append(step["step_id"])

    def nest(self, step: Step, policy: dict[str, Any], depth: int) -> None:
        step["parallel_steps"] = self.graph(self.draw(st.integers(1, 3)), depth + 1)
        if self.draw(st.booleans()):
            policy["parallel_failure_threshold"] = self.draw(st.sampled_from([0.0, 0.3, 0.7, 1.0]))
        if self.chance(30):
            step["tolerated_failure"] = "keep"
        if self.chance(30):
            step["max_concurrency"] = self.draw(st.integers(1, 2))

    def connect(self, step: Step, steps: list[Step], ordinary: list[Step]) -> None:
        """Edges from earlier steps, written at either end; a conditional step is often one that routes here."""
        racing = self.races and self.chance(75)
        before = self.some(steps, 4, least=2) if racing else self.some(steps, 3)
        for one in before:
            if one["step_type"] == "conditional" and self.chance(70):
                one.setdefault("_targets", []).append(step["step_id"])
            elif one in ordinary and self.draw(st.booleans()):
                one.setdefault("next_steps", []).append(step["step_id"])
            else:
                step.setdefault("dependencies", []).append(one["step_id"])
        if racing and before:
            step["join"] = self.draw(st.sampled_from(["any", *range(1, len(before) + 1)]))
            step["cancel_rest"] = self.chance(80)

    def finish_routes(self, steps: list[Step]) -> None:
        """Spread a conditional step's targets over its routes; one that routes to nobody becomes an action."""
        for step in steps:
            if step["step_type"] != "conditional":
                continue
            targets = step.pop("_targets", [])
            if not targets:
                del step["conditions"]
                step["step_type"] = "sequential"
                self.act(step)
                continue
            some = st.lists(st.sampled_from(targets), min_size=1, unique=True)
            routes = [*self.draw(st.lists(some, max_size=2)), targets]
            self.route(step, self.draw(st.permutations(routes)))

    def route(self, step: Step, routes: list[list[str]]) -> None:
        name = step["step_id"]
        conditions: list[dict[str, Any]] = [
            {"expression": f"input.{name} == {index}", "next_steps": route} for index, route in enumerate(routes)
        ]
        outcome = self.draw(st.sampled_from([*range(len(routes))] * 3 + ["none", "fails"]))
        if len(routes) > 1 and self.chance(30):
            conditions[-1] = {"default": True, "next_steps": routes[-1]}
            outcome = len(routes) - 1 if outcome == "none" else outcome
        step["conditions"] = conditions
        self.outcomes[name] = outcome
