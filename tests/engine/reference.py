"""A naive model of a run, written from the rules alone; it shares no code with the engine and imports none of it.

It takes a definition as plain data and a table of outcomes by step id, and says how every step ends, what must, may and must
not have happened, and what must be over before what. Paths are those of the run's report: `outer.inner`, and `owner!handler`
for a handler of several steps.

Outcomes: an action is `ok`, `fails` (no effect) or `times_out` (effect unknown); a conditional step gives the index of the
route that holds, `none`, or `fails`; any step but a conditional one may be `false` (its condition does not hold).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

Step = dict[str, Any]
Outcomes = Mapping[str, str | int]
Paths = frozenset[str]


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
    kept: set[str] = field(default_factory=set)
    """Undoable paths that a tolerated failure leaves as they are."""
    unsure: bool = False
    """What happens depends on what a step does that may be cut short."""

    def undo_must(self) -> set[str]:
        """Undone if the run fails: they ended, and have or may have an effect."""
        return {path for path in self.undoable & self.must if self.fates[path].effect}

    def undo_may(self) -> set[str]:
        """Perhaps undone if the run fails: whatever may have been running when it failed."""
        started = {path for path in self.undoable & set(self.earlier) if self.fates[path].reason != "condition_false"}
        return self.undo_must() | (started - self.must - self.never)


def predict(definition: Step, outcomes: Outcomes, undo_fails: Collection[str] = ()) -> Prediction:
    """Apply the rules to a definition."""
    model = _Model(outcomes, frozenset(undo_fails))
    over = model.run_graph(definition["steps"], "", frozenset())
    handlers = {name for step in definition["steps"] for name in step.get("error_handlers", ())}
    failing = {
        step["step_id"]
        for step in definition["steps"]
        if step["step_id"] not in handlers
        and model.fates[step["step_id"]].status == "failed"
        and not step.get("retry_policy", {}).get("continue_on_failure")
    }
    first = [step_id for step_id in failing if not failing & model.earlier[step_id]]
    everything = frozenset(model.fates)
    must = everything.intersection(*(over[step_id] for step_id in first)) if failing else everything
    must -= model.loose
    never = {
        path
        for path, known in model.earlier.items()
        if any(step_id in known and path not in over[step_id] for step_id in failing)
    }
    never -= model.loose
    return Prediction(
        model.fates,
        model.earlier,
        failing,
        set(must),
        never,
        loose=model.loose,
        barred=model.barred,
        undoable=model.undoable,
        by_itself=model.by_itself,
        kept=model.kept,
        unsure=model.unsure,
    )


class _Model:
    def __init__(self, outcomes: Outcomes, undo_fails: Paths) -> None:
        self.outcomes = outcomes
        self.undo_fails = undo_fails
        self.by_itself: dict[str, str] = {}
        self.kept: set[str] = set()
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

    def settle(self, step: Step, by_id: dict[str, Step], prefix: str, ended: Paths) -> Paths:
        """Skip or run a step whose dependencies are settled; gives what that settled."""
        path = prefix + step["step_id"]
        reason = self.reason_to_skip(step["step_id"], dependencies_of(step, list(by_id.values())), by_id, prefix)
        if reason is None:
            return self.run_step(step, by_id, prefix, prefix, ended)
        self.fates[path], self.earlier[path] = Fate("skipped", reason), ended
        return frozenset({path})

    def reason_to_skip(self, step_id: str, before: list[str], by_id: dict[str, Step], prefix: str) -> str | None:
        fates = {one: self.fates[prefix + one] for one in before}
        routers = {one for one in before if step_id in targets_of(by_id[one])}
        routed = {one for one in routers if step_id in fates[one].routed}
        taken = routed | {one for one in before if one not in routers and fates[one].status == "completed"}
        failed = any(one.status == "failed" for one in fates.values())
        if not failed and (taken or not before):
            return None
        blamed = failed or any(one.reason == "dependency_failed" for one in fates.values())
        return "dependency_failed" if blamed else "not_routed"

    def run_step(self, step: Step, by_id: dict[str, Step], prefix: str, own: str, ended: Paths) -> Paths:
        """Run a step and, when it fails, its handlers; gives what that settled."""
        path = own + step["step_id"]
        settled_before = set(self.fates)
        self.earlier[path] = ended
        fate = self.fates[path] = self.run_alone(step, path, ended)
        if step.get("rollback_actions"):
            self.undoable.add(path)
        settled: Paths = frozenset(set(self.fates) - settled_before) | {path}
        names = step.get("error_handlers", ()) if fate.status == "failed" else ()
        for name in names:
            sharing = sum(name in one.get("error_handlers", ()) for one in by_id.values())
            own_prefix = f"{prefix}{step['step_id']}!" if sharing > 1 else prefix
            settled |= self.run_step(by_id[name], by_id, prefix, own_prefix, ended | settled)
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
        outcome = self.outcomes.get(step["step_id"], "ok")
        if outcome == "false":
            return Fate("skipped", "condition_false")
        if outcome in ("fails", "times_out"):
            return Fate("failed", effect=outcome == "times_out")
        if step["step_type"] == "conditional":
            chosen = step["conditions"][outcome]["next_steps"] if isinstance(outcome, int) else ()
            return Fate("completed", routed=frozenset(chosen))
        if step["step_type"] == "parallel":
            return self.run_container(step, path, ended)
        return Fate("completed", effect=True)

    def run_container(self, step: Step, path: str, ended: Paths) -> Fate:
        """Run its steps; where too few succeed it fails as soon as that is sure, and some of them may be cut short."""
        over = self.run_graph(step["parallel_steps"], f"{path}.", ended)
        fates = {f"{path}.{name}": self.fates[f"{path}.{name}"] for name in over}
        completed, failed = (sum(one.status == status for one in fates.values()) for status in ("completed", "failed"))
        needed = step.get("retry_policy", {}).get("parallel_failure_threshold", 0.5)
        if not completed + failed or completed / (completed + failed) >= needed:
            return Fate("failed" if self.tolerate(step, path) else "completed")
        inside = {one for one in self.fates if one.startswith(f"{path}.")}
        failing = {name for name in over if fates[f"{path}.{name}"].status == "failed"}
        first = [name for name in failing if not any(f"{path}.{one}" in over[name] for one in failing - {name})]
        self.loose |= inside - frozenset(inside).intersection(*(over[name] for name in first))
        for one in inside & set(self.earlier):
            known = [fates[name] for name in self.earlier[one] & set(fates) if not self.is_within(one, name)]
            hopeless = sum(fate.status == "failed" for fate in known)
            skipped = sum(fate.status == "skipped" for fate in known)
            if hopeless and (len(fates) - skipped - hopeless) / (len(fates) - skipped) < needed:
                self.barred.add(one)
        return Fate("failed")

    def tolerate(self, step: Step, path: str) -> bool:
        """Undo the branches that failed, or keep them; gives whether that fails the container."""
        steps = {one["step_id"]: one for one in step["parallel_steps"]}
        handlers = {name for one in steps.values() for name in one.get("error_handlers", ())}
        lenient = {name for name, one in steps.items() if one.get("retry_policy", {}).get("continue_on_failure")}
        failed = {name for name in steps if self.fates[f"{path}.{name}"].status == "failed"} - handlers - lenient
        branch: set[str] = set()
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
        lenient = step.get("retry_policy", {}).get("continue_on_failure")
        if step["step_type"] == "parallel" and self.fates[path].status == "failed" and lenient:
            self.undo(step, path, {f"{path}.{one['step_id']}" for one in step["parallel_steps"]})

    def undo(self, step: Step, container: str, places: set[str]) -> bool:
        """Undo what these steps did and what ran inside of them, or keep it; gives whether an undo fails."""
        found = {one for one in self.undoable for place in places if one == place or self.is_within(one, place)}
        found -= set(self.by_itself)
        if step.get("tolerated_failure") == "keep":
            self.kept |= found
            return False
        self.kept -= found
        self.by_itself |= dict.fromkeys(found, container)
        fails = {one for one in found if one.replace("!", ".").rpartition(".")[2] in self.undo_fails}
        self.unsure |= bool(fails & self.loose)
        return any(self.fates[one].effect for one in fails - self.loose)

    @staticmethod
    def is_within(path: str, other: str) -> bool:
        return path.startswith((f"{other}.", f"{other}!"))


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
