"""LangGraph itself, imported when it is first needed: it is an extra, and takes over a second."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from advanced_workflow.workflows.errors import NotSupportedYet


def langgraph(module: str) -> Any:  # noqa: ANN401 - a module, whose types are too vague to be checked
    """A module of LangGraph. Raises `NotSupportedYet` where it is not installed."""
    try:
        return import_module(module)
    except ImportError:
        message = 'graphs need LangGraph, which this worker has not: pip install "advanced-workflow[agents]".'
        raise NotSupportedYet(message) from None
