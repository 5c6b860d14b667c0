"""A plan as data: made by rules, or read from what a model says, and checked as a definition is.

It is checked as a small definition: each subtask a step, each worker an action with the schema of its parameters, the task its input. So
its ids, edges, circles, expressions and parameters are looked at by the rules of `check` and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

from advanced_workflow.workflows.contract import Json, ToolSchema
from advanced_workflow.workflows.definition.check.catalog import ActionInfo
from advanced_workflow.workflows.definition.check.check import check
from advanced_workflow.workflows.definition.kinds.orchestrator import REACT, Orchestrator, Worker
from advanced_workflow.workflows.definition.problems.places import listed
from advanced_workflow.workflows.definition.problems.problem import errors_of
from advanced_workflow.workflows.definition.text.validation import validate
from advanced_workflow.workflows.engine.orchestration.state import ENDED, WAITING, EnterpriseWorkflowState, Subtask
from advanced_workflow.workflows.plain.strict_json import encode

MOST_TOLD = 10
"""Problems that a model is told."""
_LARGEST = 128 * 1024
"""Bytes of a plan: the checks of a larger one would take too long."""
_FULL = 20
"""Subtasks from which on their number makes a task no more complex."""
_DEEP = 5
_OFTEN = 3

Schemas = Mapping[str, ToolSchema]
"""What the workers take, by their names."""


def plan_by_rules(made: Orchestrator, task: Json, schemas: Schemas) -> dict[str, Json]:
    """The plan of a task that brings its subtasks, of one for the agent, or of one subtask for each capability."""
    if isinstance(task, dict) and "subtasks" in task:
        said = cast("dict[str, Json]", task)
        return {"reason": "the task says its subtasks", "subtasks": said["subtasks"]}
    if made.model is not None and REACT in made.strategies:
        return {"reason": "the task does not say its subtasks", "open_ended": True, "subtasks": []}
    chosen = {one.capability or f"worker {one.label}": one for one in reversed(made.workers)}
    first = {one.label: chosen[one.capability or f"worker {one.label}"].label for one in made.workers}
    workers = [one for one in made.workers if first[one.label] == one.label]
    subtasks = [
        {
            "id": one.label,
            "worker": one.label,
            "input": _input_for(schemas.get(one.label), task),
            "needs": list(dict.fromkeys(first[name] for name in one.needs if first[name] != one.label)),
        }
        for one in workers
    ]
    return {"reason": "one subtask for each capability", "subtasks": subtasks}


def _input_for(schema: ToolSchema | None, task: Json) -> dict[str, Json]:
    """What of the task a worker takes: its fields by the names of the parameters, or all of it as `task`."""
    said = cast("dict[str, Json]", task) if isinstance(task, dict) else {}
    properties: object = schema.parameters.get("properties") if schema is not None else None
    if not isinstance(properties, dict):
        return said or {"task": task}
    names = cast("dict[str, object]", properties)
    given = {name: said[name] for name in names if name in said}
    return {"task": task, **given} if "task" in names and "task" not in given else given


def plan_problems(
    made: Orchestrator, plan: Mapping[str, Json], state: EnterpriseWorkflowState, schemas: Schemas
) -> list[str]:
    """What is wrong in a plan that has the form of one, as sentences; empty for one that can be run."""
    subtasks: list[dict[str, Json]] = plan["subtasks"]
    if len(encode(subtasks, "the plan")) > _LARGEST:
        return [f"the plan is larger than {_LARGEST:,} bytes: make it smaller."]
    if not subtasks and state["task_analysis"] is None and not plan.get("open_ended") and not state["results"]:
        return ["there are no subtasks, and nothing was done yet."]
    return [*_own_problems(made, plan, state), *_as_definition(made, subtasks, state, schemas)][:MOST_TOLD]


def _own_problems(made: Orchestrator, plan: Mapping[str, Json], state: EnterpriseWorkflowState) -> Iterator[str]:
    subtasks: list[dict[str, Json]] = plan["subtasks"]
    left = made.max_steps - int(state["budget"]["steps"])
    if len(subtasks) > left and made.analysis == "model":  # What rules plan is done as far as it may be.
        yield f"there are {len(subtasks)} subtasks and {max(left, 0)} are left ('max_steps')."
    if plan.get("open_ended") and (subtasks or REACT not in made.strategies or made.model is None):
        yield (
            "a task that is open-ended has no subtasks." if subtasks else "'open_ended' is not allowed: plan subtasks."
        )
    if subtasks and "parallel" not in made.strategies:
        yield "subtasks are not allowed ('strategies'): say 'open_ended'."
    for one in subtasks:
        where = f"subtask {one['id']!r}"
        if one["id"] in state["subtasks"] or one["id"] == REACT:
            yield f"{where}: there is one of this id already; give it another."
        if one.get("when") is not None and "conditional" not in made.strategies:
            yield f"{where}: 'when' is not allowed ('strategies')."
        both = one.get("input", {}).keys() & one.get("input_mapping", {}).keys()
        if both:
            yield f"{where}: {listed(sorted(both))} is in 'input' and in 'input_mapping'; leave it out of one."
    yield from _too_often(made, subtasks, state)


def _too_often(made: Orchestrator, subtasks: list[dict[str, Json]], state: EnterpriseWorkflowState) -> Iterator[str]:
    for worker in made.workers:
        left = calls_left(worker, state)
        if left is not None and sum(one["worker"] == worker.label for one in subtasks) > left:
            yield f"worker {worker.label!r} may be called {worker.max_calls} times ('max_calls'), and {left} are left."


def _as_definition(
    made: Orchestrator, subtasks: list[dict[str, Json]], state: EnterpriseWorkflowState, schemas: Schemas
) -> list[str]:
    if not subtasks:
        return []
    needed = {need for one in subtasks for need in one.get("needs", ())}
    kept = [one for id, one in state["subtasks"].items() if id in needed and one["status"] in ENDED]
    steps: list[Json] = [{"step_id": one["id"], "action": one["worker"]} for one in kept]
    steps += [
        {
            "step_id": one["id"],
            "action": one["worker"],
            "input_mapping": {**_literals(one.get("input", {})), **one.get("input_mapping", {})},
            "dependencies": one.get("needs", []),
            "conditions": [] if one.get("when") is None else [one["when"]],
        }
        for one in subtasks
    ]
    validated = validate({"workflow_id": "plan", "steps": steps})
    known = {name: _info(made, name, schemas) for name in made.labels}
    found = list(validated.problems)
    if validated.workflow is not None:
        found += check(validated.workflow, known)
    places = [one["id"] for one in (*kept, *subtasks)]
    old = tuple(f"steps[{number}]" for number in range(len(kept)))
    told = (one for one in errors_of(found) if not one.path.startswith(tuple(f"{place}." for place in old)))
    return [f"{_place(one.path, places)}: {_words(one.message)} {_words(one.fix)}" for one in told]


def _info(made: Orchestrator, name: str, schemas: Schemas) -> ActionInfo:
    schema = schemas.get(name)
    return ActionInfo(name, input_schema=schema.parameters if schema is not None and schema.parameters else None)


def _place(path: str, ids: list[str]) -> str:
    """`steps[2].dependencies[0]` as the plan's author knows it."""
    head, _, field = path.partition(".")
    number = head.removeprefix("steps[").removesuffix("]")
    if not number.isdigit() or int(number) >= len(ids):
        return "the plan"
    return f"subtask {ids[int(number)]!r}" + (f", {_words(field)}" if field else "")


def _words(text: str) -> str:
    """A sentence of `check` in the words of a plan."""
    for ours, theirs in (("dependencies", "needs"), ("conditions[0]", "when"), ("; 'adw actions' lists them", "")):
        text = text.replace(ours, theirs)
    return text.replace("action", "worker")


def _literals(value: Json) -> Json:
    """Given values as a mapping writes them, where strings are expressions."""
    if isinstance(value, str):
        return encode(value, "a value").decode()
    if isinstance(value, dict):
        return {name: _literals(one) for name, one in cast("dict[str, Json]", value).items()}
    return [_literals(one) for one in cast("list[Json]", value)] if isinstance(value, list) else value


def taken_up(plan: Mapping[str, Json]) -> dict[str, Subtask]:
    """The subtasks of a plan as they begin."""
    fields = ("id", "worker", "input", "input_mapping", "needs", "when")
    said: list[dict[str, Json]] = plan["subtasks"]
    if plan.get("open_ended"):
        said = [{"id": REACT, "worker": REACT}]
    return {
        one["id"]: {**{name: one[name] for name in fields if one.get(name) is not None}, "status": WAITING}
        for one in said
    }


def complexity(made: Orchestrator, subtasks: Mapping[str, Subtask], failures: int) -> float:
    """From 0 to 1: how many subtasks, how deep they need each other, how many are sensitive, what failed before."""
    count = max(len(subtasks), 1)
    sensitive = sum(is_sensitive(made, one) for one in subtasks.values())
    score = (
        0.4 * min(count / _FULL, 1)
        + 0.2 * min((_depth(subtasks) - 1) / _DEEP, 1)
        + 0.2 * sensitive / count
        + 0.2 * min(failures / _OFTEN, 1)
    )
    return round(score, 3)


def calls_left(worker: Worker, state: EnterpriseWorkflowState) -> int | None:
    """How often a worker may still be called, as a subtask or by the agent of an open-ended task; None where nothing bounds it."""
    if worker.max_calls is None:
        return None
    used: dict[str, int] = state["budget"].get("used", {})
    return max(worker.max_calls - used.get(worker.label, 0), 0)


def is_sensitive(made: Orchestrator, subtask: Subtask) -> bool:
    """Whether people must approve it."""
    worker = made.worker(subtask["worker"])
    return worker is not None and worker.sensitive


def in_order(subtasks: Mapping[str, Subtask]) -> list[str]:
    """Ids, each after those it needs."""
    found: dict[str, None] = {}

    def missing(id: str) -> bool:
        return any(one in subtasks and one not in found for one in subtasks[id].get("needs", ()))

    left = list(subtasks)
    while left:
        ready = [one for one in left if not missing(one)]
        if not ready:
            raise AssertionError("the plan was checked")
        found.update(dict.fromkeys(ready))
        left = [one for one in left if one not in found]
    return list(found)


def _depth(subtasks: Mapping[str, Subtask]) -> int:
    depths: dict[str, int] = {}
    for id in in_order(subtasks):
        depths[id] = 1 + max((depths.get(one, 0) for one in subtasks[id].get("needs", ())), default=0)
    return max(depths.values(), default=1)


def branch_of(subtasks: Mapping[str, Subtask], id: str) -> list[str]:
    """The subtasks that need each other, directly or not, with this one."""
    near: dict[str, set[str]] = {one: set() for one in subtasks}
    for one, subtask in subtasks.items():
        for other in subtask.get("needs", ()):
            if other in near:
                near[one].add(other)
                near[other].add(one)
    found, waiting = {id}, [id]
    while waiting:
        new = near[waiting.pop()] - found
        found |= new
        waiting += sorted(new)
    return [one for one in subtasks if one in found]
