"""LangGraph, which takes over a second to import: a worker that serves state graphs does so before it takes work."""

from __future__ import annotations

from importlib import import_module

_NEEDED = ("langgraph.graph", "langgraph.checkpoint.memory", "langgraph.types", "langsmith.run_helpers")


def preload() -> None:
    """Import it, before anything waits for it. Where it is missing the run that needs it says so."""
    for name in _NEEDED:
        try:
            import_module(name)
        except ImportError:
            return
