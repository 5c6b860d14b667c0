"""Random agents: a definition, and what their model says in each turn; what a tool does stands in the arguments the model gives it."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

from advanced_workflow.activities.agents.pieces import Asked
from advanced_workflow.activities.agents.scripts import Line, ScriptedCall, ScriptedFailure
from advanced_workflow.workflows.contract import ModelFailure

SCHEMA = {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}
GOOD, BAD, PROSE = '{"n": 1}', '{"n": "one"}', "it was me"
TURNS = 5
"""After so many the model says the same as in the last."""
UNDONE = ("put", "few", "stuck", "gate", "late", "early")
"""Tools whose calls can be undone."""
ATTEMPTS = 2


@dataclass(frozen=True)
class Call:
    """A call that the model asks for."""

    tool: str
    does: str
    """`ok`, `fails` (for good), `flaky` (once), `broken` (in each attempt), `hangs`; of asked ones also `yes`, `no`, `free`. `misfit`: arguments that
    do not fit the tool's schema; `cut`: that are no JSON. What `hangs` has a short time limit, and nothing else: a slow machine changes nothing."""

    @property
    def line(self) -> ScriptedCall:
        """As the script has it."""
        arguments: dict[str, Any] = {"dose": "1"} if self.does == "misfit" else {"does": f"'{self.does}'"}
        return ScriptedCall(name=self.tool, arguments=arguments, text='{"does": "o' if self.does == "cut" else None)


@dataclass(frozen=True)
class Answer:
    """What a model says."""

    text: str = ""
    calls: tuple[Call, ...] = ()
    finish: str | None = None
    fails: str = ""
    """`once`, `always` or `final`: the agent's first model. Those after it answer."""
    tokens: int = 10

    def line(self, *, is_first: bool) -> Line:
        """As the script has it."""
        kind = ModelFailure.ACCESS_DENIED if self.fails == "final" else ModelFailure.UNAVAILABLE
        failure = ScriptedFailure(type=kind, attempts=1 if self.fails == "once" else None)
        return Line(
            say=self.text,
            calls=tuple(one.line for one in self.calls),
            finish_reason=self.finish,
            fail=failure if self.fails and is_first else None,
            input_tokens=self.tokens,
            output_tokens=0,
        )


@dataclass(frozen=True)
class AgentCase:
    """One agent."""

    name: str
    agent: dict[str, Any]
    usual: tuple[Answer, ...]
    after_error: tuple[Answer, ...]
    """Where the message before says an error."""
    last: Answer
    """Where it is asked for its answer a last time."""

    def answer(self, turn: int, *, error: bool, answer_only: bool) -> Answer:
        """What the model says in a turn, from 1."""
        if answer_only:
            return self.last
        answers = self.after_error if error else self.usual
        return answers[min(turn, len(answers)) - 1]

    @property
    def step(self) -> dict[str, Any]:
        """The step."""
        retries = {"max_attempts": ATTEMPTS, "delay": 0.02}
        return {"step_id": self.name, "step_type": "react", "agent": self.agent, "retry_policy": retries}

    def says(self, asked: Asked, *, is_first: bool) -> Line:
        """The script."""
        before = asked.messages[-2 if asked.answer_only else -1]
        answer = self.answer(asked.turn, error=before.error, answer_only=asked.answer_only)
        return answer.line(is_first=is_first)


def tool(name: str, **more: Any) -> dict[str, Any]:
    """A tool of random agents."""
    policy = {"max_attempts": ATTEMPTS, "delay": 0.02}
    undo = {"rollback_actions": ["undo"]} if name in UNDONE else {}
    return {"action": "do", "name": name, "retry_policy": policy, **undo, **more}


_PLAIN = ("put", "read", "few")
TOOLS = (
    tool("put"),
    tool("read"),
    tool("few", max_calls=2),
    tool("stuck", timeout=1, retry_policy={"max_attempts": 1}),
    tool("gate", approve="call.does != 'free'"),
    tool("late", approve=True, approval={"deadline": 0.05, "on_timeout": "reject"}),
    tool("early", approve=True, approval={"deadline": 0.05, "on_timeout": "approve"}),
)


def tools(random: Random) -> list[dict[str, Any]]:
    """The tools of an agent; plain ones run most often inside of the run's worker, which costs less."""
    is_local = random.random() < 0.7
    return [{**one, "execution": "local"} if is_local and one["name"] in _PLAIN else one for one in TOOLS]


def agent_case(seed: int, *, people: bool) -> AgentCase:
    """The agent of a seed; with `people`, somebody answers what its calls ask."""
    random = Random(seed)
    name = f"a{seed}"
    agent: dict[str, Any] = {
        "model": f"scripted:{name}.0",
        "tools": tools(random),
        "prompt": "'Go'",
    }
    if random.random() < 0.4:
        agent["fallback_models"] = [f"scripted:{name}.1"]
    for field, most in (("max_turns", 7), ("max_tool_calls", 7)):
        if random.random() < 0.4:
            agent[field] = random.randint(1, most)
    optional: dict[str, tuple[float, Any]] = {
        "max_tokens": (0.25, random.randint(5, 80)),
        "max_cost": (0.25, float(random.randint(5, 80))),
        "on_limit": (0.5, "answer"),
        "output_schema": (0.5, SCHEMA),
        "output_retries": (1, random.randint(0, 2)),
        "tool_errors": (0.2, "fail"),
    }
    agent |= {field: value for field, (share, value) in optional.items() if random.random() < share}
    agent["parallel_tool_calls"] = random.random() < 0.7
    failing = 2 if random.random() < 0.3 else 0
    usual = answers(random, failing, people=people)
    return AgentCase(name, agent, usual, answers(random, 0, people=people), answer(random, final=True, people=people))


def answers(random: Random, failing: int, *, people: bool) -> tuple[Answer, ...]:
    """What is said in the turns; fewer calls than trouble a model's breaker fail."""
    length = random.randint(1, TURNS)
    found = [answer(random, final=number == length - 1, people=people) for number in range(length)]
    for number in random.sample(range(length), min(failing, length)):
        fails = random.choice(["once", "once", "always", "final"])
        found[number] = Answer(
            found[number].text, found[number].calls, found[number].finish, fails, found[number].tokens
        )
    return tuple(found)


def answer(random: Random, *, final: bool, people: bool) -> Answer:
    """One answer: in the end most often text, before that most often calls."""
    text = random.choice([GOOD] * 6 + [BAD, PROSE, "", f"```json\n{GOOD}\n```"])
    finish = random.choice([None] * 16 + ["length", "content_filter"])
    tokens = random.randint(1, 20)
    if random.random() < (0.9 if final else 0.12):
        return Answer(text, finish=finish, tokens=tokens)
    calls = tuple(call(random, people=people) for _ in range(random.choice([1, 1, 1, 2, 2, 3, 4])))
    return Answer("", calls, finish, tokens=tokens)


def call(random: Random, *, people: bool) -> Call:
    """One call."""
    asked = ["gate"] * 2 + ["late", "early"] if people else ["early"]
    name = random.choice(["put"] * 8 + ["read"] * 4 + ["few"] * 4 + asked + ["nope", "stuck"])
    if name == "stuck":
        return Call(name, "hangs") if random.random() < 0.5 else Call("put", "ok")
    if random.random() < 0.06:
        return Call(name, random.choice(["misfit", "cut"]))
    if name == "gate":
        return Call(name, random.choice(["yes", "yes", "no", "free"]))
    return Call(name, random.choice(["ok"] * 8 + ["fails", "flaky", "broken"]))
