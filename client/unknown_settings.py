"""Variables that look like settings and are none: a misspelt one would have no effect, without a word."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from difflib import get_close_matches

PREFIX = "ADW_"
OF_SECRETS = "ADW_SECRET_"
OF_THE_LIBRARY = (
    "ADW_LEDGER_DB",
    "ADW_ORDERS_DB",
    "ADW_ORDERS_LATENCY",
    "ADW_ORDERS_LATENCY_SECONDS",
    "ADW_RESEARCH_NOTES",
)
"""What actions of the shipped examples read. They are not settings of the worker, and loading the actions to ask them takes long."""


def unknown_settings(environment: Mapping[str, str] = os.environ) -> Iterator[str]:
    """A sentence for each variable that no setting has the name of; those of workers and of clients are the same for both."""
    given = [name for name in environment if name.upper().startswith(PREFIX)]
    if not given:
        return
    from advanced_workflow.client.settings import Settings  # Not where nothing is set: it takes a third of a second.

    known = {PREFIX + name.upper() for name in Settings.model_fields} | {*OF_THE_LIBRARY}
    for name in sorted(given):
        if name.upper() in known or name.startswith(OF_SECRETS):
            continue
        near = get_close_matches(name.upper(), [*known, OF_SECRETS], n=1, cutoff=0.75)
        hint = f"did you mean {near[0]}?" if near else "README.md lists the settings."
        yield f"{name} is not a setting and has no effect; {hint}"
