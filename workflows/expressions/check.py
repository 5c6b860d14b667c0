"""`check`: every problem of a definition at once, in the order of the document."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from workflows.definition.catalog import ActionCatalog
from workflows.definition.codes import Code
from workflows.definition.load import read_tree
from workflows.definition.locations import listed, nearest, problem, warning
from workflows.definition.models import AdvancedWorkflow
from workflows.definition.order_of_fields import document_order
from workflows.definition.outline import Placement
from workflows.definition.problems import Problem
from workflows.definition.rules import Layout, layout, rule_problems
from workflows.definition.schema import unknown_part
from workflows.definition.source_tree import SourceInvalid
from workflows.definition.support import unsupported
from workflows.definition.validation import validate
from workflows.errors import ExpressionInvalid
from workflows.expressions import Reference, compile_condition, compile_expression, parse_target
from workflows.expressions.sites import Site, sites

__all__ = ["check", "check_text", "unsupported"]

MAX_LISTED = 100
"""How many problems of one code a check lists."""

_STEP_FIELDS = ("status", "output", "error")
_RUN_FIELDS = ("execution_id", "workflow_id", "version", "started_at")
_FIRST_NAME = re.compile(r"workflow\.([^.\[]+)")


def check(
    workflow: AdvancedWorkflow,
    actions: ActionCatalog | None = None,
    *,
    also_known: frozenset[str] = frozenset(),
) -> list[Problem]:
    """List all problems of a definition, in the order of the document; warnings do not make it invalid.

    Of each code at most 100 are listed.
    Without `actions` nothing is said about actions. `also_known` are step ids that may be named although the definition
    holds no such step (`check_text` gives those of steps that could not be read).
    """
    plan = layout(workflow)
    names = _Names(plan, actions or {}, also_known, _variables(workflow, plan))
    in_sites = chain.from_iterable(_site_problems(site, names) for site in sites(plan))
    return _in_order(_bounded(chain(rule_problems(plan, actions, also_known), in_sites)))


def check_text(text: str, source: str = "<text>", actions: ActionCatalog | None = None) -> list[Problem]:
    """List all problems of a definition's text with their lines; never raises.

    Fields that do not fit are reported and left out, and the cross-step rules look at the rest.
    """
    try:
        tree = read_tree(text, source=source)
    except SourceInvalid as error:
        return [error.problem]
    validated = validate(tree.data)
    found = [*_bounded(validated.problems)]
    if validated.workflow is not None:
        for one in check(validated.workflow, actions, also_known=validated.raw_ids):
            moved = one.at_path(validated.source_path(one.path))
            if not validated.is_known_consequence(moved.path, moved.code):
                found.append(moved)
    return [one.at_line(tree.line_of(one.path)) for one in _in_order(found)]


@dataclass(frozen=True, slots=True)
class _Names:
    """What the references of expressions are looked up in."""

    plan: Layout
    actions: ActionCatalog
    also_known: frozenset[str]
    variables: frozenset[str]


def _bounded(problems: Iterable[Problem]) -> Iterator[Problem]:
    """Leave out what comes too often; each code on its own, so that none hides another."""
    seen: Counter[str] = Counter()
    for one in problems:
        seen[one.code] += 1
        if seen[one.code] <= MAX_LISTED:
            yield one


def _in_order(problems: Iterable[Problem]) -> list[Problem]:
    return sorted(problems, key=lambda one: document_order(one.path))


def _variables(workflow: AdvancedWorkflow, plan: Layout) -> frozenset[str]:
    """First names below `workflow` that something gives a value."""
    targets = [target for one in plan.outline.placements for target in one.step.output_mapping.values()]
    written = [match.group(1) for target in targets if (match := _FIRST_NAME.match(target))]
    return frozenset((*workflow.global_variables, *written))


def _site_problems(site: Site, names: _Names) -> Iterator[Problem]:
    if site.target is not None:
        try:
            parse_target(site.target)
        except ExpressionInvalid as error:
            yield problem(
                Code.INVALID_TARGET, site.loc, f"{error.reason}.", "Write a target such as 'workflow.order.id'."
            )
    try:
        references = _references(site)
    except ExpressionInvalid as error:
        yield _bad(site, error.reason, error.column)
        return
    # A set has no order that is the same in every process; and a name used twice is one problem.
    seen: set[tuple[str, ...]] = set()
    for reference in sorted(references, key=lambda one: (one.column, one.root, one.path)):
        if (reference.root, *reference.path) not in seen:
            seen.add((reference.root, *reference.path))
            yield from _reference_problems(reference, site, names)


def _bad(site: Site, reason: str, column: int) -> Problem:
    at = f" (column {column})" if column else ""
    return problem(Code.BAD_EXPRESSION, site.loc, f"{reason}{at}.", "Correct the expression.")


def _references(site: Site) -> frozenset[Reference]:
    if not isinstance(site.source, str):
        return compile_condition(site.source, site.roots).references
    expression = compile_expression(site.source, site.roots)
    known = expression.result_type.partition("<")[0]
    if site.gives and known not in (*site.gives, "dyn"):
        needed = " or ".join(sorted(site.gives))
        raise ExpressionInvalid(f"it gives {known}, but {needed} is needed here")
    return expression.references


def _reference_problems(reference: Reference, site: Site, names: _Names) -> Iterator[Problem]:
    if not reference.path:
        return
    match reference.root:
        case "steps":
            yield from _step_problems(reference, site, names)
        case "result":
            yield from _output_problems(site.result_of, reference.path, reference, site, names)
        case "input":
            yield from _input_problems(reference, site, names)
        case "run":
            yield from _run_problems(reference, site)
        case "workflow":
            yield from _variable_problems(reference, site, names)
        case _:
            pass


def _step_problems(reference: Reference, site: Site, names: _Names) -> Iterator[Problem]:
    step_id, *fields = reference.path
    placement = names.plan.outline.by_id.get(step_id)
    if placement is None:
        if step_id not in names.also_known:
            known = list(names.plan.outline.by_id)
            fix = nearest(step_id, known) or f"The steps are: {listed(known)}."
            yield problem(Code.UNKNOWN_STEP, site.loc, f"there is no step {step_id!r}{_at(reference)}.", fix)
        return
    if not site.visible >> placement.number & 1:
        yield _not_upstream(placement, reference, site)
    elif fields and fields[0] not in _STEP_FIELDS:
        message = f"steps.{step_id} has no {fields[0]!r}{_at(reference)}."
        yield problem(Code.UNKNOWN_STEP_FIELD, site.loc, message, f"It has: {listed(_STEP_FIELDS)}.")
    elif fields and fields[0] == "output":
        yield from _output_problems(placement.step.action, reference.path[2:], reference, site, names)


def _not_upstream(placement: Placement, reference: Reference, site: Site) -> Problem:
    step_id = placement.step.step_id
    if site.loc[: len(placement.loc)] == placement.loc:
        message = f"step {step_id!r} has no outcome yet where it is used{_at(reference)}."
        return problem(Code.NOT_UPSTREAM, site.loc, message, "Use 'result' in an output mapping, or another step.")
    repeated = _repeated_container(placement)
    if repeated is not None:
        message = f"step {step_id!r} runs once for each item of {repeated!r}{_at(reference)}."
        return problem(Code.NOT_UPSTREAM, site.loc, message, f"Use steps.{repeated}.output.")
    message = f"step {step_id!r} need not be settled where it is used{_at(reference)}."
    return problem(Code.NOT_UPSTREAM, site.loc, message, f"Add {step_id!r} to the step's 'dependencies'.")


def _repeated_container(placement: Placement) -> str | None:
    owner = placement.graph.owner
    while owner is not None and owner.step.for_each is None:
        owner = owner.graph.owner
    return owner.step.step_id if owner is not None else None


def _output_problems(
    action: str | None, path: tuple[str, ...], reference: Reference, site: Site, names: _Names
) -> Iterator[Problem]:
    info = names.actions.get(action or "")
    if info is None or info.output_schema is None:
        return
    # The schema is the type the action returns: what it does not mention is not there.
    unknown = unknown_part(info.output_schema, path, closed_by_default=True)
    if unknown is not None:
        message = f"the output of action {info.name!r} has no field {unknown[0]!r}{_at(reference)}."
        yield problem(Code.UNKNOWN_OUTPUT_FIELD, site.loc, message, f"It has: {unknown[1]}.")


def _input_problems(reference: Reference, site: Site, names: _Names) -> Iterator[Problem]:
    unknown = unknown_part(names.plan.workflow.input_schema, reference.path, closed_by_default=False)
    if unknown is not None:
        message = f"'input_schema' allows no field {unknown[0]!r}{_at(reference)}."
        yield problem(Code.UNKNOWN_INPUT_FIELD, site.loc, message, f"It has: {unknown[1]}.")


def _run_problems(reference: Reference, site: Site) -> Iterator[Problem]:
    if reference.path[0] not in _RUN_FIELDS:
        message = f"'run' has no field {reference.path[0]!r}{_at(reference)}."
        yield problem(Code.UNKNOWN_RUN_FIELD, site.loc, message, f"It has: {listed(_RUN_FIELDS)}.")


def _variable_problems(reference: Reference, site: Site, names: _Names) -> Iterator[Problem]:
    name = reference.path[0]
    if name not in names.variables:
        message = f"nothing gives 'workflow.{name}' a value{_at(reference)}."
        fix = nearest(name, sorted(names.variables)) or "Add it to 'global_variables', or to an 'output_mapping'."
        yield warning(Code.UNKNOWN_VARIABLE, site.loc, message, fix)


def _at(reference: Reference) -> str:
    return f" (column {reference.column})" if reference.column else ""
