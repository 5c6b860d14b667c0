"""Orchestrators in rounds and copies, with workers of every form."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from advanced_workflow.activities.action import context
from advanced_workflow.workflows.contract import UndoInput
from tests.engine.models import Model, calls, says, tools_catalog
from tests.engine.orchestrators import boom, orchestrator
from tests.engine.partner import http, partner
from tests.harness import Harness, definition, outcome_of

UNDO = {"rollback_actions": ["undo"]}


async def test_each_round_and_copy_has_its_own_plan_whose_workers_of_every_form_are_undone_the_latest_first(
    harness: Harness,
) -> None:
    made: list[str] = []
    undone: list[str] = []

    def put(n: str) -> str:
        """Put something there."""
        made.append(f"{context.step_path()} {n}")
        return n

    def undo(step: UndoInput) -> None:
        undone.append(step.idempotency_key)

    parameters = {"type": "object", "required": ["n"], "properties": {"n": {"type": "string"}}}
    tell = {"url": "input.url + '/' + call.n", "body": "task"}
    workers = [
        {"action": "put", "name": "near", "execution": "local", **UNDO},
        {"name": "tell", "webhook": tell, "parameters": parameters, **UNDO},
        {"name": "child", "workflow": "child", "needs": ["near"]},
        {
            "name": "agent",
            "agent": {"model": "m", "prompt": "call.n", "tools": [{"action": "put", **UNDO}]},
            "parameters": parameters,
            "needs": ["tell", "child"],
        },
    ]
    child = definition(
        {"step_id": "put", "input_mapping": {"n": "input.n"}, **UNDO},
        workflow_id="child",
        input_schema=parameters,
        output={"put": "steps.put.output"},
    )
    in_loop = orchestrator(*workers, task="{'n': 'r' + string(iteration)}", step={"step_id": "a"})
    in_copy = orchestrator(*workers, task="{'n': 'c' + string(index)}", step={"step_id": "b"})
    workflow = definition(
        {"step_id": "rounds", "step_type": "loop", "loop_condition": "iteration < 2", "body": [in_loop]},
        {
            "step_id": "copies",
            "step_type": "parallel",
            "for_each": "[0, 1]",
            "max_concurrency": 1,
            "parallel_steps": [in_copy],
            "dependencies": ["rounds"],
        },
        {"step_id": "boom", "dependencies": ["copies"], "input_mapping": {"topic": "'end'"}},
    )

    def model(request: Any, messages: list[Any]) -> Any:
        return calls(("put", {"n": f"{messages[0]['content']}!"})) if request.turn == 1 else says("done")

    small = replace(harness, continue_after=60)
    actions = {"put": put, "undo": undo, "boom": boom}
    with partner() as service:
        served = [Model([model]).activity, *http("127.0.0.1")]
        async with small.worker(actions, [child], activities=served, catalog=tools_catalog(actions)):
            outcome = await outcome_of(await small.start(workflow, {"url": service.address}))
        told = [one["path"] for one in service.requests]

    assert outcome.failure == "WorkflowFailed"
    assert "no end" in outcome.message, outcome.message
    around = {"r0": "rounds#0.a", "r1": "rounds#1.a", "c0": "copies[0].b", "c1": "copies[1].b"}
    assert told == [f"/{n}" for n in around]
    expected = [
        one
        for n, path in around.items()
        for one in (f"{path}[0].near {n}", f"put {n}", f"{path}[3].agent[0].put#0 {n}!")
    ]
    assert made == expected
    assert len(undone) == len(set(undone)) == 16
    paths = [one.partition(":")[2] for one in undone]
    for path in around.values():
        agents, *first = [one.removeprefix(path) for one in paths if one.startswith(path)]
        assert (agents, sorted(first)) == ("[3].agent[0].put#0", ["[0].near", "[1].tell"])
    children = [number for number, one in enumerate(paths) if one == "put"]
    assert children[2:] == [9, 13]  # Rounds one after the other: in each the agent, the child, and what that needed.
    assert [one.partition(".")[0] for one in paths[8:] if one != "put"] == [*["rounds#1"] * 3, *["rounds#0"] * 3]
    assert len(await small.histories()) > 1
