"""What the Web UI calls runs of definitions that workers serve and whose text is here, too."""

from __future__ import annotations

from advanced_workflow.client.settings import Settings
from advanced_workflow.workflows.definition.text.load import definition_files, parse
from advanced_workflow.workflows.errors import WorkflowError


def name_of(workflow_id: str, settings: Settings) -> str | None:
    """The name of a definition in the folders of `settings.definitions`; None where it is not there, or does not load."""
    for folder in settings.definitions:
        try:
            for path, text in definition_files(folder):
                if workflow_id in text and (found := parse(text, source=str(path)).workflow).workflow_id == workflow_id:
                    return found.label
        except (WorkflowError, OSError):
            continue
    return None
