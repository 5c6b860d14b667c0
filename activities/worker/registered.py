"""The definitions that a worker serves, and what runs of each pin."""

from __future__ import annotations

from dataclasses import dataclass

from advanced_workflow.workflows.contract import Prepared
from advanced_workflow.workflows.definition.problems.places import listed, nearest
from advanced_workflow.workflows.definition.text.load import definition_sha256, dump_definition
from advanced_workflow.workflows.definition.tools import asks_servers
from advanced_workflow.workflows.definition.versions import Definitions, full_name, split_name
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow
from advanced_workflow.workflows.errors import DefinitionNotFound


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a run is to run, and what is pinned of it so far."""

    workflow: AdvancedWorkflow
    prepared: Prepared
    is_registered: bool = False
    """Whether it is what this worker serves, as it was checked when the worker began."""
    asks_servers: bool = False
    """Whether MCP servers say which tools it has."""


class Registered:
    """All versions of all definitions; what a run of one pins is made when the first run asks for it."""

    def __init__(self, definitions: Definitions, common: Prepared) -> None:
        """`common` is what all runs pin."""
        self._definitions = definitions
        self._common = common
        self._pinned: dict[str, Wanted] = {}

    def is_at_hand(self, workflow_id: str, version: str | None) -> bool:
        """Whether runs can begin without delay: it is made already, and asks no MCP server."""
        found = self._definitions.find(workflow_id, version)
        made = self._pinned.get(full_name(found)) if found is not None else None
        return made is not None and not made.asks_servers

    def find(self, workflow_id: str, version: str | None) -> Wanted:
        """The definition of that version, or the highest, with what its runs pin. Raises `DefinitionNotFound`."""
        found = self._definitions.find(workflow_id, version)
        if found is None:
            raise DefinitionNotFound(self._why_not(workflow_id, version))
        name = full_name(found)
        if name not in self._pinned:
            update = {"sha256": definition_sha256(found), "definition": dump_definition(found)}
            prepared = self._common.model_copy(update=update)
            self._pinned[name] = Wanted(found, prepared, is_registered=True, asks_servers=asks_servers(found))
        return self._pinned[name]

    def _why_not(self, workflow_id: str, version: str | None) -> str:
        if version is not None and self._definitions.versions(workflow_id):
            return (
                f"{self._definitions.lack(workflow_id, version)} on this worker; name one of these, name none for the highest, or start "
                "a worker that has it."
            )
        named, at = split_name(workflow_id)
        if at is not None and self._definitions.versions(named):
            return (
                f"no definition is called {workflow_id!r}; start workflow type {named!r} with the execution option 'workflow_version': "
                f"{at!r}."
            )
        known = self._definitions.ids
        hint = nearest(workflow_id, known) or f"It has: {listed(known)}." if known else "It has none."
        return f"this worker has no definition {workflow_id!r}. {hint} See 'adw definitions'."
