"""`react`: an agent."""

from __future__ import annotations

from advanced_workflow.workflows.contract import ChatMessage, Json
from advanced_workflow.workflows.definition.model.step_type import StepStatus
from advanced_workflow.workflows.engine.actions.armed_call import arm, settled_as_a_whole
from advanced_workflow.workflows.engine.actions.mapped_input import mapped_input
from advanced_workflow.workflows.engine.agents.loop import AgentLoop
from advanced_workflow.workflows.engine.agents.stand import Stand
from advanced_workflow.workflows.engine.containers.tolerated import run_undone_as_new
from advanced_workflow.workflows.engine.step.context import Done, StepContext
from advanced_workflow.workflows.plain.interpolation import interpolated
from advanced_workflow.workflows.plain.strict_json import encode

_NO_INPUT = "Begin."


async def run_react(step: StepContext) -> Done:
    """Ask the model and make the calls that it asks for until it gives its answer, which is the output.

    An operator who runs it again has it continue where it stood, with all of its limits once more.
    """
    agent = step.plan.step.agent
    if agent is None:
        raise AssertionError(f"step {step.path!r} has no 'agent'")
    is_new = step.record.status is StepStatus.PENDING
    if is_new:
        run_undone_as_new(step)
    stand = Stand(step.record)
    again = is_new and stand.has_begun
    if again:
        stand.allow_again()
    if not stand.has_begun:
        await _begin(step, stand)
    step.begin()
    loop = AgentLoop(step, agent, stand, again=again)
    try:
        return await settled_as_a_whole(step, loop.run(), lambda: stand.has_called)
    finally:
        loop.end()


async def _begin(step: StepContext, stand: Stand) -> None:
    """Build what the model is told first; from then on it stays the same."""
    with step.reading("input_mapping"):
        value = await mapped_input(step)
    agent = step.plan.step.agent
    with step.reading("agent.instructions"):
        scope = step.scope()
        values = [_text(one.evaluate(scope)) for one in step.plan.instructions]
        instructions = interpolated(agent.instructions if agent else "", values)
    with step.reading("agent.prompt"):
        prompt = _text(step.plan.prompt.evaluate(step.scope())) if step.plan.prompt is not None else _text(value)
    first = ChatMessage(role="user", content=prompt or _NO_INPUT).as_raw()
    stand.begin(instructions, first, step.run.state.turns.pop(step.path, 0))
    arm(step, step.path, step.frame.undo, step.key, value)


def _text(value: Json) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else encode(value, "what the model is told").decode()
