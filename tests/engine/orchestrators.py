"""Orchestrators of tests: their definitions, workers, and a model that gives plans."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from advanced_workflow.activities.action.errors import ActionError
from tests.engine.models import Model, says, tools_catalog
from tests.harness import Harness, Outcome, definition, outcome_of

ONCE = {"max_attempts": 1}


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


@dataclass
class Plans:
    """A model that gives these plans one after the other; keeps what it was told."""

    plans: list[dict[str, Any]]
    told: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    def __call__(self, _: Any, messages: list[dict[str, Any]]) -> Any:
        self.told.append(json.loads(messages[0]["content"]))
        said = self.plans[min(len(self.told), len(self.plans)) - 1]
        return says(json.dumps({"complexity_score": 0.7, "reason": "so", **said}))


def boom(topic: str) -> None:
    """Fail."""
    raise ActionError(f"no {topic}", type="Boom", retryable=False)
