"""A naive model of a run, written from the rules alone; it shares no code with the engine and imports none of it.

It takes a definition as plain data and a script of what its steps do, and says how every step ends, what must, may and must
not have happened, and what must be over before what. Paths are those of the run's report: `outer.inner`, `loop#2.inner`,
`copies[0].inner`, and `owner!handler` for a handler of several steps; what runs in a child is `step>inner`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from tests.engine.script import FAILING, Script, step_id_of

Step = dict[str, Any]
Paths = frozenset[str]
NONE: Mapping[str, Step] = MappingProxyType({})

_DOUBTFUL = ("times_out", "doubtful")


@dataclass(frozen=True)
class Fate:
    """How a step ends when nothing cuts the run short."""

    status: str
    reason: str | None = None
    effect: bool = False
    """Its action took effect, or may have."""
    routed: Paths = frozenset()
    recovered: bool = False


@dataclass
class Prediction:
    """What the rules say about a run."""

    fates: dict[str, Fate]
    earlier: dict[str, Paths]
    """Path of a step that starts -> paths of those that have ended before."""
    failing: set[str]
    """Steps whose failure fails the run, whichever comes first."""
    must: set[str]
    """These end as their fate says."""
    never: set[str]
    """These never start and stay pending."""
    loose: set[str] = field(default_factory=set)
    """Inside of a container that fails: these may be cut short, or end as their fate says before it does."""
    barred: set[str] = field(default_factory=set)
    """Those of them that never start."""
    undoable: set[str] = field(default_factory=set)
    """Paths of steps that have undo actions."""
    by_itself: dict[str, str] = field(default_factory=dict)
    """Undoable paths whose failure is tolerated -> the container before whose end they are undone."""
    vague: set[str] = field(default_factory=set)
    """Those of them that another container may have undone before, or not, as it may be cut short."""
    kept: set[str] = field(default_factory=set)
    """Undoable paths that a tolerated failure leaves as they are."""
    rolled_back: dict[str, Paths] = field(default_factory=dict)
    """A `rollback` step that runs -> what has ended before it."""
    recovering: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    """A step that failed -> what its error handlers did, before it settled."""
    unsure: bool = False
    """What happens depends on what a step does that may be cut short."""

    def undo_must(self) -> set[str]:
        """Undone if the run fails: they ended, and have or may have an effect."""
        return {path for path in self.undoable & self.must if self.fates[path].effect}

    def undo_may(self) -> set[str]:
        """Perhaps undone if the run fails: whatever may have been running when it failed."""
        started = {path for path in self.undoable & set(self.earlier) if self.fates[path].reason != "condition_false"}
        return self.undo_must() | (started - self.must - self.never)

    def undo_by_children(self) -> set[str]:
        """Perhaps undone whatever becomes of the run: a child that is cut short undoes what it did."""
        cut = {path for path in self.loose if any(is_within(one, path) and one[len(path)] == ">" for one in self.fates)}
        return {path for path in self.undo_may() if any(is_within(path, one) for one in cut)}

    def cut_anywhere(self) -> None:
        """The run was cancelled: whatever had not ended by then did not."""
        self.loose |= set(self.fates)
        self.must.clear()
        self.never.clear()


def predict(definition: Step, script: Script, children: Mapping[str, Step] = NONE) -> Prediction:
    """Apply the rules to a definition; `children` are those that its `sub_workflow` steps run, by name."""
    model = _Model(script, children)
    steps = definition["steps"]
    over = model.run_graph(steps, "", frozenset())
    failing = model.failing_in(steps, "")
    first = [step_id for step_id in failing if not failing & model.earlier[step_id]]
    everything = frozenset(model.fates)
    must = everything.intersection(*(over[step_id] for step_id in first)) if failing else everything
    never = {
        path
        for path, known in model.earlier.items()
        if any(step_id in known and path not in over[step_id] for step_id in failing)
    }
    return Prediction(
        model.fates,
        model.earlier,
        failing,
        set(must) - model.loose,
        never - model.loose,
        loose=model.loose,
        barred=model.barred,
        undoable=model.undoable,
        by_itself=model.by_itself,
        vague=model.vague,
        kept=model.kept,
        rolled_back=model.rolled_back,
        recovering=model.recovering,
        unsure=model.unsure,
    )


class _Model:
    def __init__(self, script: Script, children: Mapping[str, Step]) -> None:
        self.script = script
        self.children = children
        self.era = 0
        """How often an operator ran the outermost step again."""
        self.by_itself: dict[str, str] = {}
        self.vague: set[str] = set()
        self.stale: set[str] = set()
        """What was undone before an operator ran it again."""
        self.kept: set[str] = set()
        self.rolled_back: dict[str, Paths] = {}
        self.recovering: dict[str, set[str]] = {}
        self.unsure = False
        self.fates: dict[str, Fate] = {}
        self.earlier: dict[str, Paths] = {}
        self.undoable: set[str] = set()
        self.loose: set[str] = set()
        self.barred: set[str] = set()

    def run_graph(self, steps: list[Step], prefix: str, known: Paths) -> dict[str, Paths]:
        """Settle every step; gives for each what is over once it is settled."""
        by_id = {step["step_id"]: step for step in steps}
        over: dict[str, Paths] = {}
        while len(over) < len(steps):
            for step_id, step in by_id.items():
                owners = [one["step_id"] for one in steps if step_id in one.get("error_handlers", ())]
                before = owners or dependencies_of(step, steps)
                if step_id in over or not all(one in over for one in before):
                    continue
                ended = known.union(*(over[one] for one in before))
                over[step_id] = ended
                if not owners:
                    over[step_id] |= self.settle(step, by_id, prefix, ended)
                elif prefix + step_id not in self.fates:
                    self.fates[prefix + step_id] = Fate("skipped", "not_routed")
        return over

    def failing_in(self, steps: list[Step], prefix: str) -> set[str]:
        """Steps whose failure fails the graph they are in."""
        handlers = {name for step in steps for name in step.get("error_handlers", ())}
        return {
            step["step_id"]
            for step in steps
            if step["step_id"] not in handlers
            and self.fates[prefix + step["step_id"]].status == "failed"
            and not is_lenient(step)
        }

    def settle(self, step: Step, by_id: dict[str, Step], prefix: str, ended: Paths) -> Paths:
        """Skip or run a step whose dependencies are settled; gives what that settled."""
        path = prefix + step["step_id"]
        reason = self.reason_to_skip(step["step_id"], dependencies_of(step, list(by_id.values())), by_id, prefix)
        if reason is not None:
            self.fates[path], self.earlier[path] = Fate("skipped", reason), ended
            return frozenset({path})
        if prefix or is_lenient(step) or not self.script.has_operator:
            return self.run_step(step, by_id, prefix, prefix, ended)
        return self.run_with_operator(step, by_id, ended)

    def reason_to_skip(self, step_id: str, before: list[str], by_id: dict[str, Step], prefix: str) -> str | None:
        fates = {one: self.fates[prefix + one] for one in before}
        routers = {one for one in before if step_id in targets_of(by_id[one])}
        routed = {one for one in routers if step_id in fates[one].routed}
        taken = routed | {one for one in before if one not in routers and completes(fates[one])}
        failed = any(one.status == "failed" for one in fates.values())
        if not failed and (taken or not before):
            return None
        blamed = failed or any(one.reason == "dependency_failed" for one in fates.values())
        return "dependency_failed" if blamed else "not_routed"

    def run_with_operator(self, step: Step, by_id: dict[str, Step], ended: Paths) -> Paths:
        """Run an outermost step as often as the operator says: what healed is then as if it had never failed."""
        name = step["step_id"]
        before, loose, barred = dict(self.fates), set(self.loose), set(self.barred)
        settled = self.run_step(step, by_id, "", "", ended)
        while self.fates[name].status == "failed" and self.script.act(name, self.era) == "retry":
            self.era += 1
            self.stale = set(self.by_itself)
            self.fates, self.loose, self.barred = dict(before), set(loose), set(barred)
            settled |= self.run_step(step, by_id, "", "", ended)
            self.vague |= settled & set(self.by_itself)
        if self.fates[name].status == "failed":
            self.fates[name] = Fate("skipped", "skipped_by_operator", effect=self.fates[name].effect)
            self.loose |= {one for one in settled if is_within(one, name)}
            self.skip_by_operator(step, name)
        self.era = 0
        return settled

    def skip_by_operator(self, step: Step, name: str) -> None:
        """A container that is given up is undone; what else a step did, or one that is given an output, stands and is told."""
        inside = {one for one in self.undoable if is_within(one, name) and one[len(name)] != "!"}
        own = {name} & self.undoable if self.fates[name].effect else set[str]()
        if step["step_type"] not in ("parallel", "loop"):
            self.kept |= self.unclaimed(own)
        elif self.script.act(name, self.era) == "skip with output":
            self.kept |= self.unclaimed(inside)
        else:
            self.unsure |= self.undo(step, name, inside)  # It holds the run again where an undo fails.

    def run_step(self, step: Step, by_id: dict[str, Step], prefix: str, own: str, ended: Paths) -> Paths:
        """Run a step and, when it fails, its handlers; gives what that settled."""
        path = own + step["step_id"]
        settled_before = set(self.fates)
        self.earlier[path] = ended
        fate = self.fates[path] = self.run_alone(step, path, ended)
        if step.get("rollback_actions") and step["step_type"] != "loop":
            self.undoable.add(path)
        settled: Paths = frozenset(set(self.fates) - settled_before) | {path}
        names = step.get("error_handlers", ()) if fate.status == "failed" else ()
        for name in names:
            sharing = sum(name in one.get("error_handlers", ()) for one in by_id.values())
            own_prefix = f"{prefix}{step['step_id']}!" if sharing > 1 else prefix
            handled = self.run_step(by_id[name], by_id, prefix, own_prefix, ended | settled)
            self.recovering.setdefault(path, set()).update(handled)
            settled |= handled
            self.fates[prefix + name] = self.fates[own_prefix + name]
            if self.fates[prefix + name].status != "completed":
                self.go_on_without(step, path)
                return settled
        if not names:
            self.go_on_without(step, path)
        else:
            self.fates[path] = Fate("completed", effect=fate.effect, recovered=True)
        return settled

    def run_alone(self, step: Step, path: str, ended: Paths) -> Fate:
        outcome = self.script.at(path, self.era)
        if outcome == "false":
            return Fate("skipped", "condition_false")
        match step["step_type"]:
            case "conditional":
                if outcome == "fails":
                    return Fate("failed")
                chosen = step["conditions"][outcome]["next_steps"] if isinstance(outcome, int) else ()
                return Fate("completed", routed=frozenset(chosen))
            case "loop":
                return self.run_loop(step, path, ended)
            case "parallel":
                run = self.run_copies if "for_each" in step else self.run_container
                return run(step, path, ended)
            case "sub_workflow":
                return self.run_child(step, path, ended)
            case "rollback":
                self.rolled_back[path] = ended
                return Fate("completed")
            case _:
                return self.act(outcome)

    @staticmethod
    def act(outcome: str | int) -> Fate:
        failed = outcome in FAILING
        return Fate("failed" if failed else "completed", effect=outcome in _DOUBTFUL if failed else True)

    def run_loop(self, step: Step, path: str, ended: Paths) -> Fate:
        """Repeat the body or the action; a round that fails is cut short and fails the loop."""
        number, known = 0, ended
        while (step.get("loop_check") == "after" and not number) or self.goes_on(step, path, number):
            if number >= step.get("loop_max_iterations", 100):
                return Fate("failed")
            before = set(self.fates)
            if "body" not in step:
                one = f"{path}#{number}"
                self.earlier[one], self.fates[one] = known, self.act(self.script.at(one, self.era))
                if step.get("rollback_actions"):
                    self.undoable.add(one)
                failed = self.fates[one].status == "failed"
            else:
                failed = self.run_pass(step["body"], f"{path}#{number}.", known)
            if failed:
                return Fate("failed")
            known |= frozenset(set(self.fates) - before)
            number += 1
        return Fate("completed")

    def goes_on(self, step: Step, path: str, number: int) -> bool:
        rounds = self.script.rounds[step["step_id"]]
        if rounds.until and number and self.fates[f"{path}#{number - 1}.{rounds.until}"].status == "failed":
            return False
        return number < rounds.count

    def run_pass(self, steps: list[Step], prefix: str, known: Paths) -> bool:
        """Run a round or a copy; gives whether it fails, and then what is sure of it ends with the first that fails."""
        over = self.run_graph(steps, prefix, known)
        failing = {f"{prefix}{one}" for one in self.failing_in(steps, prefix)}
        if failing:
            first = [
                over[one] for one in over if f"{prefix}{one}" in failing and not failing & self.earlier[prefix + one]
            ]
            inside = frozenset(one for one in self.fates if one.startswith(prefix))
            self.loose |= inside - inside.intersection(*first)
            self.barred |= {
                one
                for one in inside & set(self.earlier)
                if any(name in self.earlier[one] and not self.is_part(one, name) for name in failing)
            }
        return bool(failing)

    def run_child(self, step: Step, path: str, ended: Paths) -> Fate:
        """Run another definition; where it fails it has undone itself, and what it kept, before it ends."""
        if "input_schema" in self.children[step["workflow"]]:
            return Fate("failed")  # It refuses its input.
        if not self.run_pass(self.children[step["workflow"]]["steps"], f"{path}>", ended):
            return Fate("completed", effect=True)
        self.claim({one for one in self.undoable if one.startswith(f"{path}>")}, path)
        return Fate("failed")

    def run_copies(self, step: Step, path: str, ended: Paths) -> Fate:
        """Run a copy for each item; where too many fail, all may be cut short."""
        count, needed = self.script.items[step["step_id"]], threshold_of(step)
        failed: list[int] = []
        for index in range(count):
            hopeless = (count - len(failed)) / count < needed
            if self.run_pass(step["parallel_steps"], f"{path}[{index}].", ended):
                failed.append(index)
            if hopeless and step.get("max_concurrency") == 1:
                self.barred |= {one for one in self.fates if one.startswith(f"{path}[{index}].")}
        places = {f"{path}[{index}]" for index in failed}
        if not count or (count - len(failed)) / count >= needed:
            return Fate("failed" if self.undo(step, path, places) else "completed")
        inside = {one for one in self.fates if is_within(one, path)}
        alone = next(iter(places)) if len(places) == 1 else None  # Then this one is sure to fail, and by itself.
        self.loose |= {one for one in inside if alone is None or not is_within(one, alone)}
        return Fate("failed")

    def run_container(self, step: Step, path: str, ended: Paths) -> Fate:
        """Run its steps; where too few succeed it fails as soon as that is sure, and some of them may be cut short."""
        over = self.run_graph(step["parallel_steps"], f"{path}.", ended)
        fates = {f"{path}.{name}": self.fates[f"{path}.{name}"] for name in over}
        completed, failed = (sum(one.status == status for one in fates.values()) for status in ("completed", "failed"))
        needed = threshold_of(step)
        if not completed + failed or completed / (completed + failed) >= needed:
            return Fate("failed" if self.tolerate(step, path) else "completed")
        inside = {one for one in self.fates if is_within(one, path)}
        failing = {name for name in over if fates[f"{path}.{name}"].status == "failed"}
        first = [name for name in failing if not any(f"{path}.{one}" in over[name] for one in failing - {name})]
        self.loose |= inside - frozenset(inside).intersection(*(over[name] for name in first))
        for one in inside & set(self.earlier):
            known = [fates[name] for name in self.earlier[one] & set(fates) if not self.is_part(one, name)]
            hopeless = sum(fate.status == "failed" for fate in known)
            skipped = sum(fate.status == "skipped" for fate in known)
            if hopeless and (len(fates) - skipped - hopeless) / (len(fates) - skipped) < needed:
                self.barred.add(one)
        return Fate("failed")

    def is_part(self, path: str, other: str) -> bool:
        """Whether a path lies inside of another step, or in what recovers it."""
        return is_within(path, other) or path in self.recovering.get(other, ())

    def tolerate(self, step: Step, path: str) -> bool:
        """Undo the branches that failed, or keep them; gives whether that fails the container."""
        steps = {one["step_id"]: one for one in step["parallel_steps"]}
        failed, branch = self.failing_in(list(steps.values()), f"{path}."), set[str]()
        while failed:
            branch |= failed
            linked = {
                frozenset({name, other})
                for name, one in steps.items()
                for other in (*dependencies_of(one, list(steps.values())), *one.get("error_handlers", ()))
            }
            failed = {name for pair in linked if pair & branch for name in pair} - branch
        return self.undo(step, path, {f"{path}.{name}" for name in branch})

    def go_on_without(self, step: Step, path: str) -> None:
        """A container that failed and that nothing recovered is undone whole where the run continues."""
        if step["step_type"] in ("parallel", "loop") and self.fates[path].status == "failed" and is_lenient(step):
            # Its own error handlers are steps beside it.
            self.undo(step, path, {one for one in self.undoable if is_within(one, path) and one[len(path)] != "!"})

    def undo(self, step: Step, container: str, places: set[str]) -> bool:
        """Undo what these steps did and what ran inside of them, or keep it; gives whether an undo fails."""
        found = {one for one in self.undoable for place in places if one == place or is_within(one, place)}
        if step.get("tolerated_failure") == "keep":
            self.kept |= self.unclaimed(found)
            return False
        found = self.claim(found, container)
        fails = {one for one in found if step_id_of(one) in self.script.undo_fails}
        self.unsure |= bool(fails & (self.loose | self.vague))
        return any(self.fates[one].effect for one in fails - self.loose)

    def claim(self, found: set[str], container: str) -> set[str]:
        """These are undone before the container settles; gives those that no other has undone for sure."""
        found = self.unclaimed(found)
        self.kept -= found
        self.stale -= found
        self.by_itself |= dict.fromkeys(found, container)
        return found

    def unclaimed(self, found: set[str]) -> set[str]:
        unsure = {one for one in found if self.by_itself.get(one) in self.loose}
        self.vague |= unsure | {one for one in found & self.kept if one in self.loose}
        return found - (set(self.by_itself) - unsure - self.stale)


def is_within(path: str, other: str) -> bool:
    """Whether a path lies inside of another, or is a round or copy of it, or in the child it runs."""
    return path.startswith((f"{other}.", f"{other}!", f"{other}#", f"{other}[", f"{other}>"))


def is_lenient(step: Step) -> bool:
    """Whether the run continues after the step's failure."""
    return bool(step.get("retry_policy", {}).get("continue_on_failure"))


def completes(fate: Fate) -> bool:
    """Whether a step's edges are taken: it completed, or an operator goes on in its place."""
    return fate.status == "completed" or fate.reason == "skipped_by_operator"


def threshold_of(step: Step) -> float:
    """The success rate that a container needs."""
    return step.get("retry_policy", {}).get("parallel_failure_threshold", 0.5)


def targets_of(step: Step) -> set[str]:
    """The steps that a conditional step may route to."""
    if step["step_type"] != "conditional":
        return set()
    return {target for route in step["conditions"] for target in route["next_steps"]}


def dependencies_of(step: Step, steps: list[Step]) -> list[str]:
    """The steps this one waits for, however the edge is written."""
    step_id = step["step_id"]
    written_there = [one["step_id"] for one in steps if step_id in {*one.get("next_steps", ()), *targets_of(one)}]
    return sorted({*step.get("dependencies", ()), *written_there})
