"""The assistant's model and its tool, as the script says; what one attempt paid for, another does not pay for again."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from advanced_workflow.activities.action.errors import ActionError
from advanced_workflow.activities.library.ledger import take_effect
from advanced_workflow.activities.library.namespaces import research
from advanced_workflow.activities.library.research.script import Plan, read_script

MODEL_CALL = "model_call"
LOOKUP = "lookup"


class Finding(BaseModel):
    """What a lookup found; `answer` is null when the source does not know."""

    answer: str | None
    source: str


class Summary(BaseModel):
    """What can be said without a final answer."""

    answer: str


class QuestionUnknown(ActionError):
    """The script has nothing to say to the question."""

    def __init__(self, question: str) -> None:
        """Say where to add it."""
        super().__init__(
            f"the script has no plans for {question[:80]!r}; add some to the file that ADW_RESEARCH_SCRIPT names",
            retryable=False,
        )


class SourceUnavailable(ActionError):
    """The source does not answer; try again."""

    def __init__(self, query: str) -> None:
        """Say what was asked."""
        super().__init__(f"the source does not answer {query[:80]!r}")


@research.action
def plan_next_step(question: str, observations: list[dict[str, Any]]) -> Plan:
    """Choose the next tool and its arguments, from the question and what was observed so far."""
    plans = read_script().plans.get(question)
    if not plans:
        raise QuestionUnknown(question)
    # A model that has nothing new to say says the same again.
    plan = plans[min(len(observations), len(plans) - 1)]
    return Plan.model_validate(take_effect(MODEL_CALL, plan.model_dump()))


@research.action
def lookup(query: str) -> Finding:
    """Look a fact up."""
    script = read_script()
    if query in script.unavailable:
        raise SourceUnavailable(query)
    finding = Finding(answer=script.facts.get(query), source="script")
    return Finding.model_validate(take_effect(LOOKUP, finding.model_dump()))


@research.action
def summarise_findings(question: str, observations: list[dict[str, Any]]) -> Summary:
    """Say what is known when there is no final answer."""
    known = [str(one["output"]["answer"]) for one in observations if one["output"]["answer"] is not None]
    findings = f"What was found: {'; '.join(known)}." if known else "Nothing was found."
    return Summary(answer=f"There is no answer to {question!r}. {findings}")
