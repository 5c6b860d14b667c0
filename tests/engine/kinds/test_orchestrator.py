from __future__ import annotations

from typing import Any

import pytest

from advanced_workflow.activities.agents.graphs import preload
from tests.engine.models import Model, tools_catalog
from tests.harness import Harness, Outcome, definition, outcome_of

ONCE = {"max_attempts": 1}


@pytest.fixture(scope="module", autouse=True)
def _as_a_worker_that_serves_graphs() -> None:
    preload()


def orchestrator(*workers: Any, step: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    return {
        "step_id": "plan",
        "step_type": "orchestrator",
        "orchestrator": {"workers": list(workers), **fields},
        **(step or {}),
    }


async def run(harness: Harness, workflow: Any, data: Any = None, model: Model | None = None, **actions: Any) -> Outcome:
    activities = [] if model is None else [model.activity]
    async with harness.worker(actions, activities=activities, catalog=tools_catalog(actions)):
        return await outcome_of(await harness.start(workflow, data))


def strategies(outcome: Outcome) -> list[str]:
    return [one["strategy"] for one in outcome.data["plan"]["decisions"]]


def planned(*workers: Any, **fields: Any) -> dict[str, Any]:
    return definition(orchestrator(*workers, **fields), output={"plan": "steps.plan.output"})


def search(topic: str) -> dict[str, Any]:
    """Search."""
    return {"hits": [topic, topic]}


def weigh(topic: str) -> int:
    """Weigh."""
    return len(topic)


def write(text: str) -> str:
    """Write."""
    return f"about {text}"


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
