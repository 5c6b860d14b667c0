"""Expressions whose value is the same in every run: they are evaluated, and one that fails is told before any run fails on it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

from pydantic import JsonValue

from advanced_workflow.workflows.definition.check.sites import Site
from advanced_workflow.workflows.definition.graph.layout import Layout
from advanced_workflow.workflows.definition.graph.outline import Placement
from advanced_workflow.workflows.definition.model.markers import Moment
from advanced_workflow.workflows.definition.model.step_type import StepType
from advanced_workflow.workflows.definition.problems.codes import Code
from advanced_workflow.workflows.definition.problems.places import warning
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
_WRITTEN: Final = re.compile(r"workflow\.([^.\[]+)")


def written_variables(placements: Iterable[Placement]) -> set[str]:
    """First names below `workflow` that an `output_mapping` of these steps writes."""
    targets = (target for one in placements for target in one.step.output_mapping.values())
    return {match[1] for target in targets if (match := _WRITTEN.match(target))}


def constants_of(layout: Layout, inside: Placement | None = None) -> dict[str, JsonValue]:
    """The variables that have a first value and that no step writes, but those `inside` of one."""
    steps = layout.outline.placements
    written = written_variables(one for one in steps if inside is None or one.loc[: len(inside.loc)] != inside.loc)
    return {name: value for name, value in layout.workflow.global_variables.items() if name not in written}


def too_early(site: Site, layout: Layout) -> frozenset[str]:
    """Variables without a first value that nothing can have written when an expression is evaluated: only steps after its own do.

    A rerun begins with variables that kept steps wrote, and those after a step that runs again are not kept.
    """
    reader = site.reader
    if reader is None or site.at not in _BEFORE_ITS_END or _is_repeated(reader):
        return frozenset()
    later = written_variables(one for one in layout.outline.placements if _comes_after(one, reader, layout))
    others = written_variables(one for one in layout.outline.placements if not _comes_after(one, reader, layout))
    return frozenset(later - others - layout.workflow.global_variables.keys())


def _comes_after(one: Placement, reader: Placement, layout: Layout) -> bool:
    """Whether a step's result is written after another has begun, the step itself included; what is around them too."""
    inside = reader.loc[: len(one.loc)] == one.loc
    return inside or bool(layout.upstream[one.number] >> reader.number & 1)


def _is_repeated(reader: Placement) -> bool:
    """Whether an earlier round or another copy may have written what the step reads."""
    owner: Placement | None = reader
    while owner is not None:
        if owner.step.step_type in (StepType.LOOP, StepType.REACT) or owner.step.for_each is not None:
            return True
        owner = owner.graph.owner
    return False


def early_read_problems(
    site: Site, references: Collection[Reference], early: Collection[str], constants: Mapping[str, JsonValue]
) -> Iterator[Problem]:
    """Warn where an expression fails as such a variable has no value, whatever the run's data is."""
    names = {one.path[0] if one.root == "workflow" and one.path else "" for one in references}
    read = sorted(names & set(early))
    if not read or not names <= {*early, *constants} or not _is_short(site.tree()):
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
        kind = _KINDS.get(type(_evaluated(site, constants)))  # None for what JSON has not.
    except ExpressionError as error:
        message = f"it fails in every run that comes here: {error.reason}."
        yield warning(Code.BAD_EXPRESSION, site.loc, message, site.fix)
        return
    if site.gives and kind is not None and kind not in site.gives:
        message = f"it gives {kind} in every run, but {' or '.join(sorted(site.gives))} is needed here."
        yield warning(Code.BAD_EXPRESSION, site.loc, message, site.fix)


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
