"""LangGraph itself, imported when it is first needed: it is an extra, and takes over a second."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from advanced_workflow.workflows.errors import NotSupportedYet


class GraphsLoading(Exception):
    """This worker imports LangGraph. The workflow task fails, and the server gives it again; nothing else of the run is lost by that."""


_ASKED: list[Callable[[], bool]] = []


def load_aside(is_under_way: Callable[[], bool]) -> None:
    """What a worker asks before LangGraph is imported in a workflow task: whether it is being imported elsewhere, from now on or already."""
    _ASKED[:] = [is_under_way]


def langgraph(module: str) -> Any:  # noqa: ANN401 - a module, whose types are too vague to be checked
    """A module of LangGraph. Raises `NotSupportedYet` where it is not installed, `GraphsLoading` while it is imported elsewhere."""
    if any(is_under_way() for is_under_way in _ASKED):
        raise GraphsLoading("LangGraph is being imported on this worker; the task comes again.")
    try:
        return import_module(module)
    except ImportError:
        message = 'graphs need LangGraph, which this worker has not: pip install "advanced-workflow[agents]".'
        raise NotSupportedYet(message) from None
