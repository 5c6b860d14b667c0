"""Laws on effects: each is kept or undone once, after all that came of it, and the report says what became of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.laws.order import PART, out_of_order
from tests.laws.stories import UNDO, Call, Definition, Known, Story, value_of


@dataclass
class Deeds:
    """What all histories of a run did under their keys, so far."""

    acted: dict[str, Call] = field(default_factory=dict[str, Call])
    """The latest call of each step, by its path."""
    often: set[str] = field(default_factory=set[str])
    """Paths that were called more than once."""
    open: set[str] = field(default_factory=set[str])
    """Undo actions, by their id, that have been called for the latest call of their step."""
    undone: set[str] = field(default_factory=set[str])
    """Those that completed for it."""
    ever: set[str] = field(default_factory=set[str])
    """Those that completed at any time, in the run itself."""


def broken_effects(told: list[Story]) -> Iterator[str]:
    """What is wrong with the effects of the runs of one test."""
    runs: dict[str, Deeds] = {}
    for story in told:
        if story.known.definition is None:
            continue
        deeds = runs.setdefault(story.known.execution_id, Deeds())
        yield from (f"{story.workflow_id}: {one}" for one in _broken(story, deeds))


def _broken(story: Story, deeds: Deeds) -> Iterator[str]:
    yield from _twice(story, deeds)
    yield from out_of_order(story)
    if story.known.undo_only:
        return
    if story.end in ("failed", "canceled"):
        yield from _left(story, deeds)
    if story.report is not None:
        yield from _misreported(story, deeds)


def _twice(story: Story, deeds: Deeds) -> Iterator[str]:
    """An undo action runs once for each time its step took effect, and not where the step said that it took none."""
    for call in story.deeds():
        found = UNDO.fullmatch(call.id)
        if found is None:
            _acts(call, deeds)
            continue
        acted = deeds.acted.get(found["path"])
        if acted is not None and acted.how == "no effect" and found["path"] not in deeds.often:
            yield f"{call.id} undoes what took no effect"
        if acted is not None and found["path"] not in deeds.often:
            yield from _misinformed(story, call, acted)
        if call.id in deeds.undone and not _is_hidden(story.known, found["path"]):
            yield f"{call.id} ran again after it had completed"
        deeds.open.add(call.id)
        if call.how == "completed":
            deeds.undone.add(call.id)
            if not story.known.undo_only:
                deeds.ever.add(call.id)


def _misinformed(story: Story, undo: Call, acted: Call) -> Iterator[str]:
    """An undo action is told what its step was called with, what it gave, under which key, and whether that is known."""
    told, step = value_of(undo.scheduled.input), _step(story.known, acted.id) or {}
    if step.get("rollback_mapping") or not isinstance(told, dict) or step.get("step_type") == "webhook":
        return
    known = acted.how == "completed"
    wanted = {
        "step_id": step.get("step_id"),
        "input": value_of(acted.scheduled.input),
        "output": value_of(acted.result) if known else None,
        "outcome": "completed" if known else "unknown",
        "idempotency_key": f"{story.known.execution_id}:{acted.id}",
    }
    yield from (
        f"{undo.id} is told {name} {told.get(name)!r:.200}, not {one!r:.200}"
        for name, one in wanted.items()
        if told.get(name) != one
    )


def _acts(call: Call, deeds: Deeds) -> None:
    if call.id in deeds.acted:
        deeds.often.add(call.id)
    deeds.acted[call.id] = call
    for undo in [one for one in deeds.open if one.startswith(f"{call.id}.rollback[")]:
        deeds.open.discard(undo)
        deeds.undone.discard(undo)


def _is_hidden(known: Known, path: str) -> bool:
    """Whether the history does not show how often a step ran."""
    step = _step(known, path)
    return step is None or step.get("execution") == "local" or step.get("step_type") == "sub_workflow"


def _step(known: Known, path: str) -> Definition | None:
    part = PART.fullmatch(path.rpartition(".")[2])
    if (tool := known.tool_at(path)) is not None:
        return tool
    return known.steps.get(part["step"]) if part else None


def _left(story: Story, deeds: Deeds) -> Iterator[str]:
    """A run that did not succeed has undone what it did, or says what it has not."""
    report = (story.report or {}).get("rollback") or {}
    if story.end == "failed" and (not report or report.get("entries_left_out")):
        return
    told = {one["activity_id"] for one in report.get("entries", ()) if one["outcome"] in ("failed", "kept")}
    for path, call in deeds.acted.items():
        step = _step(story.known, path)
        if step is None or not call.may_have_acted or (step.get("rollback_mapping") and story.end == "canceled"):
            continue
        for number, _ in enumerate(step.get("rollback_actions") or ()):
            undo = f"{path}.rollback[{number}]"
            if undo not in deeds.open and undo not in told:
                yield f"{path} {call.how}, and {undo} was neither called nor told as open"


def _misreported(story: Story, deeds: Deeds) -> Iterator[str]:
    """The report and the history agree on what was undone."""
    assert story.report is not None
    report: Mapping[str, Any] = story.report.get("rollback") or {}
    if report.get("entries_left_out"):
        return
    entries = report.get("entries", ())
    undone = {one["activity_id"] for one in entries if one["outcome"] == "undone" and not one.get("run")}
    yield from (f"{one} completed and is not in the report" for one in sorted(deeds.ever - undone))
    for one in sorted(undone - deeds.ever):
        found = UNDO.fullmatch(one)
        if found is not None and not _is_local(story.known, found["path"]):
            yield f"{one} is reported as undone and did not complete"
    failed = sum(one["outcome"] == "failed" for one in entries)
    if report and report["complete"] != (failed == 0):
        yield f"the report says complete: {report['complete']}, and {failed} undo actions failed"


def _is_local(known: Known, path: str) -> bool:
    step = _step(known, path)
    return step is not None and step.get("execution") == "local"
