from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from advanced_workflow.activities.action.errors import ActionError
from advanced_workflow.activities.agents.graphs import preload
from advanced_workflow.workflows.errors import DigestMismatch
from tests.engine.graphs.graph_runs import graph_step
from tests.engine.models import Model, calls, says, tools_catalog
from tests.engine.orchestrators import ONCE, Plans, boom, orchestrator, planned, run, search, strategies, weigh, write
from tests.harness import Harness, definition, eventually, outcome_of, recording


@pytest.fixture(scope="module", autouse=True)
def _as_a_worker_that_serves_graphs() -> None:
    preload()


async def test_workers_that_do_not_need_each_other_are_given_the_task_and_others_what_they_gave(
    harness: Harness,
) -> None:
    workflow = planned(
        "search",
        "weigh",
        {
            "action": "write",
            "needs": ["search", "weigh"],
            "input_mapping": {"text": "results.search.hits[0] + ' ' + string(results.weigh)"},
        },
        task="{'topic': input.topic}",
    )
    outcome = await run(harness, workflow, {"topic": "cats"}, search=search, weigh=weigh, write=write)

    assert outcome.failure is None, outcome.message
    assert outcome.data["plan"]["results"] == {
        "search": {"hits": ["cats", "cats"]},
        "weigh": 4,
        "write": "about cats 4",
    }
    assert strategies(outcome) == ["parallel", "complete"]


async def test_what_fails_is_undone_with_its_branch_and_planned_again_by_the_model(harness: Harness) -> None:
    undone: list[str] = []
    plans = Plans(
        [
            {"subtasks": [{"id": "one", "worker": "serch", "input": {"topic": "x"}}]},
            {
                "subtasks": [
                    {"id": "first", "worker": "search", "input": {"topic": "a"}},
                    {
                        "id": "bad",
                        "worker": "boom",
                        "needs": ["first"],
                        "input_mapping": {"topic": "steps.first.output.hits[0]"},
                    },
                    {"id": "alone", "worker": "weigh", "input": {"topic": "abc"}},
                ]
            },
            {
                "subtasks": [
                    {
                        "id": "last",
                        "worker": "write",
                        "needs": ["alone"],
                        "input_mapping": {"text": "string(steps.alone.output)"},
                    }
                ]
            },
        ]
    )
    undo = {"rollback_actions": ["undo"]}
    workers = ({"action": "search", **undo}, {"action": "boom", **undo}, {"action": "weigh", **undo}, "write")
    workflow = planned(*workers, analysis="model", model="m", task="'do'")
    outcome = await run(
        harness,
        workflow,
        model=Model([plans]),
        search=search,
        weigh=weigh,
        write=write,
        boom=boom,
        undo=recording(undone),
    )

    assert outcome.failure is None, outcome.message
    assert outcome.data["plan"]["results"] == {"alone": 3, "last": "about 3"}
    assert strategies(outcome) == ["parallel", "error", "parallel", "complete"]
    assert undone == ["plan.search completed"]
    assert outcome.data["plan"]["replans"] == 2
    told = plans.told
    assert "worker 'serch' is not registered" in told[1]["problems"][0]
    assert told[2]["failures"][0]["undone"] == ["first", "bad"]
    assert told[2]["results"] == {"alone": 3}
    assert [one["name"] for one in told[0]["workers"]] == ["search", "boom", "weigh", "write"]


async def test_a_plan_that_stays_wrong_fails_with_all_that_is_wrong_in_it(harness: Harness) -> None:
    wrong = {
        "subtasks": [
            {"id": "a", "worker": "search", "needs": ["b"], "input": {"topic": "x"}},
            {"id": "b", "worker": "nobody", "needs": ["a"]},
        ]
    }
    workflow = planned("search", analysis="model", model="m", task="'do'", max_replans=1)

    outcome = await run(harness, workflow, model=Model([Plans([wrong])]), search=search)

    error = outcome.report.error
    assert error is not None
    assert error.type == "PlanInvalid"
    details: Any = error.details
    assert any("nobody" in one for one in details["problems"])
    assert len(details["problems"]) >= 2


async def test_another_worker_of_the_capability_takes_over_and_an_optional_one_is_done_without(
    harness: Harness,
) -> None:
    undone: list[str] = []
    workers = (
        {"action": "boom", "capability": "find", "rollback_actions": ["undo"]},
        {"action": "search", "capability": "find"},
        {"action": "late", "optional": True, "rollback_actions": ["undo"], "retry_policy": ONCE},
        {
            "action": "write",
            "needs": ["boom", "late"],
            "input_mapping": {"text": "results.boom.hits[0] + string(results.late == null)"},
        },
    )

    async def late(topic: str) -> None:
        """Take too long to say whether it did anything."""
        raise ActionError(topic, type="Late", details={"effect": "unknown"}, retryable=False)

    outcome = await run(
        harness,
        planned(*workers, task="{'topic': 'cats'}"),
        boom=boom,
        search=search,
        late=late,
        write=write,
        undo=recording(undone),
    )

    assert outcome.failure is None, outcome.message
    plan = outcome.data["plan"]
    assert plan["results"] == {"boom": {"hits": ["cats", "cats"]}, "late": None, "write": "about catstrue"}
    assert plan["degraded"] == ["late"]
    assert undone == ["plan.late unknown"]
    assert strategies(outcome) == ["parallel", "error", "parallel", "complete"]


async def test_a_test_decides_and_people_approve_exactly_what_a_sensitive_worker_is_given(harness: Harness) -> None:
    sent: list[str] = []

    def send(text: str) -> str:
        """Send."""
        sent.append(text)
        return text

    workers = (
        "search",
        {"action": "weigh", "needs": ["search"], "when": "results.search.hits.size() > 5"},
        {
            "action": "write",
            "needs": ["search"],
            "when": "results.search.hits.size() == 2",
            "input_mapping": {"text": "'x'"},
        },
        {"action": "send", "needs": ["write"], "sensitive": True, "input_mapping": {"text": "task.text"}},
    )
    workflow = planned(
        *workers,
        task="{'topic': 'cats', 'text': 'hello'}",
        approval={"approvers": ["ann"]},
    )
    actions = {"search": search, "weigh": weigh, "write": write, "send": send}
    async with harness.worker(actions, catalog=tools_catalog(actions)):
        running = await harness.start(workflow)
        [asked] = await eventually(running.pending_approvals)
        with pytest.raises(DigestMismatch):
            await running.approve(asked.path, approver="ann", digest="0" * 64)
        await running.approve(asked.path, approver="ann", digest=asked.digest)
        outcome = await outcome_of(running)

    assert outcome.failure is None, outcome.message
    assert asked.subject == {
        "what": "these subtasks",
        "subtasks": [{"id": "send", "worker": "send", "arguments": {"text": "hello"}}],
    }
    assert strategies(outcome) == ["parallel", "conditional", "approval", "parallel", "complete"]
    assert outcome.data["plan"]["results"]["write"] == "about x"
    assert sent == ["hello"]
    assert "weigh" not in outcome.data["plan"]["results"]


async def test_an_open_ended_task_is_done_by_an_agent_whose_calls_are_undone_with_the_run(harness: Harness) -> None:
    undone: list[str] = []
    model = Model([calls(("search", {"topic": "a"})), calls(("search", {"topic": "b"})), says("found")])
    made = orchestrator({"action": "search", "rollback_actions": ["undo"]}, model="m", task="input.x")
    workflow = definition(
        made,
        {"step_id": "boom", "dependencies": ["plan"], "input_mapping": {"topic": "steps.plan.output.results.react"}},
    )

    outcome = await run(harness, workflow, {"x": "look"}, model, search=search, boom=boom, undo=recording(undone))

    assert outcome.failure == "WorkflowFailed"
    assert "no found" in outcome.message
    assert outcome.undone() == ["plan[0].react[1].search#0", "plan[0].react[0].search#0"]


@pytest.mark.parametrize("on_limit", ["fail", "answer"])
async def test_a_budget_that_is_used_up_ends_it(harness: Harness, on_limit: str) -> None:
    undone: list[str] = []
    workers = ({"action": "search", "rollback_actions": ["undo"]}, {"action": "weigh", "needs": ["search"]})
    workflow = planned(*workers, task="{'topic': 'a'}", max_steps=1, on_limit=on_limit)

    outcome = await run(harness, workflow, search=search, weigh=weigh, undo=recording(undone))

    if on_limit == "answer":
        assert outcome.data["plan"]["limit"] == "max_steps"
        assert list(outcome.data["plan"]["results"]) == ["search"]
    else:
        assert outcome.report.error is not None
        assert outcome.report.error.type == "AgentLimitExceeded"
        assert undone == ["plan.search completed"]


async def test_it_continues_in_new_histories_and_what_its_subtasks_did_is_undone_the_latest_first(
    harness: Harness,
) -> None:
    undone: list[str] = []
    workers = [
        {"action": "search", "name": f"w{n}", "needs": [f"w{n - 1}"] if n else [], "rollback_actions": ["undo"]}
        for n in range(8)
    ]
    made = orchestrator(*workers, {"action": "boom", "needs": ["w7"]}, task="{'topic': 'a'}")
    small = replace(harness, continue_after=30)

    outcome = await run(small, definition(made), search=search, boom=boom, undo=recording(undone))

    assert outcome.failure == "WorkflowFailed"
    assert undone == [f"plan.w{n} completed" for n in reversed(range(8))]
    assert len(await small.histories()) > 1


async def test_people_reject_a_plan_and_the_run_is_cancelled_while_they_are_asked(harness: Harness) -> None:
    plans = Plans([{"subtasks": [{"id": "a", "worker": "search", "input": {"topic": "x"}}]}])
    workflow = planned("search", analysis="model", model="m", approve_plan=True, approval={"approvers": ["ann"]})
    async with harness.worker(
        {"search": search}, activities=[Model([plans]).activity], catalog=tools_catalog({"search": search})
    ):
        running = await harness.start(workflow)
        [asked] = await eventually(running.pending_approvals)
        await running.reject(asked.path, approver="ann", digest=asked.digest, comment="too dear")

        async def asked_again() -> Any:
            return [one for one in await running.pending_approvals() if one.path != asked.path]

        [again] = await eventually(asked_again)
        await running.cancel()
        outcome = await outcome_of(running)

    assert (asked.path, again.path) == ("plan[1].approval", "plan[3].approval")
    assert outcome.failure is not None
    told = plans.told
    assert "too dear" in told[1]["failures"][0]["error"]["message"]


async def test_a_graph_that_no_worker_serves_is_refused_before_anything_runs(harness: Harness) -> None:
    step = graph_step("fan")
    step["orchestrator"]["graph"] = "fann"
    outcome = await harness.run(definition(step), actions={"act": lambda: None, "fails": lambda: None})

    assert outcome.failure == "UnknownGraph"
    assert "Did you mean 'fan'?" in outcome.message
