"""The loop of an agent: ask the model, make the calls that it asks for, until it gives an answer that can be used."""

from __future__ import annotations

from advanced_workflow.workflows.contract import ModelAnswer, ModelFailure, ToolCall
from advanced_workflow.workflows.contract.paths import copy_key
from advanced_workflow.workflows.definition.kinds.react import Agent
from advanced_workflow.workflows.engine.actions.calls import forget_attempts
from advanced_workflow.workflows.engine.agents.admission import Admission
from advanced_workflow.workflows.engine.agents.answers import judged
from advanced_workflow.workflows.engine.agents.conversation import Conversation, head_of
from advanced_workflow.workflows.engine.agents.limits import TOOL_CALLS, limit_failure, limit_reached
from advanced_workflow.workflows.engine.agents.model_calls import ModelCalls
from advanced_workflow.workflows.engine.agents.shortening import Shortening
from advanced_workflow.workflows.engine.agents.stand import Results, Stand, calls_of
from advanced_workflow.workflows.engine.agents.tool_calls import ToolCalls
from advanced_workflow.workflows.engine.state.frames import Frame
from advanced_workflow.workflows.engine.step.context import Done, StepContext
from advanced_workflow.workflows.engine.step.failures import StepFailure
from advanced_workflow.workflows.engine.step.starting import require_wanted
from advanced_workflow.workflows.engine.undo.undo_log import UndoLog

_ANSWER_NOW = "Give your final answer now, from what you know; you cannot call tools any more."


class AgentLoop:
    """One agent that runs. Its stand says where it is, so that it can continue in another history."""

    def __init__(self, step: StepContext, agent: Agent, stand: Stand, *, again: bool) -> None:
        """`again`: an operator runs the failed step again; it continues where it stood."""
        self._step = step
        self._agent = agent
        self._stand = stand
        self._again = again
        self._talk = Conversation(head_of(step.run, step.plan, stand), stand)
        self._models = ModelCalls(step, agent, self._talk)
        self._shortening = Shortening(agent, stand, self._models)
        self._passes = step.frame.undo.passes(step.key)
        self._latest: Frame | None = None

    async def run(self) -> Done:
        """Run until there is an answer. Raises `StepFailure`."""
        run = self._step.run
        while True:
            await run.budget.breathe()
            await run.state.thinking.pause()
            last = self._talk.messages[-1]
            if last["role"] != "assistant":
                await self._ask()
            elif calls := calls_of(last):
                await self._call(calls)
            else:
                done = await judged(self._step, self._agent, self._stand)
                if isinstance(done, Done):
                    return done
                self._talk.add(done)

    def end(self) -> None:
        """The agent is over; what is shown of its calls goes with the pass around it."""
        if self._latest is not None:
            self._step.run.state.end_pass(self._latest, self._step.frame, keep=True)

    async def _ask(self) -> None:
        stand = self._stand
        limit = stand.last or limit_reached(self._agent, stand)
        if limit:
            self._require_last(limit)
            stand.last = limit
        await self._shortening.shorten()
        answer = await self._answer(_ANSWER_NOW if limit else "")
        stand.take(answer)
        self._talk.add(answer.message)

    async def _answer(self, ask: str) -> ModelAnswer:
        """Ask the model; once more with less where that is too long for it."""
        turn = self._stand.turn
        try:
            return await self._models.ask(turn, answer_only=bool(ask), view=self._shortening.shown(ask))
        except StepFailure as failure:
            too_long = failure.error.type == ModelFailure.CONTEXT_TOO_LONG.value
            if not (too_long and self._shortening.shorten_at_once()):
                raise
        forget_attempts(self._step)
        return await self._models.ask(turn, answer_only=bool(ask), view=self._shortening.shown(ask))

    def _require_last(self, limit: str) -> None:
        """Raise where the agent may not even be asked for its answer a last time."""
        if self._agent.on_limit == "fail" or self._stand.last_asked:
            raise limit_failure(self._step.path, self._agent, self._stand, limit)

    async def _call(self, calls: list[ToolCall]) -> None:
        step, stand = self._step, self._stand
        require_wanted(step)  # The model may have answered although the agent is being cancelled.
        results, turn = stand.results, stand.turn - 1
        if results is None:
            results = stand.open_calls(self._admitted(calls))
        key = copy_key(turn)
        if self._again:
            self._passes.take_back({key})
            self._again = False
        frame = self._frame(turn)
        try:
            messages = await ToolCalls(step, self._agent, calls, frame, stand).run(results)
        finally:
            step.run.saga.end_pass(self._passes, key)
        stand.close_calls()
        self._talk.add(*messages)

    def _admitted(self, calls: list[ToolCall]) -> Results:
        """Look at calls before any of them is made; gives the messages for those that are not.

        Raises `StepFailure` where a limit is reached: what the calls would do could not be made use of.
        """
        agent, stand = self._agent, self._stand
        limit = stand.last if stand.last_asked else limit_reached(agent, stand)
        if limit:
            self._require_last(limit)
        admission = Admission(agent, self._step.plan.tools, stand)
        for number, call in enumerate(calls):
            admission.look(number, call)
        if admission.is_over:
            self._require_last(TOOL_CALLS)
            stand.last = TOOL_CALLS
        admission.count()
        return admission.refusals

    def _frame(self, turn: int) -> Frame:
        """The pass of a turn; what is shown of the turn before it goes."""
        step, state = self._step, self._step.run.state
        previous, self._latest = self._latest, self._pass(turn)
        if previous is None and turn:  # It was made in another history.
            previous = self._pass(turn - 1, log=step.frame.undo)
            state.adopt(previous)
        state.adopt(self._latest)
        if previous is not None:
            state.end_pass(previous, step.frame, keep=False)
        return self._latest

    def _pass(self, turn: int, log: UndoLog | None = None) -> Frame:
        key = copy_key(turn)
        undo = log if log is not None else self._passes.begin(key)
        return self._step.frame.repeated(self._step.plan.step_id, f"{self._step.key}{key}", undo, {})
