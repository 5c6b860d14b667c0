from __future__ import annotations

import gc
import time
from typing import Any, cast

import pytest

from advanced_workflow.workflows.contract import ToolSchema
from advanced_workflow.workflows.definition.kinds.orchestrator import Orchestrator
from advanced_workflow.workflows.engine.orchestration.plans import (
    branch_of,
    complexity,
    in_order,
    plan_by_rules,
    plan_problems,
    taken_up,
)
from advanced_workflow.workflows.engine.orchestration.state import EnterpriseWorkflowState
from advanced_workflow.workflows.engine.orchestration.strategy import choose, skip_the_unneeded

TEXT = {
    "type": "object",
    "properties": {"text": {"type": "string"}},
    "required": ["text"],
    "additionalProperties": False,
}
SCHEMAS = {name: ToolSchema(name=name, parameters=TEXT) for name in ("search", "write", "send")}
MADE = Orchestrator.model_validate(
    {"workers": ["search", "write", {"action": "send", "sensitive": True}], "model": "m", "analysis": "model"}
)
GIVEN = {"text": "x"}


def state(*subtasks: dict[str, Any], **more: Any) -> EnterpriseWorkflowState:
    known = {one["id"]: {"worker": "search", "status": "waiting", **one} for one in subtasks}
    budget = {"steps": 0, "replans": 0, "tokens": 0, "cost": 0.0, "priced": True}
    begun = {"subtasks": known, "budget": budget, "results": {}, "task_analysis": None, "last_error": None}
    return cast("EnterpriseWorkflowState", {**begun, "error_count": 0, "degraded": [], **more})


def plan(*subtasks: dict[str, Any], **more: Any) -> dict[str, Any]:
    said = [{"worker": "search", **({} if "input_mapping" in one else {"input": GIVEN}), **one} for one in subtasks]
    return {"complexity_score": 0.5, "reason": "so", "subtasks": said, **more}


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (plan({"id": "a"}, {"id": "b", "needs": ["a"], "input_mapping": {"text": "steps.a.output.hits[0]"}}), []),
        (plan({"id": "a", "worker": "serch"}), ["subtask 'a', worker: worker 'serch' is not registered"]),
        (plan({"id": "a"}, {"id": "a"}), ["subtask 'a', step_id: "]),
        (plan({"id": "a", "needs": ["z"]}), ["subtask 'a', needs[0]: "]),
        (plan({"id": "a", "needs": ["b"]}, {"id": "b", "needs": ["a"]}), ["a -> b"]),
        (plan({"id": "a", "input_mapping": {"text": "steps."}}), ["subtask 'a', input_mapping.text: "]),
        (
            plan({"id": "a"}, {"id": "b", "input_mapping": {"text": "steps.a.output"}}),
            ["subtask 'b', input_mapping.text"],
        ),
        (plan({"id": "a", "input": {"txt": "x"}}), ["needs 'text'", "no parameter 'txt'"]),
        (plan({"id": "a", "input": {"text": 1}}), ["subtask 'a', input_mapping.text: the literal does not fit"]),
        (plan({"id": "a", "input": {"text": 'it\'s "one"\n\u2028'}}), []),
        (plan({"id": "a", "when": "'yes'"}), ["subtask 'a', when: "]),
        (plan({"id": "a", "when": "secret.x == 1"}), ["subtask 'a', when: "]),
        (
            plan({"id": "a", "input": GIVEN, "input_mapping": {"text": "'y'"}}),
            ["text is in 'input' and in 'input_mapping'"],
        ),
        (plan({"id": "old"}), ["subtask 'old': there is one of this id already"]),
        (plan({"id": "a", "needs": ["old"], "input_mapping": {"text": "steps.old.output"}}), []),
        (
            plan(*({"id": f"a{number}"} for number in range(51))),
            ["there are 51 subtasks and 50 are left ('max_steps')"],
        ),
        (plan({"id": "a"}, open_ended=True), ["a task that is open-ended has no subtasks"]),
        (plan(open_ended=True), []),
        (plan({"id": "a", "input": {"text": "x" * 140_000}}), ["larger than 131,072 bytes"]),
    ],
)
def test_what_is_wrong_in_a_plan_is_told_in_its_own_words(made: dict[str, Any], expected: list[str]) -> None:
    kept = state({"id": "old", "status": "completed"}, results={"old": 1})

    found = plan_problems(MADE, made, kept, SCHEMAS)

    assert bool(found) == bool(expected), found
    assert [one for one in expected if not any(one in sentence for sentence in found)] == [], found


def test_a_plan_as_large_as_may_be_is_checked_within_a_tenth_of_a_second() -> None:
    roomy = MADE.model_copy(update={"max_steps": 100})
    chain = [
        {"id": "a0"},
        *(
            {"id": f"a{n}", "needs": [f"a{n - 1}"], "input_mapping": {"text": f"steps.a{n - 1}.output.x"}}
            for n in range(1, 100)
        ),
    ]
    plan_problems(roomy, plan({"id": "warm"}), state(), SCHEMAS)

    gc.collect()
    gc.freeze()  # As a worker does: what other tests left is not looked through meanwhile.

    before = time.thread_time()
    found = plan_problems(roomy, plan(*chain), state(), SCHEMAS)

    assert found == []
    assert time.thread_time() - before < 0.1


def test_rules_give_one_subtask_to_each_capability_and_know_who_needs_whom() -> None:
    made = Orchestrator.model_validate(
        {
            "workers": [
                {"action": "search", "capability": "find"},
                {"action": "look", "capability": "find"},
                {"action": "write", "needs": ["look"]},
            ]
        }
    )
    found = plan_by_rules(made, {"text": "cats", "other": 1}, SCHEMAS)

    assert found["subtasks"] == [
        {"id": "search", "worker": "search", "input": {"text": "cats"}, "needs": []},
        {"id": "write", "worker": "write", "input": {"text": "cats"}, "needs": ["search"]},
    ]
    assert plan_by_rules(made, {"subtasks": [1]}, {})["subtasks"] == [1]
    assert plan_by_rules(MADE.model_copy(update={"analysis": "rules"}), "cats", {})["open_ended"]


@pytest.mark.parametrize(
    ("subtasks", "more", "expected"),
    [
        ([{"id": "a", "status": "failed"}, {"id": "b"}], {}, ("error", ("a",))),
        ([{"id": "a", "status": "completed"}], {}, ("complete", ())),
        ([{"id": "react", "worker": "react"}], {}, ("react", ("react",))),
        ([{"id": "a", "when": "true"}, {"id": "b", "worker": "send"}], {}, ("conditional", ("a",))),
        ([{"id": "a"}, {"id": "b", "worker": "send"}], {}, ("approval", ("b",))),
        ([{"id": "a"}, {"id": "b", "worker": "send", "needs": ["a"]}], {}, ("parallel", ("a",))),
        ([{"id": "a"}, {"id": "b", "needs": ["a"]}, {"id": "c"}], {}, ("parallel", ("a", "c", "b"))),
        ([{"id": "a"}, {"id": "b", "worker": "send", "approved": True}], {}, ("parallel", ("a", "b"))),
        ([{"id": "a", "status": "skipped"}, {"id": "b", "needs": ["a"]}], {}, ("complete", ())),
        ([{"id": "a", "status": "degraded"}, {"id": "b", "needs": ["a"]}], {}, ("parallel", ("b",))),
        ([{"id": "a"}], {"last_error": {"type": "ApprovalRejected"}}, ("error", ())),
    ],
)
def test_the_strategy_follows_from_where_the_subtasks_stand(
    subtasks: list[dict[str, Any]], more: dict[str, Any], expected: tuple[str, tuple[str, ...]]
) -> None:
    standing = state(*subtasks, task_analysis={}, **more)
    skip_the_unneeded(standing["subtasks"])

    choice = choose(MADE, standing)

    assert (choice.strategy, choice.subtasks) == expected


def test_complexity_grows_with_number_depth_sensitivity_and_failures() -> None:
    def score(*subtasks: dict[str, Any], failures: int = 0) -> float:
        return complexity(MADE, state(*subtasks)["subtasks"], failures)

    one = score({"id": "a"})
    assert one < score({"id": "a"}, {"id": "b"}) < score({"id": "a"}, {"id": "b", "needs": ["a"]})
    assert one < score({"id": "a", "worker": "send"})
    assert one < score({"id": "a"}, failures=1) < score({"id": "a"}, failures=2)
    many = [{"id": f"a{n}", "worker": "send", "needs": [f"a{n - 1}"] if n else []} for n in range(40)]
    assert score(*many, failures=9) == 1


def test_a_branch_is_all_that_needs_each_other() -> None:
    found = state({"id": "c", "needs": ["b"]}, {"id": "b", "needs": ["a"]}, {"id": "a"}, {"id": "x"})["subtasks"]

    assert branch_of(found, "b") == ["c", "b", "a"]
    assert in_order(found) == ["a", "x", "b", "c"]
    assert taken_up(plan(open_ended=True)) == {"react": {"id": "react", "worker": "react", "status": "waiting"}}
