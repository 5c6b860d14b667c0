"""Answer of the `definition` query; apart from the others, as it needs all models of definitions and few clients ask for it."""

from __future__ import annotations

from advanced_workflow.workflows.contract.wire import WireModel
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow


class DefinitionAnswer(WireModel):
    """Answer of the `definition` query: what this run was pinned to."""

    sha256: str
    definition: AdvancedWorkflow
