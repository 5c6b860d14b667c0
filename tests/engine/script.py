"""What each step of a random definition does when it runs, by its path: data that actions, expressions and the reference model share.

What runs in a child has the path of the step that started it before its own: `copies[0].child>inner`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

NUMBERS = 3
"""Rounds and copies differ in what their steps do: by their number, and again from the fourth on."""
_NUMBER = re.compile(r"[#\[](\d+)")
_ROOT = re.compile(r"[.#\[!>]")
_BETWEEN = str.maketrans("!>", "..")
_UNDOING = re.compile(r"-rollback(-rest)?-[0-9a-f-]{12}(~\d+)?$")
_AGAIN = re.compile(r"(~u\d+)?(~\d+)?$")

Outcome = str | int
FAILING = ("fails", "times_out", "doubtful")


@dataclass(frozen=True)
class Rounds:
    """How often a loop repeats."""

    count: int
    until: str | None = None
    """It ends sooner, after a round in which this step failed."""


@dataclass(frozen=True)
class Script:
    """Outcomes of an action, by attempt: `ok`, `fails` (no effect), `times_out` (effect unknown), `flaky` (fails, then ok), `recovers`
    (times out, then ok), `doubtful` (times out, then fails), `stays` (lasts longer, and is ok although it is cancelled). A conditional
    step has the index of the route that holds, `none`, or `fails`. Any step but a conditional one may be `false`: its condition does
    not hold.
    """

    outcomes: Mapping[str, tuple[Outcome, ...]]
    """By step id, for each number of the round or copy that it is in; those of a loop's own action by `ID#`."""
    rounds: Mapping[str, Rounds] = field(default_factory=dict[str, Rounds])
    items: Mapping[str, int] = field(default_factory=dict[str, int])
    """How many copies a step with `for_each` has."""
    heals: frozenset[str] = frozenset()
    """Steps that fail until an operator runs their outermost step again."""
    undo_fails: frozenset[str] = frozenset()
    undo_flaky: frozenset[str] = frozenset()
    """Steps whose undo fails at first, and is tried again."""
    acts: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """What an operator does each time an outermost step holds the run: `retry`, `skip` or `cancel`; at last `skip`."""
    has_operator: bool = False

    def at(self, path: str, era: int = 0) -> Outcome:
        """What a step does at a path, once an operator has run it (or what is around it) again so often."""
        prefix, _, name = path.translate(_BETWEEN).rpartition(".")
        step_id, hash_, number = name.partition("#")
        numbers = _NUMBER.findall(f"#{number}" if hash_ else prefix)
        outcomes = self.outcomes.get(step_id + hash_, ("ok",))
        outcome = outcomes[int(numbers[-1] if numbers else 0) % len(outcomes)]
        return "ok" if era and step_id in self.heals and outcome in FAILING else outcome

    def act(self, step_id: str, era: int) -> str:
        """What an operator does the next time that the step holds the run."""
        acts = self.acts.get(step_id, ())
        return acts[era] if era < len(acts) else "skip"


def place_of(run: str) -> tuple[str, str]:
    """The run that began it all, by the id of itself, of a child, or of what undoes a child; and what comes before the paths of its steps."""
    root, *parts = _UNDOING.sub("", run).split("/")
    return root, "".join(f"{_AGAIN.sub('', part)}>" for part in parts)


def root_of(path: str) -> str:
    """The outermost step of a path."""
    return _ROOT.split(path, maxsplit=1)[0]


def step_id_of(path: str) -> str:
    """The step's own id."""
    return path.translate(_BETWEEN).rsplit(".", 1)[-1].partition("#")[0]


def is_repeated(path: str) -> bool:
    """Whether there may be several of the step."""
    return bool(_NUMBER.search(path))
