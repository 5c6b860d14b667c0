"""Rule about error types: a name that is nearly one of the platform's never comes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from advanced_workflow.workflows.definition.graph.outline import Placement
from advanced_workflow.workflows.definition.model.error_types import OTHER_NAMES, PLATFORM_TYPES, TIMEOUT
from advanced_workflow.workflows.definition.problems.codes import Code
from advanced_workflow.workflows.definition.problems.places import Loc, warning
from advanced_workflow.workflows.definition.problems.problem import Problem
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow

_IN_SMALL_LETTERS = {name.lower(): name for name in PLATFORM_TYPES}
_NEAR = 0.85
"""Of 1; types of actions such as `CardTimeout` are farther away."""


def default_error_type_problems(workflow: AdvancedWorkflow) -> Iterator[Problem]:
    """The types in the definition's own retry policy."""
    yield from _unknown(("retry_policy", "non_retryable"), workflow.retry_policy.non_retryable or ())


def error_type_problems(placement: Placement) -> Iterator[Problem]:
    """The types that a step names."""
    step, loc = placement.step, placement.loc
    yield from _unknown((*loc, "retry_policy", "non_retryable"), step.retry_policy.non_retryable or ())
    if step.execution == "local" and TIMEOUT in (step.retry_policy.non_retryable or ()):
        message = f"a local action that exceeds its 'timeout' is tried again although {TIMEOUT!r} is named."
        place = (*loc, "retry_policy", "non_retryable")
        yield warning(Code.LOCAL_EXECUTION, place, message, "Set 'max_attempts: 1', or leave 'execution' out.")
    for index, handler in enumerate(step.error_handlers):
        yield from _unknown((*loc, "error_handlers", index, "on"), handler.on)


def _unknown(loc: Loc, names: Sequence[str]) -> Iterator[Problem]:
    for index, name in enumerate(names):
        meant = None if name in PLATFORM_TYPES else OTHER_NAMES.get(name) or _nearest(name)
        if meant is not None:
            message = f"no error has the type {name!r} unless an action raises it; the platform's is {meant!r}: {PLATFORM_TYPES[meant]}."
            yield warning(Code.UNKNOWN_ERROR_TYPE, (*loc, index), message, f"Write {meant!r} if that is meant.")


def _nearest(name: str) -> str | None:
    # A long name is not compared letter by letter.
    found = get_close_matches(name.lower()[:64], _IN_SMALL_LETTERS, n=1, cutoff=_NEAR)
    return _IN_SMALL_LETTERS[found[0]] if found else None
