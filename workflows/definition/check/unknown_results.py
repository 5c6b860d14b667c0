"""Mappings for undo actions that need a result which is not there where it is not known what the action did."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from advanced_workflow.workflows.definition.check.sites import Site
from advanced_workflow.workflows.definition.model.markers import Moment
from advanced_workflow.workflows.definition.problems.codes import Code
from advanced_workflow.workflows.definition.problems.places import warning
from advanced_workflow.workflows.definition.problems.problem import Problem
from advanced_workflow.workflows.errors import ExpressionError
from advanced_workflow.workflows.expressions import Expression, Reference

_RESULT = "result"


def unknown_result_problems(site: Site, references: Iterable[Reference]) -> Iterator[Problem]:
    """Warn where a value would be null without its author having said so; of what reads other data, too, nothing is said."""
    read = sorted(references, key=lambda one: one.path)
    if site.at is not Moment.UNDOING or not read or any(one.root != _RESULT for one in read):
        return
    compiled = site.compile()
    if not isinstance(compiled, Expression):
        return
    try:
        compiled.evaluate({_RESULT: None})
    except ExpressionError:
        yield warning(
            Code.UNKNOWN_RESULT,
            site.loc,
            f"{compiled.source!r} gives null where it is not known what the action did, as after a timeout or a lost worker: there is no result then.",
            f"Say what the undo action gets then, as {_guarded(read[0])}.",
        )


def _guarded(read: Reference) -> str:
    """How to read what may not be there."""
    if not read.path or not all(one.isidentifier() for one in read.path):
        return f"'{_RESULT} == null ? null : ...'"
    return f"'{_RESULT}.?{'.'.join(read.path)}.orValue(null)'"
