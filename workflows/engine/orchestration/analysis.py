"""The analysis of a task: a plan, by rules or by a model, which is told what is wrong with it until it can be run."""

from __future__ import annotations

from advanced_workflow.workflows.contract import ErrorInfo, Json
from advanced_workflow.workflows.definition.kinds.orchestrator import ANALYST, Orchestrator
from advanced_workflow.workflows.definition.model.step_type import StepStatus
from advanced_workflow.workflows.definition.plans import PLAN_SCHEMA
from advanced_workflow.workflows.engine.actions.mapped_input import misfits_of
from advanced_workflow.workflows.engine.orchestration.decisions import budget_left
from advanced_workflow.workflows.engine.orchestration.plans import (
    calls_left,
    complexity,
    plan_by_rules,
    plan_problems,
    taken_up,
)
from advanced_workflow.workflows.engine.orchestration.state import EnterpriseWorkflowState, note
from advanced_workflow.workflows.engine.orchestration.work import Work
from advanced_workflow.workflows.engine.step.failures import StepFailure, failure_of
from advanced_workflow.workflows.errors import PlanInvalid
from advanced_workflow.workflows.plain.text import for_people

_TOLD = ("plan", "problems")
"""In the context: the last plan, and what is wrong with it."""
_ASKING = "asking"
"""In the context: the pass of the analysis that is under way."""


async def analyse(work: Work) -> None:
    """Make the plan of what is left. Raises `StepFailure`: `PlanInvalid` where it stays wrong."""
    made, state = work.made, work.state
    if made.analysis == "rules":
        plan = plan_by_rules(made, state["context"]["task"], work.schemas)
        score = {"complexity_score": 0.0}
        problems = await misfits_of(work.step, PLAN_SCHEMA, {**score, **plan}, "the plan")
        problems = problems or plan_problems(made, plan, state, work.schemas)
        if problems:
            raise _invalid(work, problems)
        _take(made, state, plan)
        return
    while True:
        plan = await _ask(work)
        problems = plan_problems(made, plan, state, work.schemas)
        if not problems:
            break
        note(state, "plan_refused", problems=problems)
        if state["budget"]["replans"] >= made.max_replans:
            raise _invalid(work, problems)
        state["budget"]["replans"] += 1
        state["context"].update(zip(_TOLD, (plan, problems), strict=True))
    for name in _TOLD:
        state["context"].pop(name, None)
    _take(made, state, plan)


def _take(made: Orchestrator, state: EnterpriseWorkflowState, plan: dict[str, Json]) -> None:
    state["subtasks"].update(taken_up(plan))
    state["task_analysis"] = {
        "complexity_score": plan.get("complexity_score", complexity(made, state["subtasks"], state["error_count"])),
        "open_ended": plan.get("open_ended", False),
        "sensitive": any(one.sensitive for one in made.workers),
        "reason": plan["reason"],
        "subtasks": plan["subtasks"],
    }


async def _ask(work: Work) -> dict[str, Json]:
    """What the model answers; it has the form of a plan."""
    state = work.state
    context = state["context"]
    asked: dict[str, Json] = {
        "task": context["task"],
        "workers": [_described(work, name) for name in work.made.labels],
        "left": budget_left(work.made, state),
    }
    asked.update({name: context[name] for name in ("failures", *_TOLD) if context.get(name)})
    if state["results"]:
        asked["results"] = state["results"]
    under_way: dict[str, Json] = context.setdefault(_ASKING, {})
    record = await work.run(ANALYST, asked, under_way)
    del context[_ASKING]
    if record.status is not StepStatus.COMPLETED:
        error = record.error or ErrorInfo(type="Failed", message=f"step {record.path!r} gave no plan.")
        raise StepFailure(error.model_copy())
    plan: dict[str, Json] = record.output
    return plan


def _described(work: Work, name: str) -> dict[str, Json]:
    worker, schema = work.made.worker(name), work.schemas.get(name)
    told: dict[str, Json] = {"name": name}
    if schema is not None:
        told.update({"description": schema.description, "parameters": schema.parameters})
    for field in ("capability", "sensitive", "optional"):
        if value := getattr(worker, field):
            told[field] = value
    left = None if worker is None else calls_left(worker, work.state)
    if left is not None:
        told["calls_left"] = left
    return told


def _invalid(work: Work, problems: list[str]) -> StepFailure:
    whose = "the model's plan is still wrong" if work.made.analysis == "model" else "the plan of the task is wrong"
    message = for_people(f"step {work.step.path!r}: {whose}: {' '.join(problems)}")
    failure = failure_of(PlanInvalid(message))
    details: Json = {"problems": problems}
    failure.error.details = details
    return failure
