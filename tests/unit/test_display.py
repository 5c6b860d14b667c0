"""What people see of a run, where the run itself is gone."""

from __future__ import annotations

import asyncio
from typing import Any

from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow
from advanced_workflow.workflows.engine.graph.plan import build_plan
from advanced_workflow.workflows.engine.monitoring.display import Display
from advanced_workflow.workflows.engine.state.live_state import LiveState


async def test_a_run_whose_memory_is_cleared_asks_nothing_of_temporal() -> None:
    workflow = AdvancedWorkflow.model_validate({"workflow_id": "w", "steps": [{"step_id": "a", "action": "x"}]})
    display = Display(LiveState(build_plan(workflow, "test"), None, {}), search_attributes=True)
    wrong: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: wrong.append(context))

    display.waits_no_longer("a")
    await asyncio.sleep(0)

    assert wrong == []
