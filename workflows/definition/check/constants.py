"""Expressions whose value is the same in every run: they are evaluated, and one that fails is told before any run fails on it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Final

from pydantic import JsonValue

from advanced_workflow.workflows.definition.check.sites import Site
from advanced_workflow.workflows.definition.graph.layout import Layout
from advanced_workflow.workflows.definition.graph.outline import Placement
from advanced_workflow.workflows.definition.model.markers import Moment
from advanced_workflow.workflows.definition.model.step_type import StepType
from advanced_workflow.workflows.definition.problems.codes import Code
from advanced_workflow.workflows.definition.problems.places import problem, warning
from advanced_workflow.workflows.definition.problems.problem import Problem
from advanced_workflow.workflows.errors import ExpressionError
from advanced_workflow.workflows.expressions import Expression, Reference
from advanced_workflow.workflows.expressions.analysis import is_path
from advanced_workflow.workflows.expressions.syntax import Fold, Node, children

_BEFORE_ITS_END: Final = frozenset({Moment.CHOOSING, Moment.RUNNING})
_KINDS: Final[Mapping[type, str]] = {
    bool: "bool",
    int: "number",
    float: "number",
    str: "string",
    list: "list",
    dict: "map",
    type(None): "null",
}


def constants_of(layout: Layout, inside: Placement | None = None) -> dict[str, JsonValue]:
    """The variables that have a first value and that no step writes, but those `inside` of one."""
    values = layout.workflow.global_variables.items()
    return {
        name: value for name, value in values if all(_is_within(one, inside) for one in layout.writers.get(name, ()))
    }


def _is_within(one: Placement, around: Placement | None) -> bool:
    return around is not None and one.loc[: len(around.loc)] == around.loc


def _is_too_early(name: str, reader: Placement, layout: Layout) -> bool:
    """Whether a variable without a first value cannot have been written when a step reads it: only steps after it do.

    A rerun begins with variables that kept steps wrote, and those after a step that runs again are not kept.
    """
    writers = layout.writers.get(name, ())
    is_given = not writers or name in layout.workflow.global_variables
    return not is_given and all(_comes_after(one, reader, layout) for one in writers)


def _comes_after(one: Placement, reader: Placement, layout: Layout) -> bool:
    """Whether a step's result is written after another has begun, the step itself included; what is around them too."""
    return _is_within(reader, one) or bool(layout.upstream[one.number] >> reader.number & 1)


def _is_repeated(reader: Placement) -> bool:
    """Whether an earlier round or another copy may have written what the step reads."""
    owner: Placement | None = reader
    while owner is not None:
        if (
            owner.step.step_type in (StepType.LOOP, StepType.REACT, StepType.ORCHESTRATOR)
            or owner.step.for_each is not None
        ):
            return True
        owner = owner.graph.owner
    return False


def early_read_problems(
    site: Site, references: Collection[Reference], layout: Layout, constants: Mapping[str, JsonValue]
) -> Iterator[Problem]:
    """Warn where an expression fails as such a variable has no value, whatever the run's data is."""
    reader = site.reader
    if reader is None or site.at not in _BEFORE_ITS_END or _is_repeated(reader):
        return
    names = {one.path[0] if one.root == "workflow" and one.path else "" for one in references}
    read = sorted(one for one in names if _is_too_early(one, reader, layout))
    if not read or not names <= {*read, *constants} or not _is_short(site.tree()):
        return
    try:
        _evaluated(site, constants)
    except ExpressionError:
        message = f"'workflow.{read[0]}' has no value yet: only this step, or steps after it, write it."
        fix = f"Give it a first value in 'global_variables', or write workflow.?{read[0]}.orValue(null)."
        yield warning(Code.UNKNOWN_VARIABLE, site.loc, message, fix)


def constant_problems(
    site: Site, references: Collection[Reference], constants: Mapping[str, JsonValue]
) -> Iterator[Problem]:
    """Say why an expression fails in every run that comes to it, where it is a constant that costs nothing to know."""
    if not all(one.root == "workflow" and one.path[:1] and one.path[0] in constants for one in references):
        return
    tree = site.tree()
    if not (is_path(tree) or (not references and _is_short(tree))):
        return
    try:
        value = _evaluated(site, constants)
    except ExpressionError as error:
        message = f"it fails in every run that comes here: {error.reason}."
        yield warning(Code.BAD_EXPRESSION, site.loc, message, site.fix).of_expression(site.text, error.column)
        return
    kind = _KINDS.get(type(value))  # None for what JSON has not.
    if site.gives and kind is not None and kind not in site.gives:
        message = f"it gives {kind} in every run, but {' or '.join(sorted(site.gives))} is needed here."
        yield warning(Code.BAD_EXPRESSION, site.loc, message, site.fix)
    elif site.reads is not None:
        try:
            site.reads(value)
        except ValueError as error:
            told = (
                warning if references else problem
            )  # A variable may get another first value; a constant is wrong as it stands.
            yield told(Code.BAD_EXPRESSION, site.loc, f"it cannot be used: {error}.", site.fix)


def _evaluated(site: Site, constants: Mapping[str, JsonValue]) -> object:
    """The value of an expression that reads nothing else. Raises `ExpressionError`."""
    compiled, scope = site.compile(), {"workflow": constants}
    return compiled.evaluate(scope) if isinstance(compiled, Expression) else compiled.holds(scope)


def _is_short(tree: Node) -> bool:
    """Whether evaluating it takes no longer than reading it: nothing is done for each of many elements."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Fold):
            return False
        waiting += children(node)
    return True
