"""Finds the actions a worker serves: entry points of installed packages, and modules named by a setting."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from importlib.metadata import entry_points
from types import ModuleType

from advanced_workflow.activities.action.decorator import Action, Activity, action_of
from advanced_workflow.activities.action.errors import ActionsNotLoaded
from advanced_workflow.workflows.contract import PAYLOAD_LIMIT_BYTES
from advanced_workflow.workflows.definition.check.catalog import ActionInfo

ENTRY_POINT_GROUP = "advanced_workflow.actions"
"""Entry points of packages with actions; each value is a module."""
SETTING = "ADW_ACTIONS"
"""Environment variable that names more modules."""


class ActionRegistry:
    """The actions of one process, by name."""

    def __init__(self, actions: Mapping[str, Action]) -> None:
        """Keep the actions in the order of their names."""
        self.actions: Mapping[str, Action] = dict(sorted(actions.items()))

    @classmethod
    def discover(cls, modules: Sequence[str] = ()) -> ActionRegistry:
        """Load the entry points' modules and these; every `@action` a module defines or re-exports counts.

        Raises `ActionsNotLoaded` for a module that cannot be imported or has no actions, and for a name given twice.
        """
        actions: dict[str, Action] = {}
        for name, origin in [*_installed(), *((name, SETTING) for name in modules)]:
            for found in _actions_of(_load(name, origin), origin):
                known = actions.setdefault(found.name, found)
                if known is not found:
                    raise ActionsNotLoaded(
                        f"action {found.name!r} is both {known.source} and {found.source}; "
                        "give one of them another name with @action(name=...)."
                    )
        return cls(actions)

    def activities(self, *, payload_limit: int = PAYLOAD_LIMIT_BYTES) -> list[Activity]:
        """Callables for `Worker(activities=...)`; `payload_limit` is the largest result in bytes."""
        return [action.activity(payload_limit=payload_limit) for action in self.actions.values()]

    def catalog(self) -> dict[str, ActionInfo]:
        """Names, descriptions and schemas, for `check` and for people."""
        return {name: action.info() for name, action in self.actions.items()}


def _installed() -> Iterator[tuple[str, str]]:
    for point in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda point: (point.name, point.value)):
        package = point.dist.name if point.dist else "unknown"
        yield point.module, f"entry point {point.name!r} of package {package!r}"


def _load(name: str, origin: str) -> ModuleType:
    try:
        return import_module(name)
    except Exception as error:
        raise ActionsNotLoaded(
            f"{origin}: module {name!r} cannot be imported ({type(error).__name__}: {error}); "
            "correct the name, or make the module importable for the worker."
        ) from error


def _actions_of(module: ModuleType, origin: str) -> list[Action]:
    found = [action for action in map(action_of, vars(module).values()) if action is not None]
    if not found:
        raise ActionsNotLoaded(
            f"{origin}: module {module.__name__!r} has no @action function; name the module that defines or imports them."
        )
    return found
