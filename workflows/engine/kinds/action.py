"""`sequential` and `worker`: one action as one activity; so are the calls of tools of MCP servers."""

from __future__ import annotations

from advanced_workflow.workflows.contract import MCP_ACTIVITY
from advanced_workflow.workflows.definition.kinds.react import Tool
from advanced_workflow.workflows.engine.actions.armed_call import ArmedCall, Sent
from advanced_workflow.workflows.engine.step.context import Done, StepContext


async def run_action(step: StepContext) -> Done:
    """Call the action, or the tool of the MCP server, and give its result."""
    tool = step.plan.tool
    if tool is not None and tool.mcp is not None:
        call = ArmedCall(step, MCP_ACTIVITY, step.path, step.frame.undo, step.key, sent=_sent(tool))
        return Done(await call.run())
    return Done(await ArmedCall(step, step.plan.step.action or "", step.path, step.frame.undo, step.key).run())


def _sent(tool: Tool) -> Sent:
    called = {"server": tool.mcp, "tool": tool.tool}
    return Sent(lambda arguments: {**called, "arguments": arguments}, f"{MCP_ACTIVITY} of {tool.mcp}")
