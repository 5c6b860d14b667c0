from __future__ import annotations

from typing import Any

import pytest

from advanced_workflow.activities.worker.ad_hoc import AdHoc
from advanced_workflow.activities.worker.prepare import Preparation
from advanced_workflow.workflows.definition.check.catalog import ActionInfo
from advanced_workflow.workflows.definition.text.load import parse
from tests.unit.test_prepare import refused, run

PAY: dict[str, Any] = {
    "workflow_id": "pay",
    "steps": [{"step_id": "all", "step_type": "parallel", "parallel_steps": [{"step_id": "a", "action": "pay"}]}],
}
PAY_AND_UNDO = {"workflow_id": "pay", "steps": [{"step_id": "a", "action": "pay", "rollback_actions": ["refund"]}]}
CALL = {"workflow_id": "call", "steps": [{"step_id": "a", "step_type": "webhook", "webhook": {"url": "input.url"}}]}

INNER = {
    "model": "openai:gpt-5",
    "tools": [{"name": "tell", "webhook": {"url": "'https://x'"}, "parameters": {"type": "object"}}],
}
TELLS = {"step_id": "a", "step_type": "react", "agent": {"model": "m", "tools": [{"name": "sub", "agent": INNER}]}}
TOLD: dict[str, Any] = {"workflow_id": "ask", "steps": [TELLS]}


def worker(ad_hoc: AdHoc) -> Preparation:
    pay = parse("workflow_id: pay\nsteps: [{step_id: a, action: pay}]\n").workflow
    served = {name: ActionInfo(name) for name in ("pay", "refund")}
    return Preparation([pay], served, search_attributes=True, ad_hoc=ad_hoc)


async def test_a_worker_that_takes_registered_definitions_only_says_so():
    made = worker(AdHoc("off"))
    error = await refused(made, workflow=PAY)

    assert error.type == "AdHocRefused"
    assert "ADW_AD_HOC=off" in error.message
    assert (await run(made, workflow_type="pay")).definition


@pytest.mark.parametrize(
    ("workflow", "missing"),
    [
        (PAY, "steps[0].parallel_steps[0].action: 'pay'"),
        (PAY_AND_UNDO, "steps[0].rollback_actions[0]: 'refund'"),
        (CALL, "ADW_AD_HOC_HOSTS"),
        (TOLD, "ADW_AD_HOC_HOSTS"),
    ],
)
async def test_a_worker_that_checks_names_what_is_not_listed(workflow: Any, missing: str):
    given = frozenset({"pay"}) if workflow is PAY_AND_UNDO else frozenset[str]()
    models = ("m", "openai:*") if workflow is TOLD else ()
    error = await refused(worker(AdHoc("checked", given, models=models)), workflow=workflow)

    assert error.type == "AdHocRefused"
    assert missing in error.message


async def test_what_is_listed_is_taken_and_without_a_setting_everything():
    listed = worker(AdHoc("checked", frozenset({"pay", "refund"}), ("api.test",)))
    for made in (listed, worker(AdHoc())):
        for workflow in (PAY, PAY_AND_UNDO, CALL):
            assert (await run(made, workflow=workflow)).sha256


async def test_agents_ask_the_models_that_are_listed():
    agent = {"model": "scripted:a", "fallback_models": ["openai:gpt-5"]}
    workflow = {"workflow_id": "ask", "steps": [{"step_id": "look", "step_type": "react", "agent": agent}]}

    error = await refused(worker(AdHoc("checked", models=("scripted:*",))), workflow=workflow)

    assert error.type == "AdHocRefused"
    assert "steps[0].agent: 'openai:gpt-5'" in error.message
    assert "ADW_AD_HOC_MODELS" in error.message
    assert (await run(worker(AdHoc("checked", models=("scripted:*", "openai:gpt-5"))), workflow=workflow)).sha256
    assert "'openai:gpt-5'" in (await refused(worker(AdHoc("checked", models=("m",))), workflow=TOLD)).message
