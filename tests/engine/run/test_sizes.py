from __future__ import annotations

from typing import Any

from advanced_workflow.activities.action.errors import ActionError
from tests.harness import Harness, definition

ONCE = {"max_attempts": 1}


async def test_large_error_details_never_keep_a_run_from_ending(harness: Harness) -> None:
    def fails() -> Any:
        raise ActionError("no", type="Broken", details={"text": "x" * 900_000})

    nested = [{"step_id": f"n{number}", "action": "fails"} for number in range(4)]
    outcome = await harness.run(
        definition({"step_id": "all", "step_type": "parallel", "parallel_steps": nested}, retry_policy=ONCE),
        actions={"fails": fails},
    )

    assert outcome.failure == "WorkflowFailed"
    assert outcome.report.steps["all.n0"]["error"] == {
        "type": "Broken",
        "message": "no",
        "step_id": "n0",
        "path": "all.n0",
    }


async def test_the_state_query_leaves_large_outputs_out_and_gives_them_one_by_one(harness: Harness) -> None:
    steps = [{"step_id": f"s{number}", "action": "grow"} for number in range(4)]
    async with harness.worker({"grow": lambda: "x" * 700_000}):
        run = await harness.start(definition(*steps, output={}))
        await run.result()
        state, one = await run.state(), await run.state("s3")

    assert state.data_left_out
    assert [step.execution_data for step in state.steps] == [{}] * 4
    assert len(str(one.steps[0].execution_data["output"])) == 700_000
