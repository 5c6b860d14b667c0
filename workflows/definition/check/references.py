"""Whether what an expression refers to is there: steps upstream, fields of outputs, of the input and of the run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import cast

from pydantic import JsonValue

from advanced_workflow.workflows.definition.check.catalog import ActionCatalog
from advanced_workflow.workflows.definition.check.outputs import output_schema
from advanced_workflow.workflows.definition.check.sites import Site
from advanced_workflow.workflows.definition.graph.layout import Layout
from advanced_workflow.workflows.definition.graph.outline import Placement
from advanced_workflow.workflows.definition.problems.codes import Code
from advanced_workflow.workflows.definition.problems.places import listed, nearest, problem, warning
from advanced_workflow.workflows.definition.problems.problem import Problem
from advanced_workflow.workflows.definition.schema import unknown_part
from advanced_workflow.workflows.definition.step import WorkflowStep
from advanced_workflow.workflows.definition.versions import Definitions
from advanced_workflow.workflows.expressions.analysis import Reference
from advanced_workflow.workflows.expressions.mistakes.mistake import Known

_STEP_FIELDS = ("status", "output", "error")
_FIELDS: Mapping[str, tuple[Code, tuple[str, ...]]] = {
    "run": (Code.UNKNOWN_RUN_FIELD, ("id", "execution_id", "workflow_id", "version", "started_at", "callback")),
    "step": (Code.UNKNOWN_STEP_FIELD, ("path", "idempotency_key")),
    "progress": (Code.UNKNOWN_PROGRESS_FIELD, ("total", "completed", "failed")),
}
"""Names whose fields are the same everywhere."""


@dataclass(frozen=True, slots=True)
class Names:
    """What the references of expressions are looked up in."""

    layout: Layout
    actions: ActionCatalog
    definitions: Definitions
    also_known: frozenset[str]
    variables: frozenset[str]
    constants: dict[str, JsonValue]
    """Variables with a first value that nothing writes."""
    refused: Iterator[int] = field(default_factory=count)
    """Counts the expressions that do not compile: of the first of them it is told what was meant."""

    @property
    def known(self) -> Known:
        """What an expression may have meant."""
        properties = self.layout.workflow.input_schema.get("properties")
        inputs = cast("dict[str, object]", properties) if isinstance(properties, dict) else {}
        return Known(frozenset(self.layout.outline.by_id), self.variables, frozenset(inputs))


def reference_problems(reference: Reference, site: Site, names: Names) -> Iterator[Problem]:
    """Say what is wrong with one reference of an expression at its place."""
    if not reference.path:
        return
    match reference.root:
        case "steps":
            yield from _step_problems(reference, site, names)
        case "result" if site.result_of is not None:
            yield from _output_problems(site.result_of, reference.path, reference, site, names)
        case "input":
            yield from _input_problems(reference, site, names)
        case "workflow":
            yield from _variable_problems(reference, site, names)
        case root:
            code, fields = _FIELDS.get(root, (None, ()))
            if code is not None:
                yield from _field_problems(code, fields, reference, site, names)


def _step_problems(reference: Reference, site: Site, names: Names) -> Iterator[Problem]:
    step_id, *fields = reference.path
    placement = names.layout.outline.by_id.get(step_id)
    if placement is None:
        if step_id not in names.also_known:
            known = list(names.layout.outline.by_id)
            fix = nearest(step_id, known) or f"The steps are: {listed(known)}."
            yield problem(Code.UNKNOWN_STEP, site.loc, f"there is no step {step_id!r}{_at(reference)}.", fix)
        return
    if not site.visible >> placement.number & 1:
        if fields[:1] != ["status"] or not _has_one_status(placement, site):
            yield _not_upstream(placement, reference, site)
    elif fields and fields[0] not in _STEP_FIELDS:
        message = f"steps.{step_id} has no {fields[0]!r}{_at(reference)}."
        yield problem(Code.UNKNOWN_STEP_FIELD, site.loc, message, f"It has: {listed(_STEP_FIELDS)}.")
    elif fields and fields[0] == "output":
        yield from _output_problems(placement.step, reference.path[2:], reference, site, names)


def _has_one_status(placement: Placement, site: Site) -> bool:
    """Whether a step, settled or not, has one status seen from the site: a copy of a `for_each` only from inside of it."""
    repeated = _repeated_container(placement)
    return repeated is None or _is_inside(site, repeated)


def _not_upstream(placement: Placement, reference: Reference, site: Site) -> Problem:
    step_id = placement.step.step_id
    if _is_inside(site, placement):
        message = f"step {step_id!r} has no outcome yet where it is used{_at(reference)}."
        return problem(Code.NOT_UPSTREAM, site.loc, message, "Use 'result' in an output mapping, or another step.")
    repeated = _repeated_container(placement)
    if repeated is not None and not _is_inside(site, repeated):
        name = repeated.step.step_id
        message = f"step {step_id!r} runs once for each item of {name!r}{_at(reference)}."
        return problem(Code.NOT_UPSTREAM, site.loc, message, f"Use steps.{name}.output.")
    message = f"step {step_id!r} need not be settled where it is used{_at(reference)}."
    fix = f"Add {step_id!r} to the step's 'dependencies', or read only its 'status'."
    return problem(Code.NOT_UPSTREAM, site.loc, message, fix)


def _repeated_container(placement: Placement) -> Placement | None:
    owner = placement.graph.owner
    while owner is not None and owner.step.for_each is None:
        owner = owner.graph.owner
    return owner


def _is_inside(site: Site, placement: Placement) -> bool:
    return site.loc[: len(placement.loc)] == placement.loc


def _output_problems(
    step: WorkflowStep, path: tuple[str, ...], reference: Reference, site: Site, names: Names
) -> Iterator[Problem]:
    schema = output_schema(step, names.actions, names.definitions)
    # The schema is all that the output may have: what it does not mention is not there.
    unknown = unknown_part(schema or {}, path, closed_by_default=True)
    if unknown is not None:
        whose = f"action {step.action!r}" if step.action else f"step {step.step_id!r}"
        message = f"the output of {whose} has no field {unknown[0]!r}{_at(reference)}."
        yield problem(Code.UNKNOWN_OUTPUT_FIELD, site.loc, message, f"It has: {unknown[1] or 'none'}.")


def _input_problems(reference: Reference, site: Site, names: Names) -> Iterator[Problem]:
    unknown = unknown_part(names.layout.workflow.input_schema, reference.path, closed_by_default=False)
    if unknown is not None:
        message = f"'input_schema' allows no field {unknown[0]!r}{_at(reference)}."
        yield problem(Code.UNKNOWN_INPUT_FIELD, site.loc, message, f"It has: {unknown[1]}.")


def _field_problems(
    code: Code, fields: tuple[str, ...], reference: Reference, site: Site, names: Names
) -> Iterator[Problem]:
    """A name whose fields are the same everywhere."""
    if reference.path[0] not in fields:
        message = f"'{reference.root}' has no field {reference.path[0]!r}{_at(reference)}."
        is_step = reference.root == "step" and reference.path[0] in names.layout.outline.by_id
        meant = f" Another step is steps.{reference.path[0]}." if is_step else ""
        yield problem(
            code, site.loc, message, f"{nearest(reference.path[0], fields) or f'It has: {listed(fields)}.'}{meant}"
        )


def _variable_problems(reference: Reference, site: Site, names: Names) -> Iterator[Problem]:
    name = reference.path[0]
    if name not in names.variables:
        message = f"nothing gives 'workflow.{name}' a value{_at(reference)}."
        fix = nearest(name, sorted(names.variables)) or "Add it to 'global_variables', or to an 'output_mapping'."
        yield warning(Code.UNKNOWN_VARIABLE, site.loc, message, fix)


def _at(reference: Reference) -> str:
    return f" (column {reference.column})" if reference.column else ""
