"""Whether another installed package has a top-level module of our name."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from importlib.metadata import packages_distributions

from advanced_workflow.client.errors import WorkerStartRefused

OWN_DISTRIBUTION = "advanced-workflow"
OWN_MODULES = ("activities", "client", "worker", "workflows")


def require_own_modules(owners: Mapping[str, Sequence[str]] | None = None) -> None:
    """Refuse an environment where another package's files lie in our folders: Python merges them silently.

    `owners` maps a top-level module to the distributions that install it; the installed ones by default.

    Raises:
        WorkerStartRefused: naming the module and the other package.
    """
    owners = packages_distributions() if owners is None else owners
    for module in OWN_MODULES:
        others = sorted({name for name in owners.get(module, ()) if _normal(name) != OWN_DISTRIBUTION})
        if others:
            raise WorkerStartRefused(
                f"package {others[0]!r} also installs a top-level module {module!r}, and the two would mix; "
                f"use an environment without {others[0]!r}."
            )


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
