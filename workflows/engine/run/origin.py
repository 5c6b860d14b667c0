"""Where the state that a run begins with comes from.

A run hands its state to the next history, and to the run that undoes it, in arguments, and whoever starts a run writes arguments,
too. So a state counts only where the server vouches for its origin:

- Carried on: it names the history that wrote it, and the server says which history this one continues. The server makes those
  ids itself, so nobody who starts a run knows the one its state would have to name, whatever schedule or retries come with it.
- Handed over to be undone: the run has a parent, which the server says; only the engine starts children of that type, as no
  definition may name it.

This holds against everybody who may start runs and send messages. It does not hold against those who may be a worker in the
namespace: they can end a history of their own in any state they like.
"""

from __future__ import annotations

from typing import cast

from temporalio import workflow

from advanced_workflow.workflows.contract import Json
from advanced_workflow.workflows.errors import DataInvalid

_ORIGIN = "from"


def naming_this_history(carried: dict[str, Json]) -> dict[str, Json]:
    """What is carried on, with the history that did."""
    return {**carried, _ORIGIN: workflow.info().run_id}


def carried_on(argument: Json) -> Json:
    """The argument where an earlier history of this very run wrote it, else None.

    The next run of a cron schedule, or a run that the server starts again, has the argument of the one before: it begins anew.
    Raises `DataInvalid` where this is the first history of all.
    """
    before = workflow.info().continued_run_id
    if argument is None:
        return None
    if before is None:
        raise DataInvalid("the last argument is kept for runs that continue as new; leave it out.")
    origin = _origin(argument)
    return argument if origin == before or (origin is None and _was_continued_by_0_1()) else None


def handed_over(argument: Json) -> Json:
    """The argument of a run that undoes another, where an earlier history of it or its parent wrote it, else None."""
    info = workflow.info()
    if info.continued_run_id is not None:
        return carried_on(argument)
    return argument if info.parent is not None else None


def _origin(argument: Json) -> object:
    return cast("dict[str, object]", argument).get(_ORIGIN) if isinstance(argument, dict) else None


def _was_continued_by_0_1() -> bool:
    """Release 0.1.0 named no history. To be removed once no open history began before 0.2.0 was deployed everywhere.

    A forged first history fails, and what the server starts after it tells of that failure.
    """
    return workflow.info().attempt == 1 and workflow.get_last_failure() is None
