"""Rounds of loops and copies of fan-outs: numbered, under headings, and of very many only those that matter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from advanced_workflow.client.render.rows import StepRow
from advanced_workflow.client.watch import Snapshot
from advanced_workflow.workflows.contract import FAILED_COPIES, StepState
from advanced_workflow.workflows.contract.paths import StepPath, copy_key
from advanced_workflow.workflows.definition.model.step_type import StepStatus, StepType

MOST_SHOWN_WHOLE = 6
"""Rounds or copies of one step that are all shown; of more only those that failed or are under way."""
MOST_SHOWN = 20
"""Of those the first so many."""
_REPEATS = (StepType.PARALLEL, StepType.LOOP)
_ACTIVE = (StepStatus.RUNNING, StepStatus.RETRYING, StepStatus.WAITING)
_MATTERS = (*_ACTIVE, StepStatus.FAILED)


def grouped(rows: Sequence[StepRow], snapshot: Snapshot, *, everything: bool = False) -> list[StepRow]:
    """The rows with their rounds and copies under headings; with `everything` none is left out that the run still knows."""
    steps = {one.path: one for one in snapshot.state.steps} if snapshot.state else {}
    return _arranged(rows, steps, 0, everything=everything)


@dataclass(frozen=True, slots=True)
class _Pass:
    """One round or copy, with its rows."""

    container: StepState
    key: str
    """`[3]`, `#2`."""
    rows: Sequence[StepRow]
    status: StepStatus

    @property
    def noun(self) -> str:
        return "round" if self.key.startswith("#") else "copy"

    @property
    def number(self) -> int:
        """Counted from 1."""
        return int(self.key.strip("[]#")) + 1


def _arranged(
    rows: Sequence[StepRow], steps: Mapping[str, StepState], level: int, *, everything: bool
) -> list[StepRow]:
    """Rows of one pass: those of the passes inside of it come under headings."""
    arranged: list[StepRow] = []
    inside: dict[str, dict[str, list[StepRow]]] = {}
    for row in rows:
        found = _passes(row.path, steps)
        if len(found) <= level:
            arranged.append(replace(row, depth=row.depth + level))
            continue
        container, key = found[level]
        groups = inside.setdefault(container, {})
        if not groups:  # Where the first of them stands.
            arranged.append(_placeholder(container))
        groups.setdefault(key, []).append(row)
    for path, one in steps.items():  # All copies of a large fan-out may have been let go.
        if path not in inside and FAILED_COPIES in one.execution_data:
            place = next((n for n, row in enumerate(arranged) if row.path == path and not row.is_pass), None)
            if place is not None:
                inside[path] = {}
                arranged.insert(place + 1, _placeholder(path))
    return [
        shown
        for row in arranged
        for shown in (
            _block(steps[row.path], inside[row.path], steps, level, everything=everything) if row.is_pass else [row]
        )
    ]


def _placeholder(container: str) -> StepRow:
    return StepRow(container, 0, "", "", StepStatus.PENDING, is_pass=True)


def _passes(path: str, steps: Mapping[str, StepState]) -> list[tuple[str, str]]:
    """The loops and fan-outs around a step, the outermost first, each with its round or copy."""
    found: list[tuple[str, str]] = []
    for prefix in StepPath(path).passes:
        whole = prefix[:-1]
        container = whole[: max(whole.rfind("["), whole.rfind("#"))]
        if container in steps and steps[container].step_type in _REPEATS:
            found.append((container, whole[len(container) :]))
    return found


def _block(
    container: StepState,
    groups: Mapping[str, Sequence[StepRow]],
    steps: Mapping[str, StepState],
    level: int,
    *,
    everything: bool,
) -> Iterator[StepRow]:
    """The passes of one container."""
    passes = [
        _Pass(container, key, _arranged(rows, steps, level + 1, everything=everything), _status_of(rows, steps))
        for key, rows in groups.items()
    ]
    passes = sorted([*passes, *_let_go(container, groups, level)], key=lambda one: one.number)
    whole = everything or len(passes) <= MOST_SHOWN_WHOLE
    shown = passes if whole else [one for one in passes if one.status in _MATTERS][:MOST_SHOWN]
    for one in shown:
        yield from _pass_rows(one, level, whole=whole)
    yield from _rest(container, passes, shown, level)


def _let_go(container: StepState, groups: Mapping[str, Any], level: int) -> Iterator[_Pass]:
    """Copies that failed, and whose records the run has let go."""
    failed = cast("list[dict[str, Any]]", container.execution_data.get(FAILED_COPIES) or [])
    for one in failed:
        key = copy_key(one["index"])
        if key not in groups:
            path = StepPath(f"{container.path}{key}.{one['step_id']}")
            row = StepRow(
                path,
                path.depth + level + 1,
                one["step_id"],
                f"{key}.{one['step_id']}",
                StepStatus.FAILED,
                note=one["error"],
            )
            yield _Pass(container, key, [row], StepStatus.FAILED)


def _status_of(rows: Sequence[StepRow], steps: Mapping[str, StepState]) -> StepStatus:
    found = {one.status for one in rows if not (one.path in steps and steps[one.path].recovered)}
    for status in (*_ACTIVE, StepStatus.FAILED):
        if status in found:
            return status
    return StepStatus.PENDING if found == {StepStatus.PENDING} else StepStatus.COMPLETED


def _pass_rows(one: _Pass, level: int, *, whole: bool) -> Iterator[StepRow]:
    if len(one.rows) == 1:  # Its heading would say nothing more.
        yield replace(one.rows[0], depth=one.rows[0].depth - 1, shown=one.rows[0].step_id)
        return
    depth = StepPath(one.container.path).depth + level + 1
    label = f"{one.noun} {one.number:,}"
    yield StepRow(
        one.container.path + one.key, depth, label, one.key, one.status, note=label, is_pass=True, shown=one.key
    )
    yield from (row for row in one.rows if whole or row.status in _MATTERS or row.is_pass)


def _rest(container: StepState, passes: Sequence[_Pass], shown: Sequence[_Pass], level: int) -> Iterator[StepRow]:
    """How many more there are, by what became of them."""
    known = {status: sum(one.status is status for one in passes) for status in StepStatus}
    there = {status: sum(one.status is status for one in shown) for status in StepStatus}
    total = {**known, **_counted(container, known)}
    rest = {status: max(total[status] - there[status], 0) for status in StepStatus}
    number = sum(rest.values())
    if not number:
        return
    noun = "rounds" if container.step_type is StepType.LOOP else "copies"
    word = f"{number:,} {'more' if shown else noun}"
    names = {StepStatus.PENDING: "not begun"}
    note = ", ".join(f"{count:,} {names.get(status, status.value)}" for status, count in rest.items() if count)
    depth = StepPath(container.path).depth + level + 1
    yield StepRow(
        f"{container.path}…",
        depth,
        f"… {word}",
        "",
        StepStatus.COMPLETED,
        note=note,
        word=word,
        is_pass=True,
        shown="…",
    )


def _counted(container: StepState, known: Mapping[StepStatus, int]) -> dict[StepStatus, int]:
    """How many there are in all: the run counts them, and lets go of their records."""
    progress, rounds = container.execution_data.get("progress"), container.execution_data.get("iterations")
    if isinstance(progress, dict):
        counts = {name: cast("int", progress.get(name) or 0) for name in ("total", "completed", "failed", "running")}
        begun = counts["completed"] + counts["failed"] + counts["running"]
        return {
            StepStatus.COMPLETED: counts["completed"],
            StepStatus.FAILED: counts["failed"],
            StepStatus.PENDING: max(counts["total"] - begun, 0),
        }
    if isinstance(rounds, int):
        return {StepStatus.COMPLETED: max(rounds, known[StepStatus.COMPLETED])}
    return {}
