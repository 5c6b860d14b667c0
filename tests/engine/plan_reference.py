"""What becomes of plans, said once more in few words: an orchestrator whose model gives plans that are good, bad, and fail.

Its workers are told how they end, so that a plan says all that happens. Nothing of the engine is used here.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Any

WORKERS: dict[str, dict[str, Any]] = {
    "alpha": {"capability": "x", "rollback_actions": ["undo"]},
    "beta": {"capability": "x", "rollback_actions": ["undo"]},
    "gamma": {"optional": True, "rollback_actions": ["undo"]},
    "delta": {},
}
ENDS = ("good", "good", "good", "bad", "unsure", "first")
"""How a worker ends: well, without effect, unknown, or unknown the first time only."""
BAD = ("unknown worker", "cycle", "missing need", "same id")


@dataclass
class Case:
    """One orchestrator."""

    seed: int
    recovery: list[str]
    max_replans: int
    plans: list[dict[str, Any]]
    """The last one again and again."""


@dataclass
class Expected:
    """How it ends."""

    failure: str = ""
    results: dict[str, bool] = field(default_factory=dict[str, bool])
    """Whether a subtask gave something."""
    replans: int = 0
    made: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    undone: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    needs: dict[str, list[str]] = field(default_factory=dict[str, list[str]])


def case_of(seed: int) -> Case:
    """The case of a seed."""
    chance = Random(seed)
    ways = chance.sample(["retry", "another", "degrade", "replan"], chance.randint(0, 4)) or ["degrade"]
    plans = [_plan(chance, number) for number in range(chance.randint(1, 4))]
    return Case(seed, ways, chance.randint(0, 3), plans)


def _plan(chance: Random, number: int) -> dict[str, Any]:
    ids = [f"p{number}s{one}" for one in range(chance.randint(1, 5))]
    subtasks = [_subtask(chance, id, ids[:place]) for place, id in enumerate(ids)]
    wrong = chance.choice(BAD) if chance.random() < 0.2 else ""
    if wrong == "unknown worker":
        subtasks[-1]["worker"] = "omega"
    elif wrong == "cycle":
        subtasks[0]["needs"] = [ids[-1]] if len(ids) > 1 else [ids[0]]
        subtasks[-1]["needs"] = [ids[0]]
    elif wrong == "missing need":
        subtasks[0]["needs"] = ["nowhere"]
    elif wrong == "same id":
        subtasks.append({**subtasks[0]})
    chance.shuffle(subtasks)
    return {"subtasks": subtasks, "wrong": wrong}


def _subtask(chance: Random, id: str, earlier: list[str]) -> dict[str, Any]:
    ends = {worker: chance.choice(ENDS) for worker in WORKERS}
    needs = sorted(chance.sample(earlier, chance.randint(0, min(2, len(earlier)))))
    return {"id": id, "worker": chance.choice([*WORKERS]), "input": {"name": id, "ends": ends}, "needs": needs}


class _Task:
    def __init__(self, said: dict[str, Any]) -> None:
        self.id: str = said["id"]
        self.worker: str = said["worker"]
        self.ends: dict[str, str] = said["input"]["ends"]
        self.needs: list[str] = said["needs"]
        self.status = "waiting"
        self.effect: str | None = None
        """The worker whose effect is there, or may be."""
        self.tried: list[str] = []
        self.retried = False


def expected(case: Case) -> Expected:
    """How a case ends."""
    return _Run(case).end


class _Run:
    def __init__(self, case: Case) -> None:
        self.case = case
        self.end = Expected()
        self.tasks: dict[str, _Task] = {}
        self.asked = 0
        self.planned = False
        while self.step():
            pass
        if self.end.failure:
            self.end.results.clear()
            for task in self.tasks.values():
                self.undo(task)

    def step(self) -> bool:
        if not self.planned and not self.plan():
            return False
        failed = [one for one in self.tasks.values() if one.status == "failed"]
        if failed:
            return all(self.recover(one) for one in failed)
        if not any(one.status == "waiting" for one in self.tasks.values()):
            self.end.results = {one.id: one.status == "done" for one in self.tasks.values()}
            return False
        self.work()
        return True

    def plan(self) -> bool:
        while True:
            said = self.case.plans[min(self.asked, len(self.case.plans) - 1)]
            self.asked += 1
            known = {one["id"] for one in said["subtasks"]} & set(self.tasks)
            if not said["wrong"] and not known:
                break
            if self.end.replans >= self.case.max_replans:
                self.end.failure = "PlanInvalid"
                return False
            self.end.replans += 1
        self.tasks.update((one["id"], _Task(one)) for one in said["subtasks"])
        self.end.needs.update((one["id"], one["needs"]) for one in said["subtasks"])
        self.planned = True
        return True

    def work(self) -> None:
        """All that is left begins, each after what it needs."""
        begun = True
        while begun:
            begun = False
            for task in self.tasks.values():
                needed = [self.tasks[one].status for one in task.needs]
                if task.status == "waiting" and all(one in ("done", "without") for one in needed):
                    self.call(task)
                    begun = True

    def call(self, task: _Task) -> None:
        worker = task.worker
        self.end.made[task.id, worker] += 1
        how = task.ends[worker]
        well = how == "good" or (how == "first" and self.end.made[task.id, worker] > 1)
        task.status = "done" if well else "failed"
        task.effect = None if how == "bad" else worker

    def undo(self, task: _Task) -> None:
        if task.effect is not None and "rollback_actions" in WORKERS[task.effect]:
            self.end.undone[task.id, task.effect] += 1
        task.effect = None

    def recover(self, task: _Task) -> bool:
        """Whether it goes on."""
        if self.tasks.get(task.id) is not task:
            return True
        self.undo(task)
        for way in self.case.recovery:
            if self.takes(task, way):
                return True
        self.end.failure = "Gone"
        return False

    def takes(self, task: _Task, way: str) -> bool:
        capability = WORKERS[task.worker].get("capability")
        others = [
            name
            for name, one in WORKERS.items()
            if capability and one.get("capability") == capability and name not in (*task.tried, task.worker)
        ]
        if way == "retry" and not task.retried:
            task.retried, task.status = True, "waiting"
        elif way == "another" and others:
            task.tried.append(task.worker)
            task.worker, task.status = others[0], "waiting"
        elif way == "degrade" and WORKERS[task.worker].get("optional"):
            task.status = "without"
        elif way == "replan" and self.end.replans < self.case.max_replans:
            self.again(task)
        else:
            return False
        return True

    def again(self, task: _Task) -> None:
        """What hangs together with it is undone, and what failed beside it; what is done or left out elsewhere stays."""
        branch = {task.id}
        while True:
            near = {
                one.id for one in self.tasks.values() if branch & {one.id, *one.needs} or self.is_needed(one, branch)
            }
            if near <= branch:
                break
            branch |= near
        for one in [*self.tasks.values()]:
            if one.id in branch or one.status not in ("done", "without"):
                self.undo(one)
                del self.tasks[one.id]
        self.end.replans += 1
        self.planned = False

    def is_needed(self, task: _Task, branch: set[str]) -> bool:
        return any(task.id in self.tasks[one].needs for one in branch if one in self.tasks)
