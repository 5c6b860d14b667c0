"""The tables of agents beside peers, and what they say of the goals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from tests.benchmarks.agents.environments import BY_HAND, ENGINE, ENGINE_LOCAL, PLUGIN, Contender
from tests.benchmarks.agents.measuring import Measured, Plan, Taken
from tests.benchmarks.agents.talk import Task
from tests.benchmarks.table import line, machine

LEGEND = (
    "Events and bytes are those of the whole run, its beginning and its end included, for each turn: a call of the model and one of a tool. "
    "Time and replay CPU: this side / by hand, the median of the rounds measured in turn (least to greatest)."
)
KB = 1000


@dataclass(frozen=True)
class Goal:
    """A bound, and the figure that it is for."""

    what: str
    most: float
    figure: float

    def __str__(self) -> str:
        held = "held" if self.figure <= self.most else "MISSED"
        return f"{held}: {self.what} <= {self.most:g}: {self.figure:.2f}"


def tables(measured: Measured, plan: Plan) -> Iterator[str]:
    """The lines of one table for each size of results."""
    for size in dict.fromkeys(task.size for task in plan.tasks):
        tasks = [task for task in plan.tasks if task.size == size]
        heads = [f"{what} at {task.turns} turns" for what in ("events", "KB", "time", "replay CPU") for task in tasks]
        yield f"\nResults of {size:,} characters\n"
        yield line(["side", *heads])
        yield f"|{'---|' * (len(heads) + 1)}"
        for one in plan.contenders:
            yield line([one.name, *_cells(measured, one, tasks)])
    yield f"\n{LEGEND} {machine()}"
    yield from (f"{name}: {versions}." for name, versions in measured.versions.items())


def _cells(measured: Measured, one: Contender, tasks: Sequence[Task]) -> list[str]:
    found = [(task, measured.of(one, task), measured.of(BY_HAND, task)) for task in tasks]
    return [
        *(f"{taken.events / task.turns:.1f}" for task, taken, _ in found),
        *(f"{taken.bytes / task.turns / KB:.1f}" for task, taken, _ in found),
        *(_ratio(taken.seconds, by_hand.seconds) for _, taken, by_hand in found),
        *(_ratio(taken.replay_cpu_seconds, by_hand.replay_cpu_seconds) for _, taken, by_hand in found),
    ]


def _ratio(these: Sequence[float], those: Sequence[float]) -> str:
    values = ratios(these, those)
    return f"{median(values):.2f} ({min(values):.2f}-{max(values):.2f})"


def ratios(these: Sequence[float], those: Sequence[float]) -> list[float]:
    """Round by round."""
    return [one / other for one, other in zip(these, those, strict=True)]


def goals(measured: Measured, plan: Plan) -> Iterator[Goal]:
    """What the engine's agents are held to, as far as it was measured."""
    small, large = min(task.size for task in plan.tasks), max(task.size for task in plan.tasks)
    for task in plan.tasks:
        yield from _of_task(measured, task, most_kb=11 if task.size == large > small else 4)
    by_turns = sorted((task for task in plan.tasks if task.size == small), key=lambda one: one.turns)
    if len(by_turns) > 1:
        fewer, most = (_bytes(measured.of(ENGINE, task), task) for task in by_turns[-2:])
        yield Goal(f"bytes a turn, {by_turns[-1].turns} turns / {by_turns[-2].turns} turns", 1.05, most / fewer)


def _of_task(measured: Measured, task: Task, *, most_kb: float) -> Iterator[Goal]:
    at = f"at {task.turns} turns of {task.size:,} characters"
    regular, local, by_hand, plugin = (measured.of(one, task) for one in (ENGINE, ENGINE_LOCAL, BY_HAND, PLUGIN))
    yield Goal(f"events a turn {at}", 13, regular.events / task.turns)
    yield Goal(f"KB a turn {at}", most_kb, _bytes(regular, task) / KB)
    replayed = regular.replay_cpu_seconds
    yield Goal(f"replay CPU, regular / by hand, {at}", 1.1, median(ratios(replayed, by_hand.replay_cpu_seconds)))
    yield Goal(f"replay CPU, regular / plugin, {at}", 0.65, median(ratios(replayed, plugin.replay_cpu_seconds)))
    yield Goal(f"events a turn with local tools {at}", 8, local.events / task.turns)
    yield Goal(f"time, local tools / regular ones, {at}", 0.7, median(ratios(local.seconds, regular.seconds)))


def _bytes(taken: Taken, task: Task) -> float:
    return taken.bytes / task.turns
