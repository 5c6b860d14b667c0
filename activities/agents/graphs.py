"""LangGraph, which takes over a second to import: no workflow task may wait for that.

A worker that serves state graphs imports it before it takes work. Where a graph comes with its run, the run is prepared only once it is
imported; a worker that is given such a run in the middle imports it in a thread, and says meanwhile that the task is to come again.
"""

from __future__ import annotations

import sys
from importlib import import_module
from threading import Thread

_NEEDED = ("langgraph.graph", "langgraph.types", "langsmith.run_helpers", "langchain_core.tracers.context")
"""The last one is imported by none of the others."""


def preload() -> bool:
    """Import it; false where it is not installed."""
    try:
        for name in _NEEDED:
            import_module(name)
    except ImportError:
        return False
    return True


class Aside:
    """Imports it in a thread when a workflow task asks for it."""

    def __init__(self) -> None:
        """Nothing is imported yet."""
        self._thread: Thread | None = None

    def is_loading(self) -> bool:
        """Whether it is being imported; begins that where it was not."""
        if all(name in sys.modules for name in _NEEDED):
            return False
        if self._thread is None:
            self._thread = Thread(target=preload, name="import of LangGraph", daemon=True)
            self._thread.start()
        return self._thread.is_alive()
