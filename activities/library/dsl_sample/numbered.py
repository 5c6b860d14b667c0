"""Activities with numbers for names: what counts is the order they are called in, and what each was given.

Some arguments fail on purpose: `broken` always, `flaky` at the first attempt.
"""

from __future__ import annotations

from advanced_workflow.activities.action import context
from advanced_workflow.activities.action.errors import ActionError
from advanced_workflow.activities.library.ledger import take_effect, undo_effect
from advanced_workflow.activities.library.namespaces import dsl_sample
from advanced_workflow.workflows.contract import UndoInput

CALL = "call"


class ArgumentBroken(ActionError):
    """The argument is of no use; trying again does not help."""

    def __init__(self, name: str) -> None:
        """Name the activity."""
        super().__init__(f"{name} was given a broken argument", retryable=False)


class ArgumentFlaky(ActionError):
    """Try again."""

    def __init__(self, name: str) -> None:
        """Name the activity."""
        super().__init__(f"{name} was given a flaky argument")


@dsl_sample.action
def activity1(arg: str) -> str:
    """Say what it was given."""
    return _call("activity1", arg)


@dsl_sample.action
def activity2(arg: str) -> str:
    """Say what it was given."""
    return _call("activity2", arg)


@dsl_sample.action
def activity3(arg1: str, arg2: str) -> str:
    """Say what it was given."""
    return _call("activity3", arg1, arg2)


@dsl_sample.action
def activity4(arg: str) -> str:
    """Say what it was given."""
    return _call("activity4", arg)


@dsl_sample.action
def activity5(arg1: str, arg2: str) -> str:
    """Say what it was given."""
    return _call("activity5", arg1, arg2)


@dsl_sample.action
def undo_activity(step: UndoInput) -> bool:
    """Take a call back; false where there was none."""
    return undo_effect(CALL, step)


def _call(name: str, *arguments: str) -> str:
    if "broken" in arguments:
        raise ArgumentBroken(name)
    if "flaky" in arguments and context.attempt() == 1:
        raise ArgumentFlaky(name)
    said = f"{name}({', '.join(arguments)})"
    return take_effect(CALL, {"activity": name, "said": said})["said"]
