"""Which changes of a definition make a step run again; that each field says whether it does is a test of the markers."""

from __future__ import annotations

from typing import Any

from advanced_workflow.client.reruns.fit import Comparison, reasons_to_run_again
from advanced_workflow.workflows.contract import Checkpoint, KeptStep
from advanced_workflow.workflows.definition.graph.layout import lay_out
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow


def again(before: dict[str, Any], after: dict[str, Any]) -> dict[str, str]:
    """Why the steps of a definition run again, where all of them had completed."""
    old, new = (AdvancedWorkflow.model_validate({"workflow_id": "test", **one}) for one in (before, after))
    kept = {one.step_id: KeptStep(records=[], output={"v": 1}) for one in old.steps}
    point = Checkpoint(execution_id="x", definition=old.model_dump(mode="json"), steps=kept)
    return reasons_to_run_again(Comparison(lay_out(new), point, None), {})


def test_a_corrected_output_mapping_runs_its_step_again_and_all_after_it() -> None:
    steps = [
        {"step_id": "quote", "action": "a", "output_mapping": {"result.v": "workflow.total"}},
        {"step_id": "taxed", "action": "a", "dependencies": ["quote"]},
    ]
    corrected = [{**steps[0], "output_mapping": {"result.v * 2": "workflow.total"}}, steps[1]]

    assert again({"steps": steps}, {"steps": steps}) == {}
    assert again({"steps": steps}, {"steps": corrected}) == {
        "quote": "its 'output_mapping' changed.",
        "taxed": "it comes after 'quote', which runs again.",
    }


def test_a_corrected_first_value_of_a_variable_runs_those_again_that_use_it() -> None:
    steps = [
        {"step_id": "other", "action": "a", "input_mapping": {"v": "workflow.rate"}},
        {"step_id": "taxed", "action": "a", "input_mapping": {"v": "workflow.tax"}},
        {"step_id": "noted", "action": "a", "output_mapping": {"result.v": "workflow.log[]"}},
        {
            "step_id": "inside",
            "step_type": "parallel",
            "parallel_steps": [{"step_id": "deep", "action": "a", "input_mapping": {"v": "workflow.tax"}}],
        },
    ]
    before = {"steps": steps, "global_variables": {"tax": 0.1, "rate": 2, "log": []}}
    after = {"steps": steps, "global_variables": {"tax": 0.2, "rate": 2, "log": ["begin"]}}

    assert again(before, after) == {
        "taxed": "it uses workflow.tax, whose first value changed.",
        "noted": "it uses workflow.log, whose first value changed.",
        "inside": "it uses workflow.tax, whose first value changed.",
    }


def test_another_success_rate_runs_a_container_again() -> None:
    box: dict[str, Any] = {
        "step_id": "box",
        "step_type": "parallel",
        "parallel_steps": [{"step_id": "a", "action": "a"}],
    }
    stricter = {**box, "retry_policy": {"parallel_failure_threshold": 1.0}}

    assert again({"steps": [box]}, {"steps": [stricter]}) == {
        "box": "its 'retry_policy.parallel_failure_threshold' changed."
    }
