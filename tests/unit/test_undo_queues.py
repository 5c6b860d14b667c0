"""On which queue an undo action runs, and what `check` says where it would be a wrong one."""

from __future__ import annotations

from typing import Any

import pytest

from advanced_workflow.workflows.definition.check.catalog import ActionInfo
from advanced_workflow.workflows.definition.check.check import check
from advanced_workflow.workflows.definition.text.load import dump_definition
from advanced_workflow.workflows.definition.tools import tool_steps
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow

HERE = {name: ActionInfo(name, input_schema={"type": "object"}) for name in ("pay", "refund")}
SCHEMA = {"type": "object"}


def workflow(**step: Any) -> AdvancedWorkflow:
    return AdvancedWorkflow.model_validate({"workflow_id": "w", "steps": [{"step_id": "a", **step}]})


def agent(*tools: dict[str, Any], **step: Any) -> AdvancedWorkflow:
    told = [{"parameters": SCHEMA, **one} for one in tools]
    return workflow(step_type="react", agent={"model": "scripted:x", "prompt": "'go'", "tools": told}, **step)


def found(made: AdvancedWorkflow) -> list[tuple[str, str, str]]:
    return [(one.code, one.severity, one.path.removeprefix("steps[0].")) for one in check(made, HERE)]


THERE: dict[str, Any] = {"action": "theirs", "agent_capability": "partners"}
UNKNOWN_THERE = ("unknown_action", "warning", "action")


def test_an_undo_that_is_registered_here_is_not_sent_to_workers_who_have_other_actions() -> None:
    made = workflow(**THERE, rollback_actions=["undo_theirs", "refund"])

    assert found(made) == [
        UNKNOWN_THERE,
        ("unknown_action", "warning", "rollback_actions[0]"),
        ("wrong_queue", "error", "rollback_actions[1]"),
    ]
    (told,) = [str(one) for one in check(made, HERE) if one.code == "wrong_queue"]
    assert told == (
        "steps[0].rollback_actions[1]: undo action 'refund' is registered here, and would run where 'theirs' runs, on queue "
        "'partners'. Write {action: refund} for the run's own queue, or {action: refund, agent_capability: partners}. [wrong_queue]"
    )
    assert check(made) == [], "without a registry nothing is known"


@pytest.mark.parametrize("undo", [{"action": "refund"}, {"action": "refund", "agent_capability": "partners"}])
def test_an_undo_that_says_its_queue_is_sent_there(undo: dict[str, Any]) -> None:
    made = workflow(**THERE, rollback_actions=["undo_theirs", undo])

    assert found(made) == [UNKNOWN_THERE, ("unknown_action", "warning", "rollback_actions[0]")]
    queues = [(one.action, one.agent_capability) for one in made.steps[0].undo_calls]
    assert queues == [("undo_theirs", "partners"), ("refund", undo.get("agent_capability"))]
    assert dump_definition(made)["steps"][0]["rollback_actions"] == ["undo_theirs", undo]


def test_workers_of_another_queue_that_have_the_same_actions_undo_there() -> None:
    assert found(workflow(action="pay", agent_capability="gpu", rollback_actions=["refund"])) == []


def test_an_undo_that_nobody_of_its_queue_has_is_told() -> None:
    here = workflow(**THERE, rollback_actions=[{"action": "refnd"}])
    there = workflow(action="pay", rollback_actions=[{"action": "refnd", "agent_capability": "partners"}])

    assert found(here) == [UNKNOWN_THERE, ("unknown_action", "error", "rollback_actions[0].action")]
    assert found(there) == [("unknown_action", "warning", "rollback_actions[0].action")]


@pytest.mark.parametrize(
    ("undo", "place"),
    [
        ({"action": ""}, "rollback_actions[0].action"),
        ({"action": "refund", "agent_capability": " "}, "rollback_actions[0].agent_capability"),
        ({"action": "refund", "agent_capability": "/_sys/x"}, "rollback_actions[0].agent_capability"),
    ],
)
def test_names_in_an_undo_are_looked_at_as_all_names_are(undo: dict[str, Any], place: str) -> None:
    assert found(workflow(action="pay", rollback_actions=[undo])) == [("wrong_value", "error", place)]


def test_a_reserved_name_is_none_there_either() -> None:
    made = workflow(action="pay", rollback_actions=[{"action": "adw.cancel_run"}])

    assert ("reserved_name", "error", "rollback_actions[0].action") in found(made)


def test_the_queue_of_a_tool_is_its_own() -> None:
    made = agent(
        {**THERE, "name": "t", "rollback_actions": ["refund", {"action": "refund"}]}, agent_capability="models"
    )

    assert found(made) == [
        ("unknown_action", "warning", "agent.tools[0]"),
        ("wrong_queue", "error", "agent.tools[0].rollback_actions[0]"),
    ]
    ((_, step),) = tool_steps(made.steps[0])
    assert [one.agent_capability for one in step.undo_calls] == ["partners", None]
    # The queue of the agent's model calls says nothing of where its tools run.
    assert found(agent({"action": "theirs"}, agent_capability="models")) == [
        ("unknown_action", "error", "agent.tools[0]")
    ]
