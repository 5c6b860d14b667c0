"""What a model is shown of a conversation that has become long; the conversation itself stays whole."""

from __future__ import annotations

from advanced_workflow.workflows.contract import ConversationView
from advanced_workflow.workflows.definition.kinds.react import Agent
from advanced_workflow.workflows.engine.agents.model_calls import SUMMARY, ModelCalls
from advanced_workflow.workflows.engine.agents.stand import Stand

_SUM_UP = (
    "Sum up what was said and done so far, for yourself: the task, what was found, what was changed, and what is still to be done. "
    "What is not in it you will not see again."
)


class Shortening:
    """Shows less of one agent's conversation where that is too long."""

    def __init__(self, agent: Agent, stand: Stand, models: ModelCalls) -> None:
        """Nothing is left out before it has to be."""
        self._agent = agent
        self._stand = stand
        self._models = models

    def shown(self, ask: str) -> ConversationView:
        """What the next model call shows, with a last message of the user that is not part of the conversation."""
        stand = self._stand
        return ConversationView(skip=stand.skipped, summary=stand.summary, cleared=stand.cleared, ask=ask)

    async def shorten(self) -> None:
        """Leave out what the definition's `context` says, where the latest model call was as long as that."""
        context = self._agent.context
        if context is None or self._stand.context < context.max_tokens:
            return
        self._stand.context = 0
        if context.strategy == "summarise" and await self._summarise():
            return
        self._clear()

    def shorten_at_once(self) -> bool:
        """The model says that it is too long: leave out results of tools, the older ones first. False where none is left."""
        before = self._stand.cleared
        self._clear()
        if self._stand.cleared == before:
            self._stand.cleared = len(self._stand.messages)
        return self._stand.cleared > before

    def _clear(self) -> None:
        self._stand.cleared = max(self._stand.cleared, self._latest_answer())

    async def _summarise(self) -> bool:
        stand, upto = self._stand, self._latest_answer()
        if upto <= stand.skipped:
            return False
        answer = await self._models.ask(stand.turn, answer_only=True, view=self.shown(_SUM_UP), name=SUMMARY)
        stand.spend(answer)
        text: str = answer.message.get("content", "")
        if text.strip():
            stand.sum_up(upto, text)
        return bool(text.strip())

    def _latest_answer(self) -> int:
        """Where the latest turn begins, which is shown whole."""
        messages = self._stand.messages
        return next((number for number in reversed(range(len(messages))) if messages[number]["role"] == "assistant"), 0)
