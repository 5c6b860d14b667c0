"""What becomes of subtasks that fail: done again once what they did is undone, or gone on without as a person says."""

from __future__ import annotations

from typing import Any

import pytest

from advanced_workflow.activities.action.errors import ActionError
from advanced_workflow.activities.agents.graphs import preload
from advanced_workflow.client.runs import Run
from tests.engine.models import Model, calls, fails, tools_catalog
from tests.engine.orchestrators import Plans, boom, orchestrator, planned, run, search, strategies, weigh, write
from tests.harness import Harness, definition, eventually, outcome_of, recording

UNDO = {"rollback_actions": ["undo"]}


@pytest.fixture(scope="module", autouse=True)
def _as_a_worker_that_serves_graphs() -> None:
    preload()


async def test_a_subtask_is_retried_once_after_what_it_may_have_done_is_undone(harness: Harness) -> None:
    done: list[str] = []

    def flaky(topic: str) -> str:
        """Not say the first time whether it did anything."""
        done.append(f"flaky {topic}")
        if len([one for one in done if one.startswith("flaky")]) == 1:
            raise ActionError("gone", type="Gone", details={"effect": "unknown"}, retryable=False)
        return topic

    def never(topic: str) -> str:
        """Never say so."""
        done.append(f"never {topic}")
        raise ActionError("gone", type="Gone", details={"effect": "unknown"}, retryable=False)

    def once(topic: str) -> None:
        """Fail, and not be called again."""
        done.append(f"once {topic}")
        raise ActionError("no", type="No", retryable=False)

    workers = (
        {"action": "once", "max_calls": 1, "optional": True},
        {"action": "flaky", "needs": ["once"], **UNDO},
        {"action": "never", "needs": ["flaky"], "optional": True, **UNDO},
        {
            "action": "write",
            "needs": ["never"],
            "input_mapping": {"text": "results.flaky + string(results.never == null)"},
        },
    )
    workflow = planned(*workers, task="{'topic': 'cats'}", recovery=["retry", "degrade"])
    outcome = await run(harness, workflow, once=once, flaky=flaky, never=never, write=write, undo=recording(done))

    assert outcome.failure is None, outcome.message
    assert outcome.data["plan"]["results"] == {"once": None, "flaky": "cats", "never": None, "write": "about catstrue"}
    assert outcome.data["plan"]["degraded"] == ["once", "never"]
    assert strategies(outcome) == [*["parallel", "error"] * 4, "parallel", "complete"]
    assert done == [
        "once cats",
        *("flaky cats", "plan.flaky unknown", "flaky cats"),
        *("never cats", "plan.never unknown") * 2,
    ]


async def test_a_person_lets_the_task_go_on_without_what_failed_or_it_fails(harness: Harness) -> None:
    done: list[str] = []
    workers = (
        {"action": "search", **UNDO},
        {"action": "boom", "needs": ["search"], **UNDO},
        {"action": "write", "needs": ["boom"], "input_mapping": {"text": "string(results.boom == null)"}, **UNDO},
        {"action": "boom", "name": "last", "needs": ["write"], **UNDO},
    )
    made = orchestrator(
        *workers, task="{'topic': 'cats'}", recovery=["retry", "person"], approval={"approvers": ["ann"]}
    )
    actions: dict[str, Any] = {"search": search, "boom": boom, "write": write, "undo": recording(done)}
    async with harness.worker(actions, catalog=tools_catalog(actions)):
        running = await harness.start(definition(made))
        first = await asked_after(running, "")
        await running.approve(first.path, approver="ann", digest=first.digest)
        second = await asked_after(running, first.path)
        assert done == []
        await running.reject(second.path, approver="ann", digest=second.digest, comment="not without it")
        outcome = await outcome_of(running)

    assert first.subject["what"] == "go on without what failed"
    assert first.subject["subtasks"] == [
        {"id": "boom", "worker": "boom", "error": {"type": "Boom", "message": "no cats"}}
    ]
    assert second.subject["subtasks"][0]["id"] == "last"
    error = outcome.report.error
    assert error is not None
    assert (error.type, "'last' of worker 'last' failed and nothing is left to try" in error.message) == ("Boom", True)
    assert done == ["plan.write completed", "plan.search completed"]


async def asked_after(running: Run, path: str) -> Any:
    async def asked() -> Any:
        return [one for one in await running.pending_approvals() if one.path != path]

    [found] = await eventually(asked)
    return found


async def test_a_worker_is_called_no_more_than_it_may_be_whoever_calls_it(harness: Harness) -> None:
    """By a plan, by the agent of an open-ended task, and where it is done again."""
    looked: list[str] = []

    def look(topic: str) -> str:
        """Look."""
        looked.append(topic)
        return topic

    plans = Plans(
        [
            {"subtasks": [], "open_ended": True},
            {"subtasks": [{"id": "a", "worker": "look", "input": {"topic": "x"}}]},
            {"subtasks": [{"id": "b", "worker": "weigh", "input": {"topic": "abc"}}]},
        ]
    )

    def model(request: Any, messages: Any) -> Any:
        if request.agent.endswith("analyst"):
            return plans(request, messages)
        twice = calls(("look", {"topic": f"{request.agent} 0"}), ("look", {"topic": f"{request.agent} 1"}))
        return twice if request.turn == 1 else fails("ModelAccessDenied")

    workers = ({"action": "look", "max_calls": 3}, "weigh")
    workflow = planned(*workers, analysis="model", model="m", task="'do'", recovery=["retry", "replan"])
    asked = Model([model])
    outcome = await run(harness, workflow, model=asked, look=look, weigh=weigh)

    assert outcome.failure is None, outcome.message
    assert sorted(looked) == ["plan[1].react 0", "plan[1].react 1", "plan[2].react 0"]
    assert "'look' may be called 3 times, and was." in asked.conversations[4][-1]["content"]
    assert plans.told[1]["workers"][0]["calls_left"] == 0
    assert plans.told[2]["problems"] == ["worker 'look' may be called 3 times ('max_calls'), and 0 are left."]
    assert outcome.data["plan"]["results"] == {"b": 3}


async def test_what_failed_beside_a_branch_that_is_planned_again_is_undone_too(harness: Harness) -> None:
    done: list[str] = []

    def unsure(topic: str) -> None:
        """Not say whether it did anything."""
        done.append(f"unsure {topic}")
        raise ActionError("gone", type="Gone", details={"effect": "unknown"}, retryable=False)

    plans = Plans(
        [
            {"subtasks": [{"id": name, "worker": "unsure", "input": {"topic": name}} for name in ("a", "b")]},
            {"subtasks": [{"id": "c", "worker": "search", "input": {"topic": "cats"}}]},
        ]
    )
    workflow = planned(
        {"action": "unsure", **UNDO}, "search", task="1", analysis="model", model="x:y", recovery=["replan"]
    )
    outcome = await run(harness, workflow, model=Model([plans]), unsure=unsure, search=search, undo=recording(done))

    assert outcome.failure is None, outcome.message
    assert sorted(done[:2]) == ["unsure a", "unsure b"]
    assert done[2:] == ["plan.unsure unknown"] * 2
    assert outcome.data["plan"]["replans"] == 1


async def test_a_subtask_waits_for_all_that_it_needs_where_one_of_these_was_not_begun(harness: Harness) -> None:
    plan = [
        {"id": "a", "worker": "flaky", "input": {"topic": "a"}},
        {"id": "b", "worker": "search", "input": {"topic": "b"}, "needs": ["a"]},
        {"id": "c", "worker": "search", "input": {"topic": "c"}},
        {"id": "d", "worker": "note", "input": {"topic": "d"}, "needs": ["b", "c"]},
    ]
    done: list[str] = []

    def flaky(topic: str) -> None:
        """Fail the first time."""
        done.append(topic)
        if len(done) == 1:
            raise ActionError("not yet", type="Later", retryable=False)

    def note(topic: str) -> None:
        """Note it."""
        done.append(topic)

    workflow = planned("flaky", "search", "note", task="1", analysis="model", model="x:y", recovery=["retry"])
    model = Model([Plans([{"subtasks": plan}])])
    outcome = await run(harness, workflow, model=model, flaky=flaky, search=search, note=note)

    assert outcome.failure is None, outcome.message
    assert done == ["a", "a", "d"]
    assert [*outcome.data["plan"]["results"]].index("d") == 3
