"""Exit codes of `adw`, and which error gives which."""

from __future__ import annotations

from enum import IntEnum

from advanced_workflow.client.errors import ConnectionFailed, NoAnswer, RunFailed, RunNotFound
from advanced_workflow.workflows.definition.problems.problem import DefinitionProblems
from advanced_workflow.workflows.errors import (
    DefinitionNotFound,
    InputInvalid,
    NotSupportedYet,
    RollbackIncomplete,
    UnknownStep,
    WorkflowError,
)


class Exit(IntEnum):
    """What the caller's script can tell from the exit code."""

    OK = 0
    """Done."""
    FAILED = 1
    """The run did not complete, or the definition has problems."""
    REFUSED = 2
    """Wrong usage, bad input, or the run refused it; nothing was changed."""
    NOT_FOUND = 3
    """No such run, step or definition."""
    UNREACHABLE = 4
    """The Temporal server or the namespace cannot be used."""
    NO_ANSWER = 5
    """No worker answered in time."""
    INTERRUPTED = 130
    """Ctrl-C."""


HELP = "Exit codes: " + ", ".join(
    f"{code.value} {text}"
    for code, text in {
        Exit.OK: "done",
        Exit.FAILED: "the run failed or the definition has problems",
        Exit.REFUSED: "usage or refused",
        Exit.NOT_FOUND: "not found",
        Exit.UNREACHABLE: "no server",
        Exit.NO_ANSWER: "no worker answered",
        Exit.INTERRUPTED: "interrupted",
    }.items()
)

_BY_ERROR: tuple[tuple[type[WorkflowError], Exit], ...] = (
    (ConnectionFailed, Exit.UNREACHABLE),
    (NoAnswer, Exit.NO_ANSWER),
    (RunNotFound, Exit.NOT_FOUND),
    (UnknownStep, Exit.NOT_FOUND),
    (DefinitionNotFound, Exit.NOT_FOUND),
    (DefinitionProblems, Exit.FAILED),
    (RollbackIncomplete, Exit.FAILED),
)

_BY_FAILURE_TYPE = {
    DefinitionNotFound.code: Exit.NOT_FOUND,
    InputInvalid.code: Exit.REFUSED,
    NotSupportedYet.code: Exit.REFUSED,
}
"""Runs that never began: the exit code says what was wrong with the request."""


def exit_code(error: WorkflowError) -> Exit:
    """The exit code of an error."""
    if isinstance(error, RunFailed):
        return _BY_FAILURE_TYPE.get(error.failure_type, Exit.FAILED)
    return next((code for kind, code in _BY_ERROR if isinstance(error, kind)), Exit.REFUSED)
