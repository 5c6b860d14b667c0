"""`adw check` leaves with 1 for what a worker refuses, and with 0 for what it runs: the same definition, both asked."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from advanced_workflow.activities.agents.prices import Prices
from advanced_workflow.activities.worker.prepare import Preparation
from advanced_workflow.client.cli.app import app
from advanced_workflow.client.serve.definitions import load_definitions
from advanced_workflow.client.serve.here import action_names_here, graphs_here
from advanced_workflow.client.settings import load_settings

WAIT = {"step_id": "a", "step_type": "wait", "wait": {"seconds": 1}}
SCRIPTED = {"model": "scripted:a", "prompt": "'x'"}


def people(**approval: Any) -> list[dict[str, Any]]:
    return [{"step_id": "ok", "step_type": "human_approval", "approval": {"deadline": 60, **approval}}]


def mapped(**mapping: Any) -> list[dict[str, Any]]:
    return [{"step_id": "a", "step_type": "assign", "input_mapping": mapping}]


def agent(**more: Any) -> list[dict[str, Any]]:
    return [{"step_id": "a", "step_type": "react", "agent": {**SCRIPTED, **more}}]


def child(name: str) -> list[dict[str, Any]]:
    return [{"step_id": "c", "step_type": "sub_workflow", "workflow": name}]


def flow(**orchestrator: Any) -> list[dict[str, Any]]:
    return [
        {
            "step_id": "f",
            "step_type": "orchestrator",
            "orchestrator": {"workers": [{"name": "w", "action": "acting"}], **orchestrator},
        }
    ]


RUNS: dict[str, Any] = {
    "a wait": [WAIT],
    "people": people(),
    "data": mapped(x="input.x"),
    "arithmetic, of which it is only warned": mapped(x="2024-01-01"),
    "an agent": agent(),
    "a child that is served": child("good"),
    "an action": [{"step_id": "a", "action": "acting"}],
    "an action of another queue": [{"step_id": "a", "action": "other", "agent_capability": "gpu"}],
}
REFUSED: dict[str, Any] = {
    "reminders": people(reminders=[{"after": 5}]),
    "escalation": people(escalation={"after": 5, "to": ["bob"]}),
    "a step type that is none": [{"step_id": "a", "step_type": "magic"}],
    "no steps": [],
    "an unknown field": [{**WAIT, "colour": "red"}],
    "a cycle": [{**WAIT, "dependencies": ["a"]}],
    "an unknown step": [{**WAIT, "dependencies": ["b"]}],
    "an id twice": [WAIT, WAIT],
    "an unknown name": mapped(x="inputs.x"),
    "text without quotes": mapped(x="hello world"),
    "a step that is not before it": [*mapped(x="steps.b.output"), {**WAIT, "step_id": "b"}],
    "an unknown action": [{"step_id": "a", "action": "actin"}],
    "an unknown undo": [{"step_id": "a", "action": "acting", "rollback_actions": ["unact"]}],
    "an unknown child": child("nobody"),
    "a child of another version": [{**child("good")[0], "workflow_version": "7.0"}],
    "a child that names an unknown action": child("lacking"),
    "a child whose child does": child("leading"),
    "a tool that is an unknown definition": agent(tools=[{"workflow": "nobody"}]),
    "a tool that is a definition which is refused": agent(tools=[{"workflow": "lacking"}]),
    "a tool that is an unknown action": agent(tools=[{"action": "actin"}]),
    "a bound of cost without a price": agent(max_cost=1),
    "an unknown graph": flow(graph="nowhere"),
    "a worker of an unknown action": [
        {"step_id": "f", "step_type": "orchestrator", "orchestrator": {"workers": [{"name": "w", "action": "actin"}]}}
    ],
    "an unknown MCP server": agent(tools=[{"mcp": "nowhere"}]),
    "an engine's own activity": [{"step_id": "a", "action": "adw.prepare"}],
    "a schema that is none": [{"step_id": "a", "action": "acting", "input_validation": {"type": "text"}}],
    "a quorum that cannot be": people(required=3, approvers=["ann"]),
    "a negative time": [{"step_id": "a", "step_type": "wait", "wait": {"seconds": -1}}],
    "a time that is too long": [{"step_id": "a", "step_type": "wait", "wait": {"seconds": 1e12}}],
    "a header that is none": [
        {"step_id": "a", "step_type": "webhook", "webhook": {"url": "'https://x.test'", "headers": {"X": None}}}
    ],
    "a target that is none": [{"step_id": "a", "action": "acting", "output_mapping": {"result": "input.x"}}],
    "a pattern that is none": mapped(x="input.x.matches('(')"),
    "an undo to a step that is none": [{"step_id": "r", "step_type": "rollback", "rollback_to": "b"}],
    "what does not nest": [{**WAIT, "parallel_steps": [{**WAIT, "step_id": "b"}]}],
}
ACTIONS = "from advanced_workflow import action\n@action\ndef acting(): ...\n"
SERVED = {
    "good": [WAIT],
    "lacking": [{"step_id": "a", "action": "actin"}],
    "leading": child("lacking"),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "checked_actions.py").write_text(ACTIONS, encoding="utf-8")
    served = tmp_path / "served"
    served.mkdir()
    for name, steps in SERVED.items():
        (served / f"{name}.json").write_text(json.dumps({"workflow_id": name, "steps": steps}), encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("ADW_ACTIONS", "checked_actions")
    monkeypatch.setenv("ADW_DEFINITIONS", str(served))
    return tmp_path


def check(folder: Path, document: dict[str, Any]) -> int:
    """The exit code of `adw check`."""
    file = folder / "it.json"
    file.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(SystemExit) as left:
        app(["check", str(file)], prog_name="adw")
    return int(left.value.code or 0)


async def work(document: dict[str, Any]) -> int:
    """What a worker of the same settings says to a run that brings it: 1 if it refuses."""
    made = Preparation(
        [one.workflow for one in load_definitions(load_settings())],
        action_names_here(),
        search_attributes=False,
        prices=Prices(),
        graphs=graphs_here(),
    )
    request = {"workflow_type": "AdvancedWorkflow", "workflow": document, "input_data": {"x": "x"}}
    try:
        await ActivityEnvironment().run(made.prepare, request)
    except ApplicationError:
        return 1
    return 0


@pytest.mark.parametrize("name", [*RUNS, *REFUSED])
def test_check_leaves_as_the_worker_decides(name: str, folder: Path) -> None:
    document = {"workflow_id": "it", "steps": {**RUNS, **REFUSED}[name]}
    expected = int(name in REFUSED)

    assert asyncio.run(work(document)) == expected
    assert check(folder, document) == expected
