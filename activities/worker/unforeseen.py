"""Failures that an action means, and those that nobody foresaw.

What an action raises as Temporal's own error (`ActionError` above all) says everything in its sentence: a declined card has no stack
trace. Any other exception is a fault of its code, which its author finds by the trace, without the frames around the code.
"""

from __future__ import annotations

import traceback
from types import TracebackType

from temporalio.exceptions import ApplicationError

_CALLERS = tuple(f"advanced_workflow.activities.action.{one}" for one in ("decorator", "threads"))
"""Modules that call the code of an action."""
_AROUND = (*_CALLERS, "advanced_workflow.activities.worker", "temporalio", "asyncio", "concurrent.futures")
"""Modules through which a call goes on its way there."""


class Unforeseen(ApplicationError):
    """An exception that nobody meant to be told, as Temporal's own error."""


def is_expected(error: BaseException | None) -> bool:
    """Whether the sentence of an error says everything."""
    return isinstance(error, ApplicationError) and not isinstance(error, Unforeseen)


def class_for(error: BaseException) -> type[ApplicationError]:
    """What stands for an error where it is told in other words: it is as foreseen as it was."""
    return ApplicationError if is_expected(error) else Unforeseen


def trace_of(error: BaseException) -> list[str]:
    """The stack trace of an error as text, from the frame on that called the action's own code; whole where none did."""
    return traceback.format_tb(_own_part(error.__traceback__))


def _own_part(trace: TracebackType | None) -> TracebackType | None:
    frames: list[TracebackType] = []
    while trace is not None:
        frames.append(trace)
        trace = trace.tb_next
    called = max((number for number, one in enumerate(frames) if _is_of(one, _CALLERS)), default=-1)
    own = next((one for one in frames[called + 1 :] if not _is_of(one, _AROUND)), None)
    return own or next(iter(frames), None)


def _is_of(trace: TracebackType, modules: tuple[str, ...]) -> bool:
    module = str(trace.tb_frame.f_globals.get("__name__", ""))
    return any(module == one or module.startswith(f"{one}.") for one in modules)
