"""Which of the calls that a model asks for are made: tools that there are, arguments that could be read, and no more than allowed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from advanced_workflow.workflows.contract import ToolCall
from advanced_workflow.workflows.definition.kinds.react import Agent
from advanced_workflow.workflows.definition.problems.places import listed, nearest, shorten
from advanced_workflow.workflows.engine.agents.limits import TOOL_CALLS
from advanced_workflow.workflows.engine.agents.messages import refused
from advanced_workflow.workflows.engine.agents.stand import Results, Stand
from advanced_workflow.workflows.engine.graph.step_plan import StepPlan
from advanced_workflow.workflows.errors import AgentLimitExceeded, InputInvalid

UNKNOWN_TOOL = "UnknownTool"
"""Code of the answer to a call of a tool that there is not."""


class Admission:
    """Looks at the calls of one answer, one after the other."""

    def __init__(self, agent: Agent, tools: Mapping[str, StepPlan], stand: Stand) -> None:
        """Nothing is counted before `count`."""
        self.refusals: Results = {}
        """The messages for those that are not made, by number."""
        self.is_over = False
        """Whether there are more than the agent may make."""
        self._tools = tools
        self._stand = stand
        self._used: Counter[str] = Counter()
        most = agent.max_tool_calls
        self._left = None if most is None else most - int(stand.spent("calls"))

    def look(self, number: int, call: ToolCall) -> None:
        """Admit a call, or say why not."""
        code, why = self._objection(call)
        if code:
            self.refusals[str(number)] = refused(call, code, why)
        else:
            self._used[call.name] += 1

    def count(self) -> None:
        """The calls that were admitted are going to be made."""
        for name, count in self._used.items():
            self._stand.count_calls(name, count)

    def _objection(self, call: ToolCall) -> tuple[str, str]:
        plan = self._tools.get(call.name)
        if plan is None or plan.tool is None:
            known = list(self._tools)
            hint = nearest(call.name, known) or f"There are: {listed(known) or 'none'}."
            return UNKNOWN_TOOL, f"there is no tool {shorten(call.name)!r}. {hint}"
        if call.error:
            return InputInvalid.code, call.error
        most = plan.tool.max_calls
        if most is not None and self._stand.used(call.name) + self._used[call.name] >= most:
            return AgentLimitExceeded.code, f"{call.name!r} may be called {most} times, and was."
        if self._left is not None and self._used.total() >= self._left:
            self.is_over = True
            return AgentLimitExceeded.code, f"no more calls of tools may be made ({TOOL_CALLS!r})."
        return "", ""
