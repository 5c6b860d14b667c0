"""Whether a completed step's result still fits the definition and the input of a new run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

from pydantic import JsonValue

from advanced_workflow.client.reruns.variables import written_by
from advanced_workflow.workflows.contract import Checkpoint, KeptStep
from advanced_workflow.workflows.definition.check.sites import Site, sites
from advanced_workflow.workflows.definition.graph.layout import Layout
from advanced_workflow.workflows.definition.model.marked import mark_of, marks_of, models_in
from advanced_workflow.workflows.definition.model.markers import MakesResult
from advanced_workflow.workflows.definition.model.step_type import StepType
from advanced_workflow.workflows.definition.step import WorkflowStep
from advanced_workflow.workflows.definition.text.load import definition_sha256
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow
from advanced_workflow.workflows.errors import OperationRefused
from advanced_workflow.workflows.expressions import Reference, compile_condition, compile_expression
from advanced_workflow.workflows.plain.names import same_name, same_names

MAKE_RESULT = (
    *((name,) for name in marks_of(WorkflowStep, MakesResult)),
    *(
        (name, inner)
        for name in WorkflowStep.model_fields
        if mark_of(WorkflowStep, name, MakesResult) is None
        for model in models_in(WorkflowStep, name)
        for inner in marks_of(model, MakesResult)
    ),
)
"""Fields that decide what a step's result is, those of objects in it too; the others may change without making it another one."""

_GUARDS = ("has(", ".?", "[?")
_NOTHING = object()


@dataclass(frozen=True, slots=True)
class _Read:
    """Something that an expression reads. `by` is the step it is in, `guarded` says whether it may be missing."""

    by: str
    reference: Reference
    guarded: bool


@dataclass(slots=True)
class Comparison:
    """A new run's definition and input beside what an old run completed."""

    layout: Layout
    point: Checkpoint
    input_data: JsonValue
    started_by: str | None = None
    """Who starts the new run."""
    corrected: bool = field(init=False)
    """Whether the definition is another one than people were asked about."""
    before: Mapping[str, WorkflowStep] = field(init=False)
    variables: Mapping[str, JsonValue] = field(init=False)
    """First values of the old definition."""
    reads: list[_Read] = field(init=False)

    def __post_init__(self) -> None:
        """Work out what is asked for each step."""
        old = AdvancedWorkflow.model_validate(self.point.definition)
        self.corrected = definition_sha256(old) != definition_sha256(self.layout.workflow)
        self.before = {one.step_id: one for one in old.steps}
        self.variables = old.global_variables
        self.reads = [read for site in sites(self.layout) for read in _reads(self.layout, site)]


def reasons_to_run_again(comparison: Comparison, forced: Mapping[str, str]) -> dict[str, str]:
    """Why a step runs again, by its id; what comes after such a step runs again too."""
    layout = comparison.layout
    again: dict[str, str] = {}
    for placement in layout.orders[id(layout.outline.top)].ordered:
        why = _why(comparison, placement.step, forced, again)
        if why is not None:
            again[placement.step.step_id] = why
    return again


def owner_of(layout: Layout, step_id: str) -> str:
    """The step of the definition's own graph that a step is, or is nested in. Raises `OperationRefused`."""
    placement = layout.outline.by_id.get(step_id)
    if placement is None:
        raise OperationRefused(f"the definition has no step {step_id!r}; 'adw show' lists the run's steps.")
    while placement.graph.owner is not None:
        placement = placement.graph.owner
    return placement.step.step_id


def is_handler(workflow: AdvancedWorkflow, step_id: str) -> bool:
    """Whether a step runs only when another fails."""
    return any(handler.handler == step_id for one in workflow.steps for handler in one.error_handlers)


def _why(comparison: Comparison, step: WorkflowStep, forced: Mapping[str, str], again: Mapping[str, str]) -> str | None:
    earlier = next((one for one in _upstream(comparison.layout, step) if one in again), None)
    kept = comparison.point.steps.get(step.step_id)
    if kept is None:
        return "it had not completed."
    if step.step_id in forced:
        return forced[step.step_id]
    if earlier is not None:
        return f"it comes after {earlier!r}, which runs again."
    return _misfit(comparison, step, kept)


def _misfit(comparison: Comparison, step: WorkflowStep, kept: KeptStep) -> str | None:
    if kept.undone:
        return "the rollback went over it."
    if step.step_id in comparison.point.signed:
        return "what people sign is for one run only (identity: signed), so they are asked again."
    before = comparison.before.get(step.step_id)
    approval = _stale_approval(comparison, kept)
    if approval is not None:
        return approval
    changed = next((path for path in MAKE_RESULT if _value(step, path) != _value(before, path)), None)
    if changed is not None:
        return f"its {'.'.join(changed)!r} changed."
    return (
        _changed_input(comparison, step.step_id)
        or _changed_variable(comparison, step)
        or _missing_output(comparison, step.step_id, kept)
    )


def _stale_approval(comparison: Comparison, kept: KeptStep) -> str | None:
    """Why people must be asked again whose approval is in what is kept.

    They decided by a digest over the definition too, so of a corrected one they have seen nothing; and nobody approves what they start.
    """
    for record in kept.records:
        asked = comparison.layout.outline.by_id.get(str(record["step"]))
        notes = cast("dict[str, JsonValue]", record.get("notes", {}))
        if asked is None or asked.step.step_type is not StepType.HUMAN_APPROVAL or "decision" not in notes:
            continue
        if comparison.corrected:
            return f"the definition is not the one that {record['path']!r} was decided on."
        if _approved_by_starter(comparison, asked.step, record):
            return f"{comparison.started_by!r} approved {record['path']!r}, and nobody approves what they start."
    return None


def _approved_by_starter(comparison: Comparison, step: WorkflowStep, record: Mapping[str, JsonValue]) -> bool:
    if comparison.started_by is None or (step.approval is not None and step.approval.allow_self_approval):
        return False
    output = cast("dict[str, list[dict[str, str]]]", record.get("output") or {})
    approvers = [one["approver"] for one in output.get("decisions", []) if one["decision"] == "approve"]
    return same_name(comparison.started_by) in same_names(approvers)


def _value(step: WorkflowStep | None, path: tuple[str, ...]) -> object:
    value: object = step
    for name in path:
        value = getattr(value, name, None)
    return value


def _changed_input(comparison: Comparison, step_id: str) -> str | None:
    old, new = comparison.point.input_data, comparison.input_data
    for read in comparison.reads:
        path = read.reference.path
        if read.by == step_id and read.reference.root == "input" and _at(old, path) != _at(new, path):
            return f"it reads {'.'.join(('input', *path))}, which changed."
    return None


def _changed_variable(comparison: Comparison, step: WorkflowStep) -> str | None:
    """A step that reads or writes a variable was made with its first value."""
    old, new = comparison.variables, comparison.layout.workflow.global_variables
    changed = {name for name in old.keys() | new.keys() if old.get(name, _NOTHING) != new.get(name, _NOTHING)}
    if not changed:
        return None
    read = {
        one.reference.path[:1]
        for one in comparison.reads
        if one.by == step.step_id and one.reference.root == "workflow"
    }
    if () in read:
        return "it reads all variables, and the first value of one changed."
    names = {path[0] for path in read} | written_by(step)
    name = next(iter(sorted(names & changed)), None)
    return None if name is None else f"it uses workflow.{name}, whose first value changed."


def _missing_output(comparison: Comparison, step_id: str, kept: KeptStep) -> str | None:
    """The new definition may ask for more than the result has."""
    for read in comparison.reads:
        path = read.reference.path
        asks = read.reference.root == "steps" and path[:2] == (step_id, "output") and not read.guarded
        if asks and len(path) > 2 and _at(kept.output, path[2:]) is _NOTHING:
            return f"{read.by!r} reads steps.{'.'.join(path)}, which the kept result does not have."
    return None


def _reads(layout: Layout, site: Site) -> list[_Read]:
    number = next(iter(site.loc[1:]), None)
    by = layout.workflow.steps[number].step_id if isinstance(number, int) else "output"
    if isinstance(site.source, str):
        references = compile_expression(site.source, site.roots).references
        guarded = any(one in site.source for one in _GUARDS)
    else:
        references, guarded = compile_condition(site.source, site.roots).references, False
    return [_Read(by, one, guarded) for one in sorted(references, key=lambda one: (one.root, one.path))]


def _upstream(layout: Layout, step: WorkflowStep) -> list[str]:
    placement = layout.outline.top.ids[step.step_id]
    edges = layout.orders[id(layout.outline.top)].incoming.get(placement.number, [])
    return [edge.before.step.step_id for edge in edges if edge.kind != "handler"]


def _at(value: object, path: tuple[str, ...]) -> object:
    """What is at a path of plain data; past a list the whole list is meant."""
    for name in path:
        if isinstance(value, list):
            break
        fields = cast("dict[str, object]", value) if isinstance(value, dict) else {}
        value = fields.get(name, _NOTHING)
    return cast("object", value)
