"""The final answer of an agent: text, or JSON that fits its `output_schema`; one that does not goes back to the model."""

from __future__ import annotations

import re

from advanced_workflow.workflows.contract import ChatMessage, ErrorInfo, FinishReason, Json, RawMessage
from advanced_workflow.workflows.definition.kinds.react import Agent
from advanced_workflow.workflows.engine.actions.mapped_input import misfits_of
from advanced_workflow.workflows.engine.agents.stand import Stand
from advanced_workflow.workflows.engine.step.context import Done, StepContext
from advanced_workflow.workflows.engine.step.failures import StepFailure, failure_of
from advanced_workflow.workflows.errors import AnswerWithheld, DataInvalid, OutputInvalid
from advanced_workflow.workflows.plain import foreign_json
from advanced_workflow.workflows.plain.text import for_people

_FENCED = re.compile(r"\s*```[A-Za-z]*\s*\n(.*?)\n?\s*```\s*", re.DOTALL)


async def judged(step: StepContext, agent: Agent, stand: Stand) -> Done | RawMessage:
    """The step's success, or what is said to the model because its answer cannot be used.

    Raises `StepFailure`: `OutputInvalid` where it was told often enough, `AnswerWithheld`.
    """
    message = stand.messages[-1]
    text: str = message.get("content", "")
    if stand.finish_reason is FinishReason.CONTENT_FILTER:
        raise failure_of(AnswerWithheld(f"step {step.path!r}: the provider kept back the model's answer."))
    if stand.finish_reason is FinishReason.LENGTH:
        return _again(step, agent, stand, "it was cut, as it is too long; say it in fewer words")
    if not agent.output_schema:
        return Done(text) if text.strip() else _again(step, agent, stand, "it is empty")
    try:
        value: Json = foreign_json.read(_bare(text).encode(), "it")
    except DataInvalid as error:
        return _again(step, agent, stand, f"{str(error).rstrip('.')}, and nothing but JSON is read")
    problems = await misfits_of(step, agent.output_schema, value, "the answer")
    if problems:
        return _again(step, agent, stand, f"it does not fit its schema: {'; '.join(problems)}")
    return Done(value)


def _bare(text: str) -> str:
    """JSON without the fence that models like to put around it."""
    fenced = _FENCED.fullmatch(text)
    return fenced[1] if fenced else text


def _again(step: StepContext, agent: Agent, stand: Stand, problem: str) -> RawMessage:
    if stand.repair() > agent.output_retries:
        message = for_people(f"step {step.path!r}: the agent's answer cannot be used: {problem}.")
        raise StepFailure(ErrorInfo(type=OutputInvalid.code, message=message))
    said = f"Your answer cannot be used: {problem}. Answer again."
    return ChatMessage(role="user", content=said).as_raw()
