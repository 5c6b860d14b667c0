from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from advanced_workflow.activities import library
from advanced_workflow.activities.agents.prices import Price, Prices
from advanced_workflow.activities.worker import prepare
from advanced_workflow.activities.worker.prepare import Preparation
from advanced_workflow.activities.worker.registry import ActionRegistry
from advanced_workflow.workflows.contract import Prepared
from advanced_workflow.workflows.definition.check.catalog import ActionInfo
from advanced_workflow.workflows.definition.check.check import check
from advanced_workflow.workflows.definition.text.load import LIBRARY, find_definitions, load, parse
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow
from advanced_workflow.workflows.engine.graph import plan
from advanced_workflow.workflows.engine.graph.plan import build_plan

ORDERS = LIBRARY / "order-fulfilment"
EXAMPLE = json.loads((ORDERS / "input.json").read_text())
CASES = [json.loads(path.read_text()) for path in sorted(ORDERS.glob("cases/*.json"))]

GREETING = {
    "workflow_id": "greeting",
    "input_schema": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}},
    "steps": [{"step_id": "greet", "action": "action_of_another_worker", "input_mapping": {"name": "input.name"}}],
}


def preparation(**definitions: Any) -> Preparation:
    return Preparation({name: one.workflow for name, one in definitions.items()}, None, search_attributes=True)


def registered() -> Preparation:
    text = "workflow_id: greeting\nsteps: [{step_id: greet, action: greet}]\n"
    return preparation(greeting=parse(text, source="greeting.yaml"))


async def run(made: Preparation, **request: Any) -> Prepared:
    request = {"workflow_type": "AdvancedWorkflow", **request}
    return Prepared.model_validate(await ActivityEnvironment().run(made.prepare, request))


async def refused(made: Preparation, **request: Any) -> ApplicationError:
    with pytest.raises(ApplicationError) as caught:
        await run(made, **request)
    assert caught.value.non_retryable
    assert "\n" not in caught.value.message
    return caught.value


async def test_a_registered_definition_is_pinned_with_its_hash():
    prepared = await run(registered(), workflow_type="greeting", input_data={"x": 1})

    assert prepared.definition == {"workflow_id": "greeting", "steps": [{"step_id": "greet", "action": "greet"}]}
    assert len(prepared.sha256) == 64
    assert prepared.search_attributes


async def test_the_plan_of_a_definition_that_passed_is_there_before_the_run_goes_on():
    made = Preparation({}, None, search_attributes=True, on_accepted=build_plan)
    prepared = await run(made, workflow=GREETING, input_data={"name": "Ada"})
    built = plan.plan_of({}, prepared.sha256)  # It is not read again.
    plan.forget()
    read = plan.plan_of(GREETING, prepared.sha256)

    assert built.workflow == read.workflow
    assert built.root == read.root


async def test_an_ad_hoc_definition_is_not_repeated_in_the_answer():
    prepared = await run(preparation(), workflow=GREETING, input_data={"name": "Ada"})

    assert prepared.definition is None


async def test_the_hash_is_that_of_the_definition_and_not_of_how_it_came():
    ad_hoc = {
        "workflow_id": "greeting",
        "timeout": 3600,
        "steps": [{"step_id": "greet", "action": "greet", "name": ""}],
    }

    assert (await run(preparation(), workflow=ad_hoc)).sha256 == (
        await run(registered(), workflow_type="greeting")
    ).sha256


async def test_an_unknown_type_is_refused_with_the_nearest_name():
    error = await refused(registered(), workflow_type="greetings")

    assert error.type == "DefinitionNotFound"
    assert "Did you mean 'greeting'?" in error.message
    assert "It has none." in (await refused(preparation(), workflow_type="any")).message


async def test_a_definition_that_does_not_fit_the_models_is_refused_with_its_places():
    error = await refused(preparation(), workflow={**GREETING, "max_parallel_steps": "long", "stepz": []})

    assert error.type == "DefinitionInvalid"
    assert "max_parallel_steps" in error.message
    assert "stepz" in error.message


async def test_a_definition_that_does_not_pass_check_is_refused():
    error = await refused(
        preparation(), workflow={"workflow_id": "w", "steps": [{"step_id": "a", "action": "x", "dependencies": ["b"]}]}
    )

    assert error.type == "DefinitionInvalid"
    assert "steps[0].dependencies[0]" in error.message


async def test_an_action_of_another_worker_is_no_reason_to_refuse():
    await run(preparation(), workflow=GREETING, input_data={"name": "Ada"})


async def test_what_later_releases_run_is_refused_by_name():
    asks = {"deadline": 5, "on_timeout": "escalate", "escalation": {"after": 1, "to": ["x"]}}
    graph = {"step_id": "think", "step_type": "human_approval", "approval": asks}

    error = await refused(preparation(), workflow={"workflow_id": "w", "steps": [graph]})

    assert error.type == "NotSupportedYet"
    assert "steps[0]" in error.message


async def test_input_that_does_not_fit_the_schema_is_refused_with_its_place():
    error = await refused(preparation(), workflow=GREETING, input_data={"name": 7})

    assert error.type == "InputInvalid"
    assert ".name: " in error.message


async def test_input_that_is_not_json_is_refused():
    error = await refused(preparation(), workflow=GREETING, input_data={"name": "x", "price": float("nan")})

    assert error.type == "DataInvalid"
    assert error.message.startswith("input_data.price: nan is not JSON")


@pytest.mark.parametrize("options", [{"started_by": 7}, {"unknown": 1}, [], "me"])
async def test_execution_options_that_do_not_fit_are_refused(options: Any):
    error = await refused(preparation(), workflow=GREETING, input_data={"name": "x"}, execution_options=options)

    assert error.type == "InputInvalid"
    assert "execution_options" in error.message


@pytest.mark.parametrize(("wanted", "fits"), [(None, True), ("1.0.0", True), ("2", False)])
async def test_a_version_that_is_wanted_holds_for_the_definition_that_came_with_the_run(wanted: str | None, fits: bool):
    sent = {**GREETING, "version": "1.0.0"}
    request: Any = {"workflow": sent, "input_data": {"name": "x"}, "execution_options": {"version": wanted}}
    if fits:
        assert (await run(preparation(), **request)).sha256
        return
    error = await refused(preparation(), **request)

    assert error.type == "InputInvalid"
    assert "execution_options.version is '2'" in error.message
    assert "has version '1.0.0'" in error.message


VERSIONS = [
    {"workflow_id": "pay", "version": "1.9", "input_schema": {"type": "object", "required": ["amount"]}},
    {"workflow_id": "pay", "version": "1.10", "input_schema": {"type": "object", "required": ["total"]}},
]


def side_by_side() -> Preparation:
    steps = [{"step_id": "a", "step_type": "assign"}]
    served = [AdvancedWorkflow.model_validate({**one, "steps": steps}) for one in VERSIONS]
    return Preparation(served, None, search_attributes=True)


@pytest.mark.parametrize(
    ("options", "given", "version"),
    [
        (None, {"total": 1}, "1.10"),
        ({"version": "1.10"}, {"total": 1}, "1.10"),
        ({"workflow_version": "1.9"}, {"amount": 1}, "1.9"),
    ],
)
async def test_a_run_takes_the_highest_version_unless_it_is_told(options: Any, given: Any, version: str):
    made = side_by_side()
    for _ in range(2):  # What the first one pinned, the second one is given at once.
        prepared = await run(made, workflow_type="pay", execution_options=options, input_data=given)

        assert prepared.definition is not None
        assert prepared.definition["version"] == version
    other = await refused(made, workflow_type="pay", execution_options=options, input_data={})
    assert other.type == "InputInvalid"


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (
            {"workflow_type": "pay", "execution_options": {"workflow_version": "2"}},
            "definition 'pay' has no version '2'; it has '1.10', '1.9'",
        ),
        ({"workflow_type": "pay@1.9"}, "start workflow type 'pay' with the execution option 'workflow_version': '1.9'"),
    ],
)
async def test_a_version_that_is_not_served_is_refused_with_those_that_are(request_: Any, said: str):
    error = await refused(side_by_side(), **request_)

    assert error.type == "DefinitionNotFound"
    assert said in error.message


async def test_a_version_is_named_once():
    error = await refused(
        side_by_side(), workflow_type="pay", execution_options={"version": "1", "workflow_version": "1"}
    )

    assert error.type == "InputInvalid"


async def test_input_that_is_nested_without_end_is_refused():
    deep: Any = []
    for _ in range(5000):
        deep = [deep]

    error = await refused(preparation(), workflow=GREETING, input_data=deep)

    assert error.type in ("InputInvalid", "DataInvalid")


def serving(*names: str, **definitions: Any) -> Preparation:
    loaded = [parse(text, source=name).workflow for name, text in definitions.items()]
    return Preparation(loaded, {name: ActionInfo(name) for name in names}, search_attributes=True)


@pytest.mark.parametrize(
    ("steps", "place"),
    [
        ([{"step_id": "a", "action": "chrge"}], "steps[0].action"),
        ([{"step_id": "a", "action": "charge", "rollback_actions": ["chrge"]}], "steps[0].rollback_actions[0]"),
        (
            [{"step_id": "l", "step_type": "loop", "action": "chrge", "loop_condition": "false"}],
            "steps[0].action",
        ),
        (
            [{"step_id": "p", "step_type": "parallel", "parallel_steps": [{"step_id": "a", "action": "chrge"}]}],
            "steps[0].parallel_steps[0].action",
        ),
        (
            [
                {"step_id": "a", "action": "charge", "error_handlers": ["h"]},
                {"step_id": "h", "action": "chrge"},
            ],
            "steps[1].action",
        ),
        (
            [
                {
                    "step_id": "w",
                    "step_type": "webhook",
                    "webhook": {"url": "'https://x.test'"},
                    "rollback_actions": ["x"],
                }
            ],
            "steps[0].rollback_actions[0]",
        ),
    ],
)
async def test_an_action_that_the_worker_does_not_serve_is_refused_with_its_place(steps: list[Any], place: str):
    error = await refused(serving("charge"), workflow={"workflow_id": "w", "steps": steps})

    assert error.type == "UnknownAction"
    assert error.message.startswith(f"w: {place}: action ")
    assert "ADW_FOREIGN_ACTIONS" in error.message


async def test_an_action_with_a_queue_of_its_own_is_not_looked_for():
    steps = [{"step_id": "a", "action": "paint", "rollback_actions": ["unpaint"], "agent_capability": "gpu"}]

    assert (await run(serving("charge"), workflow={"workflow_id": "w", "steps": steps})).sha256


async def test_what_a_child_lacks_is_found_when_its_parent_starts():
    child = "workflow_id: child\nsteps: [{step_id: a, action: chrge}, {step_id: p, step_type: sub_workflow, workflow: parent}]\n"
    parent = "workflow_id: parent\nsteps: [{step_id: c, step_type: sub_workflow, workflow: child}]\n"
    error = await refused(serving("charge", child=child, parent=parent), workflow_type="parent", input_data={})

    assert error.type == "UnknownAction"
    assert error.message.startswith("child: steps[0].action: action 'chrge'")


async def test_one_definition_is_checked_once(monkeypatch: pytest.MonkeyPatch):
    checked: list[str] = []
    monkeypatch.setattr(prepare, "check", lambda workflow, *_, **__: checked.append(workflow.workflow_id) or [])
    made = preparation()

    for name in ("Ada", "Bob"):
        await run(made, workflow=GREETING, input_data={"name": name})

    assert checked == ["greeting"]


def test_every_definition_of_the_library_passes_check_with_its_actions():
    catalog = ActionRegistry.discover(library.MODULES).catalog()
    found = {one.workflow.workflow_id: one.workflow for one in find_definitions([LIBRARY])}

    problems = [str(problem) for one in found.values() for problem in check(one, catalog, found)]

    assert "order-fulfilment" in found
    assert problems == []


@pytest.mark.parametrize("case", [{"input": EXAMPLE, "options": None, "expect": {"error_type": None}}, *CASES])
async def test_the_inputs_of_the_library_fit_their_definition(case: dict[str, Any]):
    loaded = load(ORDERS / "definition.yaml")
    request = {
        "workflow_type": "order-fulfilment",
        "input_data": case["input"],
        "execution_options": case["options"],
    }
    made = preparation(**{"order-fulfilment": loaded})

    if case["expect"]["error_type"] == "InputInvalid":
        assert (await refused(made, **request)).type == "InputInvalid"
    else:
        assert (await run(made, **request)).definition is not None


async def test_a_bound_of_the_cost_needs_the_price_of_every_model():
    agent = {"model": "scripted:a", "fallback_models": ["openai:gpt-5"], "max_cost": 1}
    workflow = {"workflow_id": "ask", "steps": [{"step_id": "look", "step_type": "react", "agent": agent}]}
    known = Preparation({}, {}, search_attributes=True, prices=Prices({"scripted:*": Price(input=0, output=0)}))

    error = await refused(known, workflow=workflow)

    assert error.type == "DefinitionInvalid"
    assert "agent.max_cost: the price of model 'openai:gpt-5' is not known" in error.message
    assert "ADW_MODEL_PRICES" in error.message
    del agent["max_cost"]
    assert (await run(known, workflow=workflow)).sha256


BROUGHT = """
import asyncio, json, sys
from temporalio.testing import ActivityEnvironment
from advanced_workflow.activities.agents.graphs import Aside
from advanced_workflow.activities.worker.prepare import Preparation
from advanced_workflow.workflows.engine.graphs import library

made = Preparation({}, None, search_attributes=True)
aside = Aside()
library.load_aside(aside.is_loading)
try:
    library.langgraph("langgraph.graph")
except library.GraphsLoading:
    print("aside")
request = {"workflow_type": "AdvancedWorkflow", "workflow": json.loads(sys.argv[1])}
asyncio.run(ActivityEnvironment().run(made.prepare, request))
print("langgraph.graph" in sys.modules)
while aside.is_loading():
    pass
print(library.langgraph("langgraph.graph").__name__)
"""


def test_langgraph_is_loaded_before_a_run_that_brings_an_orchestrator_goes_on_and_never_in_a_workflow_task():
    step = {"step_id": "plan", "step_type": "orchestrator", "orchestrator": {"workers": ["act"]}}
    given = json.dumps({"workflow_id": "brought", "steps": [step]})
    told = subprocess.run([sys.executable, "-c", BROUGHT, given], capture_output=True, text=True, check=True)

    assert told.stdout.split() == ["aside", "True", "langgraph.graph"]
