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


ASKED: dict[str, Any] = {
    "steps": [
        {"step_id": "quote", "action": "a"},
        {
            "step_id": "gate",
            "step_type": "human_approval",
            "approval": {"approvers": ["ann", "bob"]},
            "dependencies": ["quote"],
        },
        {"step_id": "packed", "action": "a", "dependencies": ["gate"]},
        {"step_id": "pay", "action": "a", "dependencies": ["packed"]},
    ]
}


def asked_again(definition: dict[str, Any], after: dict[str, Any], started_by: str, approver: str) -> dict[str, str]:
    old, new = (AdvancedWorkflow.model_validate({"workflow_id": "test", **one}) for one in (definition, after))
    output: Any = {"decisions": [{"decision": "approve", "approver": approver}]}
    record: dict[str, Any] = {"step": "gate", "path": "box[2].gate", "notes": {"decision": "approved"}}
    kept = {one.step_id: KeptStep(records=[], output={}) for one in old.steps if one.step_id != "pay"}
    kept[old.steps[1].step_id] = KeptStep(records=[{**record, "output": output}])
    point = Checkpoint(execution_id="x", definition=old.model_dump(mode="json"), steps=kept)
    reasons = reasons_to_run_again(Comparison(lay_out(new), point, None, started_by), {})
    return {step_id: why for step_id, why in reasons.items() if step_id != "pay"}


def test_people_are_asked_again_about_a_corrected_definition() -> None:
    """Their own step is the same; what they let through is not."""
    corrected = {"steps": [*ASKED["steps"][:3], {**ASKED["steps"][3], "input_mapping": {"to": "'me'"}}]}

    assert asked_again(ASKED, ASKED, "carl", "ann") == {}
    assert asked_again(ASKED, corrected, "carl", "ann") == {
        "gate": "the definition is not the one that 'box[2].gate' was decided on.",
        "packed": "it comes after 'gate', which runs again.",
    }


def test_the_same_holds_for_people_who_were_asked_inside_of_a_step() -> None:
    gate = {**ASKED["steps"][1], "dependencies": []}
    box = {"step_id": "box", "step_type": "parallel", "for_each": "[1, 2, 3]", "parallel_steps": [gate]}
    inside = {"steps": [ASKED["steps"][0], box]}

    assert asked_again(inside, inside, "carl", "ann") == {}
    assert list(asked_again(inside, {**inside, "description": "x"}, "carl", "ann")) == ["box"]


def test_nobody_keeps_their_own_approval_of_a_run_that_they_start() -> None:
    gate = ASKED["steps"][1]
    allowed = {"steps": [ASKED["steps"][0], {**gate, "approval": {**gate["approval"], "allow_self_approval": True}}]}

    assert asked_again(ASKED, ASKED, "Ann ", "ann")["gate"] == (
        "'Ann ' approved 'box[2].gate', and nobody approves what they start."
    )
    assert asked_again(allowed, allowed, "ann", "ann") == {}
