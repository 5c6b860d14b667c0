"""The table of agents beside peers, and what they say of the goals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from tests.benchmarks.agents.environments import BY_HAND, ENGINE, ENGINE_LOCAL, PLUGIN, Contender
from tests.benchmarks.agents.measuring import Measured, Plan, Taken
from tests.benchmarks.agents.talk import Task
from tests.benchmarks.table import line, machine

LEGEND = (
    "A turn is a call of the model and one of a tool; events and bytes are those of the whole run, its beginning and its end included. "
    "Time and replay CPU: this side / by hand, the median of {rounds} rounds measured in turn (least to greatest)."
)
KB = 1000
FEWEST_TURNS = 20


@dataclass(frozen=True)
class Goal:
    """A bound, and the figure that it is for."""

    what: str
    most: float
    figure: float

    def __str__(self) -> str:
        held = "held" if self.figure <= self.most else "MISSED"
        return f"{held}: {self.what} <= {self.most:g}: {self.figure:.2f}"


def table(measured: Measured, plan: Plan) -> Iterator[str]:
    """The lines of the README's table: a line for each side."""
    [large] = [task for task in plan.tasks if task.size != plan.tasks[0].size]
    tasks = [task for task in plan.tasks if task != large]
    turns = ", ".join(str(task.turns) for task in tasks)
    heads = [
        *("side", f"events a turn, at {turns} turns", f"KB a turn, at {turns} turns"),
        f"KB a turn, at {large.turns} turns, results of {large.size:,} characters",
        *(f"{what}, at {turns} turns" for what in ("time", "replay CPU")),
    ]
    yield line(heads)
    yield f"|{'---|' * len(heads)}"
    for one in plan.contenders:
        yield line([one.name, *_cells(measured, one, tasks, large)])
    yield f"\n{LEGEND.format(rounds=plan.rounds)} {machine()}"
    yield from (f"{name}: {versions}." for name, versions in measured.versions.items())


def _cells(measured: Measured, one: Contender, tasks: Sequence[Task], large: Task) -> Iterator[str]:
    found = [(task, measured.of(one, task), measured.of(BY_HAND, task)) for task in tasks]
    yield ", ".join(f"{taken.events / task.turns:.1f}" for task, taken, _ in found)
    yield ", ".join(f"{_kb(taken, task):.1f}" for task, taken, _ in found)
    yield f"{_kb(measured.of(one, large), large):.1f}"
    yield ", ".join(_ratio(taken.seconds, by_hand.seconds) for _, taken, by_hand in found)
    yield ", ".join(_ratio(taken.replay_cpu_seconds, by_hand.replay_cpu_seconds) for _, taken, by_hand in found)


def _ratio(these: Sequence[float], those: Sequence[float]) -> str:
    if these is those:
        return "1"
    values = ratios(these, those)
    return f"{median(values):.2f} ({min(values):.2f}-{max(values):.2f})"


def ratios(these: Sequence[float], those: Sequence[float]) -> list[float]:
    """Round by round."""
    return [one / other for one, other in zip(these, those, strict=True)]


def goals(measured: Measured, plan: Plan) -> Iterator[Goal]:
    """What the engine's agents are held to, as far as it was measured.

    In runs of few turns their beginning and end weigh more than what is bounded here: a loop by hand has 14 events a turn at 5 turns.
    """
    tasks = [task for task in plan.tasks if task.turns >= FEWEST_TURNS]
    small = min(task.size for task in tasks)
    for task in tasks:
        yield from _of_task(measured, task, most_kb=4 if task.size == small else 11)
    by_turns = [(task.turns, _kb(measured.of(ENGINE, task), task)) for task in tasks if task.size == small]
    for (fewer, their_kb), (more, kb) in pairwise(by_turns):
        yield Goal(f"KB a turn, {more} turns / {fewer} turns", 1.05, kb / their_kb)


def _of_task(measured: Measured, task: Task, *, most_kb: float) -> Iterator[Goal]:
    at = f"at {task.turns} turns, results of {task.size:,} characters"
    regular, local, by_hand, plugin = (measured.of(one, task) for one in (ENGINE, ENGINE_LOCAL, BY_HAND, PLUGIN))
    yield Goal(f"events a turn {at}", 13, regular.events / task.turns)
    yield Goal(f"KB a turn {at}", most_kb, _kb(regular, task))
    replayed = regular.replay_cpu_seconds
    yield Goal(f"replay CPU, `react` / by hand, {at}", 1.1, median(ratios(replayed, by_hand.replay_cpu_seconds)))
    yield Goal(f"replay CPU, `react` / plugin, {at}", 0.65, median(ratios(replayed, plugin.replay_cpu_seconds)))
    yield Goal(f"events a turn with local tools {at}", 8, local.events / task.turns)
    yield Goal(f"time, local tools / regular ones, {at}", 0.7, median(ratios(local.seconds, regular.seconds)))


def _kb(taken: Taken, task: Task) -> float:
    return taken.bytes / task.turns / KB
