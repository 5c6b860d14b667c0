from __future__ import annotations

from advanced_workflow.client.reruns.left import Standing
from advanced_workflow.workflows.contract import Effects
from advanced_workflow.workflows.contract.paths import handler_key
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow
from tests.harness import definition

WORKFLOW = AdvancedWorkflow.model_validate(
    definition(
        {"step_id": "pay", "error_handlers": [{"handler": "borrow"}]}, {"step_id": "borrow"}, {"step_id": "ship"}
    )
)
OF_PAY = ["pay", "borrow", handler_key("pay", "borrow")]


def test_the_effects_of_a_step_are_its_error_handlers_too() -> None:
    """Kept with it, and left behind without it."""
    standing = Standing(Effects(steps=[*OF_PAY, "ship"], entries=[]), Effects())

    assert standing.kept(WORKFLOW, ["pay"]) == OF_PAY
    assert standing.left(WORKFLOW, ["pay"], []).steps == ["ship"]
    assert standing.left(WORKFLOW, ["ship"], []).steps == OF_PAY
    assert standing.left(WORKFLOW, ["ship"], ["pay"]).steps == []
