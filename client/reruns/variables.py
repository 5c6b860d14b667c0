"""What the `workflow` variables are when only some steps of a run are kept."""

from __future__ import annotations

import copy
from collections.abc import Iterator

from pydantic import JsonValue

from advanced_workflow.workflows.contract import Checkpoint
from advanced_workflow.workflows.contract.paths import idempotency_key
from advanced_workflow.workflows.definition.model.roots import RESULT, roots_at
from advanced_workflow.workflows.definition.step import WorkflowStep
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow
from advanced_workflow.workflows.expressions import compile_targets, parse_target


def variables_left(
    workflow: AdvancedWorkflow, point: Checkpoint, input_data: JsonValue, kept: frozenset[str]
) -> dict[str, JsonValue]:
    """The variables as the kept steps left them; what only steps that run again have written is as in the beginning."""
    variables = copy.deepcopy(dict(workflow.global_variables))
    mixed: set[str] = set()
    for name, writers in _writers(workflow).items():
        if writers <= kept and name in point.variables:
            variables[name] = point.variables[name]
        elif writers & kept:
            mixed.add(name)
    if mixed:
        _write_again(workflow, point, input_data, kept, mixed, variables)
    return variables


def conflicts(workflow: AdvancedWorkflow, kept: frozenset[str]) -> dict[str, str]:
    """Kept containers whose writes cannot be told from those of steps that run again: step id -> why it must run again."""
    found: dict[str, str] = {}
    containers = {one.step_id for one in workflow.steps if one.parallel_steps or one.body}
    for name, writers in _writers(workflow).items():
        if not writers <= kept:
            sentence = f"it writes workflow.{name}, and so does a step that runs again."
            found.update(dict.fromkeys(sorted(writers & kept & containers), sentence))
    return found


def _write_again(
    workflow: AdvancedWorkflow,
    point: Checkpoint,
    input_data: JsonValue,
    kept: frozenset[str],
    names: set[str],
    variables: dict[str, JsonValue],
) -> None:
    """Write what the kept steps wrote to these variables, in the order in which they ended."""
    steps = {step_id: {"status": "completed", "output": one.output} for step_id, one in point.steps.items()}
    scope = {"input": input_data, "steps": steps, "run": {"execution_id": point.execution_id}}
    for one in sorted(workflow.steps, key=lambda step: point.steps[step.step_id].ended if step.step_id in kept else ""):
        if one.step_id not in kept or not one.output_mapping:
            continue
        written = dict(variables)
        mapping = compile_targets(one.output_mapping, roots_at() | RESULT)
        own = {"path": one.step_id, "idempotency_key": idempotency_key(point.execution_id, one.step_id)}
        result = point.steps[one.step_id].output
        mapping.apply({**scope, "workflow": written, "step": own, "result": result}, written)
        variables.update({name: written[name] for name in names if name in written})


def _writers(workflow: AdvancedWorkflow) -> dict[str, set[str]]:
    """Variable -> the steps of the definition's own graph that write it, themselves or inside of them."""
    writers: dict[str, set[str]] = {}
    for one in workflow.steps:
        for name in written_by(one):
            writers.setdefault(name, set()).add(one.step_id)
    return writers


def written_by(step: WorkflowStep) -> set[str]:
    """The variables that a step writes, itself or inside of it."""
    return {parse_target(to).path[0] for one in _with_nested(step) for to in one.output_mapping.values()}


def _with_nested(step: WorkflowStep) -> Iterator[WorkflowStep]:
    yield step
    for inner in (*step.parallel_steps, *step.body):
        yield from _with_nested(inner)
