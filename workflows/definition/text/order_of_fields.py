"""Sorts places as a reader meets them: fields in the order of the models, list items by number."""

from __future__ import annotations

from advanced_workflow.workflows.definition.model.marked import models_in
from advanced_workflow.workflows.definition.problems.places import parts
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow

_LAST = 1000


def document_order(path: str) -> list[tuple[int, str]]:
    """Sort key of a written place; a place comes before what lies in it, and free names come by the alphabet."""
    key: list[tuple[int, str]] = []
    models = (AdvancedWorkflow,)
    for part in parts(path):
        if isinstance(part, int):
            key.append((part, ""))
            continue
        owner = next((one for one in models if part in one.model_fields), None)
        key.append((_LAST if owner is None else list(owner.model_fields).index(part), part))
        models = () if owner is None else models_in(owner, part)
    return key
