"""A naive model of one agent, written from the rules alone: it shares no code with the engine and imports none of it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.engine.agent_cases import ATTEMPTS, PROSE, UNDONE, AgentCase, Answer, Call

Message = tuple[str, str]
"""Whose it is, and its text; of the result of a call its error, or `ok`."""


@dataclass
class Fate:
    """How an agent ends."""

    error: str = ""
    """Empty where it completes."""
    limit: str = ""
    attempts: dict[str, int] = field(default_factory=dict[str, int])
    """Path of a call of a tool, below the agent -> how often the action is tried; without those that hang, which a worker may not come to."""
    effects: set[str] = field(default_factory=set[str])
    """Those that have an effect, or may have one, and can be undone."""
    messages: list[Message] = field(default_factory=list[Message])
    asked: list[Message] = field(default_factory=list[Message])
    """The conversation when the model answered last."""
    turns: int = 0
    tokens: int = 0
    calls: int = 0


class Ended(Exception):
    """The agent is over: with an error, or without."""


class Reference:
    """Plays one agent."""

    def __init__(self, case: AgentCase) -> None:
        self.case, self.agent = case, case.agent
        self.fate = Fate(messages=[("user", "Go")])
        self.used: Counter[str] = Counter()
        self.repairs = 0
        self.limit, self.was_asked_last, self.error_before = "", False, False

    def play(self) -> Fate:
        try:
            while True:
                self.turn()
        except Ended as end:
            self.fate.error = str(end)
        return self.fate

    def turn(self) -> None:
        self.limit = self.limit or self.reached()
        self.require_more()
        answer = self.case.answer(self.fate.turns + 1, error=self.error_before, answer_only=bool(self.limit))
        self.ask(answer)
        calls = () if self.limit or answer.finish else answer.calls
        self.fate.messages.append(("assistant", answer.text))
        if calls:
            self.call(calls)
        else:
            self.judge(answer)

    def ask(self, answer: Answer) -> None:
        if answer.fails in ("always", "final") and "fallback_models" not in self.agent:
            raise Ended("ModelUnavailable" if answer.fails == "always" else "ModelAccessDenied")
        self.fate.asked = list(self.fate.messages)
        self.fate.turns += 1
        self.fate.tokens += answer.tokens
        self.was_asked_last = bool(self.limit)

    def reached(self) -> str:
        spent = {"max_turns": self.fate.turns, "max_tokens": self.fate.tokens, "max_cost": self.fate.tokens}
        most = {"max_turns": 10, **self.agent}
        return next((name for name, one in spent.items() if name in most and one >= most[name]), "")

    def require_more(self) -> None:
        """End where a limit is reached and there is no last answer to ask for."""
        if self.limit and (self.agent.get("on_limit", "fail") == "fail" or self.was_asked_last):
            self.fate.limit = self.limit
            raise Ended("AgentLimitExceeded")

    def judge(self, answer: Answer) -> None:
        if answer.finish == "content_filter":
            raise Ended("AnswerWithheld")
        fits = bool(answer.text.strip()) if "output_schema" not in self.agent else '{"n": 1}' in answer.text
        if fits and answer.finish != "length":
            raise Ended
        self.repairs += 1
        if self.repairs > self.agent["output_retries"]:
            raise Ended("OutputInvalid")
        problem = "cut" if answer.finish == "length" else "empty" if "output_schema" not in self.agent else ""
        problem = problem or ("not valid JSON" if answer.text in ("", PROSE) else "does not fit")
        self.fate.messages.append(("user", problem))
        self.error_before = False

    def call(self, calls: tuple[Call, ...]) -> None:
        before = self.limit or self.reached()
        if before:
            self.limit = before
            self.require_more()
            self.limit = ""
        refused = dict(self.refusals(calls))
        failed: list[str] = []
        for number, call in enumerate(calls):
            error = refused.get(number) or self.make(call, f"[{self.fate.turns - 1}].{call.tool}#{number}")
            self.fate.messages.append(("tool", error or "ok"))
            self.error_before = bool(error)
            if error and number not in refused and error not in ("InputInvalid", "ApprovalRejected"):
                failed.append(error)
        if failed and self.agent.get("tool_errors") == "fail":
            raise Ended("|".join(failed))

    def refusals(self, calls: tuple[Call, ...]) -> Iterator[tuple[int, str]]:
        admitted: Counter[str] = Counter()
        left = self.agent.get("max_tool_calls", 1000) - self.fate.calls
        over = False
        for number, call in enumerate(calls):
            if call.tool == "nope":
                yield number, "UnknownTool"
            elif call.does == "cut":
                yield number, "InputInvalid"
            elif call.tool == "few" and self.used["few"] + admitted["few"] >= 2:
                yield number, "AgentLimitExceeded"
            elif admitted.total() >= left:
                over = True
                yield number, "AgentLimitExceeded"
            else:
                admitted[call.tool] += 1
        if over:
            self.limit = "max_tool_calls"
            self.require_more()
        self.used += admitted
        self.fate.calls += admitted.total()

    def make(self, call: Call, path: str) -> str:
        """Make a call; gives the error."""
        if call.does == "misfit":
            return "InputInvalid"
        if call.tool == "late" or call.does == "no":
            return "ApprovalRejected"
        if call.does != "hangs":
            self.fate.attempts[path] = ATTEMPTS if call.does in ("flaky", "broken") else 1
        error = {"fails": "Broken", "broken": "Broken", "hangs": "Timeout"}.get(call.does, "")
        if call.tool in UNDONE and error != "Broken":
            self.fate.effects.add(path)
        return error


def read_result(content: str, *, error: bool) -> str:
    """A result of a call as the reference says it."""
    return str(json.loads(content)["error"]) if error else "ok"
