"""What runs may do that bring their definition with them: whoever may start runs writes it, and nobody here has read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from advanced_workflow.activities.agents.policy import AD_HOC_SETTING as MODELS_SETTING
from advanced_workflow.activities.agents.policy import is_one_of
from advanced_workflow.workflows.definition.graph.outline import outline
from advanced_workflow.workflows.definition.model.marked import named
from advanced_workflow.workflows.definition.model.markers import ActionName
from advanced_workflow.workflows.definition.model.step_type import StepType
from advanced_workflow.workflows.definition.problems.places import listed, path_text
from advanced_workflow.workflows.definition.tools import acting, servers_of
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow
from advanced_workflow.workflows.errors import AdHocRefused

SERVERS_SETTING = "ADW_AD_HOC_MCP_SERVERS"
MODE_SETTING = "ADW_AD_HOC"
ACTIONS_SETTING = "ADW_AD_HOC_ACTIONS"
HOSTS_SETTING = "ADW_AD_HOC_HOSTS"


@dataclass(frozen=True, slots=True)
class AdHoc:
    """What one worker allows."""

    mode: Literal["any", "checked", "off"] = "any"
    """`any` allows what passes `check`, `checked` what is listed here, `off` nothing."""
    actions: frozenset[str] = frozenset()
    """Actions they may name, to do and to undo."""
    hosts: tuple[str, ...] = ()
    """Hosts their webhooks may reach; which of them a request goes to is known, and looked at, when it is sent."""
    models: tuple[str, ...] = ()
    """Models their agents may ask; a name that ends in `*` stands for all that begin so."""
    servers: frozenset[str] = frozenset()
    """MCP servers whose tools their agents may have."""

    def require_allowed(self, workflow: AdvancedWorkflow) -> None:
        """Raise `AdHocRefused` for a definition that a run may not bring with it."""
        if self.mode == "any":
            return
        if self.mode == "off":
            raise AdHocRefused(
                f"this worker runs registered definitions only ({MODE_SETTING}=off); register {workflow.workflow_id!r} "
                "and start it by its name."
            )
        refused = [
            f"{path_text(loc)}: {name!r}"
            for placement in outline(workflow).placements
            for loc, name, _ in named(placement.step, ActionName, placement.loc)
            if name not in self.actions
        ]
        if refused:
            raise AdHocRefused(
                f"a definition that comes with its run may not name these actions: {listed(refused)}; "
                f"list them in {ACTIONS_SETTING} on the worker, or register the definition."
            )
        asked = [
            f"{path_text((*placement.loc, 'agent'))}: {model!r}"
            for placement, step in acting(workflow)
            if step.agent is not None
            for model in step.agent.models
            if not is_one_of(model, self.models)
        ]
        if asked:
            raise AdHocRefused(
                f"a definition that comes with its run may not ask these models: {listed(asked)}; "
                f"list them in {MODELS_SETTING} on the worker, or register the definition."
            )
        webhook = next((one for one, step in acting(workflow) if step.step_type is StepType.WEBHOOK), None)
        if webhook is not None and not self.hosts:
            raise AdHocRefused(
                f"{path_text(webhook.loc)}: a definition that comes with its run may call no host; "
                f"list hosts in {HOSTS_SETTING} on the worker, or register the definition."
            )
        foreign = sorted({tool.mcp for _, tool in servers_of(workflow) if tool.mcp and tool.mcp not in self.servers})
        if foreign:
            raise AdHocRefused(
                f"a definition that comes with its run may not use these MCP servers: {listed(foreign)}; "
                f"list them in {SERVERS_SETTING} on the worker, or register the definition."
            )
