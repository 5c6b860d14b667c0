"""Random definitions that pass `check`, and what each of their steps does when it runs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from hypothesis import strategies as st

from tests.engine.deeds import SHORT_TIMEOUT_SECONDS
from tests.engine.reference import NONE, Step, is_lenient, threshold_of
from tests.engine.script import NUMBERS, Outcome, Rounds, Script

REFUSES: dict[str, Any] = {"properties": {"number": {"maximum": -1}}}
"""Schema of the input of a child that never begins."""
_FALSE = "false"
_DEEPEST = 2
_CONTAINERS = ("parallel", "for_each", "loop", "sub_workflow")
_ONCE = ("fails", "fails", "times_out")
_TWICE = ("fails", "doubtful", "flaky", "recovers")


@dataclass(frozen=True)
class Conduct:
    """What people do to a run meanwhile, each when so many actions have begun."""

    pauses: tuple[int, ...] = ()
    cancel: int | None = None


@dataclass(frozen=True)
class Case:
    """A definition, what its steps do, and what people do to its run."""

    definition: Step
    script: Script
    conduct: Conduct = Conduct()
    children: Mapping[str, Step] = field(default_factory=dict[str, Step])
    """The definitions that its `sub_workflow` steps run, by name: the same name is the same definition in all cases."""

    @property
    def steps(self) -> list[Step]:
        """All steps, those of children included."""
        return walk(self.definition["steps"], self.children)

    @property
    def input_data(self) -> dict[str, Any]:
        """What conditions read, of each round or copy: `go` of an ordinary step, `route` of a conditional one."""
        values: dict[str, Any] = {}
        for step in self.steps:
            name = step["step_id"]
            read = _route_of if step["step_type"] == "conditional" else _go_of
            values[name] = [read(outcome) for outcome in self.script.outcomes.get(name, ("ok",) * NUMBERS)]
            if name in self.script.items:
                values[f"{name}_items"] = list(range(self.script.items[name]))
        return values


def _go_of(outcome: Outcome) -> dict[str, Any]:
    return {"go": outcome != _FALSE}


def _route_of(outcome: Outcome) -> dict[str, Any]:
    return {} if outcome == "fails" else {"route": -1 if outcome == "none" else outcome}


def inside_of(step: Step, children: Mapping[str, Step] = NONE) -> list[Step]:
    """The steps right inside of a container, or of the child it runs."""
    if step.get("workflow") in children:
        return children[step["workflow"]]["steps"]
    return step.get("parallel_steps") or step.get("body") or []


def walk(steps: list[Step], children: Mapping[str, Step] = NONE) -> list[Step]:
    """All steps, nested ones included."""
    return [one for step in steps for one in (step, *walk(inside_of(step, children), children))]


class Batch(list[Case]):
    """Cases that run at one time. Each failure names its own case; all of them are too many to print."""

    def __repr__(self) -> str:
        return f"<{len(self)} cases>"


def batches(size: int, *, races: bool = False, unattended: bool = False) -> st.SearchStrategy[Batch]:
    """So many cases."""
    return st.lists(cases(races=races, unattended=unattended), min_size=size, max_size=size).map(Batch)


def children_of(batch: list[Case]) -> list[Step]:
    """What a worker serves to run these cases."""
    return list({name: one for case in batch for name, one in case.children.items()}.values())


@st.composite
def cases(draw: st.DrawFn, *, races: bool = False, plain: bool = False, unattended: bool = False) -> Case:
    """Up to about 12 steps and their rounds and copies: chains, forks, joins, routes, nested containers, children, error handlers.

    With `unattended` nobody acts on the run. With `plain` neither that, nor anything that repeats, no child, and no `rollback` step.
    With `races` no containers and no step that fails the run, but joins that need not all of their dependencies.
    """
    maker = _Maker(draw, races, plain)
    steps = maker.graph(draw(st.integers(2, 9)), depth=_DEEPEST if races else 0)
    more: dict[str, Any] = {}
    conduct = Conduct()
    if races:
        maker.spare(steps)
    else:
        ends = draw(
            st.sampled_from(["as it does"] * 4 + ["doomed"] * 3 + ["operator"] * (0 if plain or unattended else 3))
        )
        if ends == "doomed":
            maker.doom(steps)
        elif ends == "operator":
            maker.let_operate(steps)
            more["on_failure"] = "pause"
        if not plain and maker.chance(15):
            maker.roll_back(steps)
        conduct = Conduct() if plain or unattended else maker.conduct()
    definition = {
        "workflow_id": "random",
        "steps": steps,
        "max_parallel_steps": draw(st.sampled_from([1, 2, 10])),
        "retry_policy": {"max_attempts": 1},
        **more,
    }
    return Case(definition, maker.script(), conduct, maker.children)


@dataclass
class _Maker:
    draw: st.DrawFn
    races: bool
    plain: bool
    outcomes: dict[str, tuple[Outcome, ...]] = field(default_factory=dict)
    undoable: list[str] = field(default_factory=list)
    rounds: dict[str, Rounds] = field(default_factory=dict)
    items: dict[str, int] = field(default_factory=dict)
    heals: set[str] = field(default_factory=set)
    acts: dict[str, tuple[str, ...]] = field(default_factory=dict)
    children: dict[str, Step] = field(default_factory=dict)
    has_operator: bool = False
    undo_may_fail: bool = True
    _numbers: count[int] = field(default_factory=count)
    _number: list[str] = field(default_factory=lambda: ["0"])
    """Expressions for the number of the rounds and copies around what is made now."""

    def script(self) -> Script:
        fails = [one for one in self.undoable if self.undo_may_fail and self.chance(10)]
        flaky = [one for one in self.undoable if one not in fails and self.chance(5)]
        return Script(
            self.outcomes,
            self.rounds,
            self.items,
            frozenset(self.heals),
            frozenset(fails),
            frozenset(flaky),
            self.acts,
            has_operator=self.has_operator,
        )

    def conduct(self) -> Conduct:
        what = self.draw(st.sampled_from(["nothing"] * 7 + ["pauses", "pauses", "cancel"]))
        moment = st.integers(0, 8)
        if what == "pauses":
            return Conduct(pauses=tuple(sorted(self.draw(st.lists(moment, min_size=1, max_size=2)))))
        return Conduct(cancel=self.draw(moment) if what == "cancel" else None)

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
        self.outcomes["last"] = ("fails",)

    def roll_back(self, steps: list[Step]) -> None:
        """Undo at some point what was done until then."""
        before = [step["step_id"] for step in self.some(steps, 2) if step["step_id"] != "last"]
        steps.append({"step_id": "back", "step_type": "rollback", "dependencies": before})
        self.undo_may_fail = False

    def let_operate(self, steps: list[Step]) -> None:
        """Let an operator decide on what fails; some steps heal when what is outermost around them runs again."""
        self.has_operator = True
        handlers = {name for step in steps for name in step.get("error_handlers", ())}
        for step in steps:
            if step["step_type"] == "conditional" and "fails" in self.outcomes[step["step_id"]]:
                self.outcomes[step["step_id"]] = (0,)
            if step["step_id"] not in handlers:
                self.heals |= {one for one in self.deadly(step) if self.chance(70)}
                acts = st.sampled_from(["retry", "retry", "retry", "skip", "skip with output", "cancel"])
                self.acts[step["step_id"]] = tuple(self.draw(st.lists(acts, max_size=2)))

    def deadly(self, step: Step) -> list[str]:
        """The actions in a step whose failure alone fails it, and that nothing recovers or tolerates."""
        if step.get("error_handlers") or is_lenient(step):
            return []
        if step["step_type"] == "sequential":
            return [step["step_id"]]
        own = [step["step_id"]] if step["step_type"] == "loop" and "body" not in step else []
        if step["step_type"] == "parallel" and threshold_of(step) < 1:
            return []
        inside = inside_of(step, self.children)
        handlers = {name for one in inside for name in one.get("error_handlers", ())}
        return own + [name for one in inside if one["step_id"] not in handlers for name in self.deadly(one)]

    def step(self, depth: int) -> Step:
        kinds = (
            ["sequential"] * 6
            + ["conditional"] * 2
            + [*(_CONTAINERS[:1] if self.plain else _CONTAINERS)] * (1 if depth < _DEEPEST else 0)
            + ["human_approval"] * (not self.plain and not self.races)
        )
        kind = self.draw(st.sampled_from(kinds))
        step: Step = {"step_id": f"s{next(self._numbers)}", "step_type": "parallel" if kind == "for_each" else kind}
        if kind == "conditional":
            step["conditions"] = []
        elif self.chance(15):
            step["conditions"] = [f"input.{step['step_id']}[{self._number[-1]}].go"]
        policy: dict[str, Any] = {"continue_on_failure": True} if self.chance(30) else {}
        self.fill(step, kind, policy, depth)
        if policy:
            step["retry_policy"] = policy
        if kind != "conditional":
            plain = self.outcomes.get(step["step_id"], ("ok",) * NUMBERS)
            gated = "conditions" in step
            self.outcomes[step["step_id"]] = tuple(_FALSE if gated and self.chance(50) else one for one in plain)
        return step

    def fill(self, step: Step, kind: str, policy: dict[str, Any], depth: int) -> None:
        """What is the kind's own."""
        match kind:
            case "sequential":
                self.act(step, policy)
            case "loop":
                self.repeat(step, policy, depth)
            case "for_each":
                self.copy(step, policy, depth)
            case "sub_workflow":
                self.delegate(step, policy, depth)
            case "human_approval":
                self.ask(step)
            case "parallel":
                step["parallel_steps"] = self.graph(self.draw(st.integers(1, 3)), depth + 1)
                self.bound(step, policy)
            case _:
                pass

    def act(self, step: Step, policy: dict[str, Any], key: str = "") -> None:
        step["action"] = "do"
        troubles = _ONCE
        if self.chance(20):
            policy.update(max_attempts=2, delay=0.02)
            troubles = _TWICE
        outcome = st.sampled_from(["ok"] * 2 * len(troubles) + list(troubles))
        alike = self.chance(60)
        made = [self.draw(outcome)] * NUMBERS if alike else [self.draw(outcome) for _ in range(NUMBERS)]
        if alike and self.chance(8):
            made = ["stays"] * NUMBERS
        self.outcomes[key or step["step_id"]] = tuple(made)
        if not {"ok", "fails", "flaky", "stays"}.issuperset(made):
            step["timeout"] = SHORT_TIMEOUT_SECONDS
        if self.chance(70):
            step["rollback_actions"] = ["undo"]
            self.undoable.append(step["step_id"])

    def repeat(self, step: Step, policy: dict[str, Any], depth: int) -> None:
        """A loop of an action or a body: so many rounds, until something in it fails, or up to the most rounds."""
        name, until = step["step_id"], None
        rounds = self.draw(st.sampled_from([0, 1, 2, 2, 3, 3]))
        condition = f"iteration < {rounds}"
        if self.chance(40):
            self.act(step, policy, f"{name}#")
        else:
            step["body"] = self.inside(f"iteration % {NUMBERS}", depth)
            lenient = [one["step_id"] for one in step["body"] if is_lenient(one) and one["step_type"] != "conditional"]
            until = self.draw(st.sampled_from(lenient)) if lenient and self.chance(60) else None
        if until:
            condition += f" && !(iteration > 0 && steps.{until}.status == 'failed')"
        if self.chance(30):
            step["loop_check"] = "after"
        if self.chance(20):
            step["loop_max_iterations"] = self.draw(st.integers(1, 3))
        step["loop_condition"] = condition
        self.rounds[name] = Rounds(rounds, until)
        if self.chance(30):
            step["tolerated_failure"] = "keep"

    def copy(self, step: Step, policy: dict[str, Any], depth: int) -> None:
        """A copy for each of a few items, or of none."""
        self.items[step["step_id"]] = self.draw(st.sampled_from([0, 1, 2, 2, 3, 3, 4]))
        step["for_each"] = f"input.{step['step_id']}_items"
        step["parallel_steps"] = self.inside(f"index % {NUMBERS}", depth)
        self.bound(step, policy)

    def ask(self, step: Step) -> None:
        """Nobody answers in time, which is a yes or a no."""
        decision = self.draw(st.sampled_from(["approve", "approve", "reject"]))
        step["approval"] = {"deadline": 0.05, "on_timeout": decision}
        self.outcomes[step["step_id"]] = ("fails" if decision == "reject" else "ok",) * NUMBERS

    def delegate(self, step: Step, policy: dict[str, Any], depth: int) -> None:
        """Run another definition, which reads of its input what it would read of this one's; where it fails, maybe once more."""
        steps = self.inside("input.number", depth)
        names = [one["step_id"] for one in walk(steps, self.children)]
        read = [*names, *(f"{name}_items" for name in names if name in self.items)]
        # `check` refuses a plain number that can never fit.
        step["input_mapping"] = {"number": f"int({self._number[-1]})", **{name: f"input.{name}" for name in read}}
        policies: dict[str, Any] = {
            "max_parallel_steps": self.draw(st.sampled_from([1, 2, 10])),
            "retry_policy": {"max_attempts": 1},
        }
        if self.chance(8):
            policies["input_schema"] = REFUSES
        digest = hashlib.sha256(json.dumps([steps, policies], sort_keys=True).encode()).hexdigest()
        step["workflow"] = f"child-{digest[:12]}"
        self.children[step["workflow"]] = {"workflow_id": step["workflow"], "steps": steps, **policies}
        if self.chance(20):
            policy.update(max_attempts=2, delay=0.02)
        if self.chance(25):
            step["rollback_actions"] = ["undo"]
            self.undoable.append(step["step_id"])

    def inside(self, number: str, depth: int) -> list[Step]:
        self._number.append(number)
        steps = self.graph(self.draw(st.integers(1, 3)), depth + 1)
        self._number.pop()
        return steps

    def bound(self, step: Step, policy: dict[str, Any]) -> None:
        """How many must succeed, what becomes of the others, and how many run at a time."""
        if self.draw(st.booleans()):
            policy["parallel_failure_threshold"] = self.draw(st.sampled_from([0.0, 0.3, 0.7, 1.0, 1.0]))
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
                policy = step.setdefault("retry_policy", {})
                self.act(step, policy)
                continue
            some = st.lists(st.sampled_from(targets), min_size=1, unique=True)
            routes = [*self.draw(st.lists(some, max_size=2)), targets]
            self.route(step, self.draw(st.permutations(routes)))

    def route(self, step: Step, routes: list[list[str]]) -> None:
        name = step["step_id"]
        conditions: list[dict[str, Any]] = [
            {"expression": f"input.{name}[{self._number[-1]}].route == {index}", "next_steps": route}
            for index, route in enumerate(routes)
        ]
        outcomes = [self.draw(st.sampled_from([*range(len(routes))] * 3 + ["none", "fails"])) for _ in range(NUMBERS)]
        if len(routes) > 1 and self.chance(30):
            conditions[-1] = {"default": True, "next_steps": routes[-1]}
            outcomes = [len(routes) - 1 if one == "none" else one for one in outcomes]
        step["conditions"] = conditions
        self.outcomes[name] = tuple(outcomes)
