"""Which error gives which exit code."""

from __future__ import annotations

from advanced_workflow.client.cli.exits import Exit
from advanced_workflow.client.errors import ConnectionFailed, NoAnswer, RunFailed, RunNotFound
from advanced_workflow.workflows.definition.problems.problem import DefinitionProblems
from advanced_workflow.workflows.errors import (
    AdHocRefused,
    DefinitionNotFound,
    InputInvalid,
    NotSupportedYet,
    RollbackIncomplete,
    UnknownAction,
    UnknownStep,
    WorkflowError,
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
    AdHocRefused.code: Exit.REFUSED,
    UnknownAction.code: Exit.REFUSED,
}
"""Runs that never began: the exit code says what was wrong with the request."""


def exit_code(error: WorkflowError) -> Exit:
    """The exit code of an error."""
    if isinstance(error, RunFailed):
        return _BY_FAILURE_TYPE.get(error.failure_type, Exit.FAILED)
    return next((code for kind, code in _BY_ERROR if isinstance(error, kind)), Exit.REFUSED)
