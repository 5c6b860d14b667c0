"""Plain (not `async`) actions run in threads, so that they do not stop the worker's event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import ParamSpec, TypeVar

MAX_THREADS = 100
"""Plain actions that run at a time in one worker process; more of them wait. Threads are made when they are needed."""

_threads = ThreadPoolExecutor(max_workers=MAX_THREADS, thread_name_prefix="adw-action")

_P = ParamSpec("_P")
_R = TypeVar("_R")


async def call_in_thread(function: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
    """Call the function in a thread with the caller's context, and wait for it even when cancelled.

    A thread cannot be interrupted. To leave it behind would leave its outcome unknown, so it is awaited and its result counts;
    a call that no thread has begun yet is taken back, and the cancellation continues.
    """
    job = _threads.submit(copy_context().run, function, *args, **kwargs)
    outcome = asyncio.wrap_future(job)
    while not outcome.done():
        try:
            await asyncio.shield(outcome)
        except asyncio.CancelledError:
            if job.cancel():
                raise
    return outcome.result()
