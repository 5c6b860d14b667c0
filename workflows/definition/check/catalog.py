"""What is known of actions where a registry is at hand: names and schemas, no code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from advanced_workflow.workflows.definition.model.base import Schema


@dataclass(frozen=True, slots=True)
class ActionInfo:
    """One action as `check` sees it.

    A schema is None where it is not known (actions of other SDKs). `computes_retry_delay` is true for actions whose worker
    gives the retry delay itself, which `linear` backoff and jitter need.
    """

    name: str
    description: str = ""
    input_schema: Schema | None = None
    output_schema: Schema | None = None
    computes_retry_delay: bool = True
    source: str = ""
    guide: str = ""
    """All that its author wrote about it, where that is more than the description."""


ActionCatalog = Mapping[str, ActionInfo]
