"""Laws on moments: when something may begin, how long a child's next attempt is put off, and that everything ends with its run."""

from __future__ import annotations

from collections.abc import Iterator

from tests.laws.stories import UNDO, Call, Definition, Known, Story

FAULT = "a workflow task failed"
_NEXT = "next attempt of "
_NEAR = 0.01


def broken_moments(story: Story) -> Iterator[str]:
    """Calls that began when none might, more at a time than the definition allows, or that did not end."""
    yield from _in_vain(story)
    yield from _too_many(story)
    yield from _beside_undo(story)
    yield from _put_off(story)
    yield from _too_early(story)
    if story.end:
        yield from (f"{one.id} had not ended when the run did" for one in story.deeds() if one.ended is None)
    steps = {} if story.known.undo_only else (story.report or {}).get("steps") or {}
    yield from (f"{path} is {one['status']} in the report" for path, one in steps.items() if one["status"] in _ALIVE)
    yield from (f"{FAULT}: {one}" for one in story.failed_tasks)


_ALIVE = ("running", "waiting")


def _in_vain(story: Story) -> Iterator[str]:
    """Nothing begins for a step while the run is paused, or after it was cancelled."""
    gate = [one for one in story.updates if one[1] in ("pause", "resume")]
    for call in story.deeds():
        if UNDO.fullmatch(call.id):
            continue
        latest = next((what for moment, what in reversed(gate) if moment < call.begun), "resume")
        if latest == "pause":
            yield f"{call.id} began while the run was paused"
        if story.cancelled is not None and call.decided > story.cancelled:
            yield f"{call.id} began after the run was cancelled"


def _too_many(story: Story) -> Iterator[str]:
    if story.known.definition is None:
        return
    most = story.known.definition.get("max_parallel_steps", 10)
    running: list[Call] = []
    for call in story.deeds():
        running = [one for one in running if not one.ended_by(call.begun)] + [call]
        if len(running) > most:
            yield f"{len(running)} calls ran at a time when {call.id} began, and {most} may"
            return


def _beside_undo(story: Story) -> Iterator[str]:
    """No action runs when the run goes back; of a run that does so in parts, not that of the step that is undone."""
    known = story.known
    whole = known.definition is not None and all(one.get("step_type") not in _PARTS for one in known.steps.values())
    running: list[Call] = []
    latest: Call | None = None
    for call in story.deeds():
        found = UNDO.fullmatch(call.id)
        if found is None:
            running.append(call)
            if whole and latest is not None:
                yield f"{call.id} began after {latest.id}"
            continue
        latest = call
        running = [one for one in running if not one.ended_by(call.begun)]
        for other in running:
            if whole or other.id == found["path"]:
                yield f"{call.id} began while {other.id} ran"


def _too_early(story: Story) -> Iterator[str]:
    """A step begins when all it depends on has ended."""
    running: dict[str, Call] = {}
    for call in story.deeds():
        around, _, name = call.id.rpartition(".")
        step = story.known.steps.get(name)
        if step is not None and step.get("join", "all") == "all":
            for one in step.get("dependencies") or ():
                before = running.get(f"{around}.{one}" if around else one)
                if before is not None and not before.ended_by(call.begun):
                    yield f"{call.id} began before {before.id} had ended"
        running[call.id] = call


_PARTS = ("rollback", "parallel", "loop", "orchestrator")


def _put_off(story: Story) -> Iterator[str]:
    """Before a child is tried again the run waits as the retry policy says, and never more often than it says."""
    known = story.known
    children = {one["step_id"]: one for one in known.steps.values() if one.get("step_type") == "sub_workflow"}
    for id in story.children:
        step, attempt = _child(story, id, children)
        if step is not None and attempt > ((step.get("retry_policy") or {}).get("max_attempts") or 1):
            yield f"{id} is attempt {attempt}"
    if story.continues:
        return
    for moment, says, seconds in story.timers:
        named = [one for one in children.values() if says == _NEXT + (one.get("name") or one["step_id"])]
        if len(named) == 1:
            wanted = {_delay(known, named[0], one) for one in _latest(story, named[0], moment)}
            if not any(abs(one - seconds) < _NEAR for one in wanted):
                yield f"the {says} comes after {seconds:g} s, not {sorted(wanted)}"


def _latest(story: Story, step: Definition, moment: int) -> set[int]:
    """The number of the latest attempt, in each copy or round of a step."""
    latest: dict[str, int] = {}
    for id, begun in story.children.items():
        found, attempt = _child(story, id, {step["step_id"]: step})
        if found is not None and begun[0] < moment:
            base = id.rpartition("~")[0] if attempt > 1 else id
            latest[base] = max(attempt, latest.get(base, 0))
    return set(latest.values())


def _child(story: Story, id: str, children: dict[str, Definition]) -> tuple[Definition | None, int]:
    path, _, attempt = id.removeprefix(f"{story.workflow_id}/").partition("~")
    name = path.rpartition(".")[2].rpartition("!")[2]
    return (children.get(name) if path != id else None), int(attempt) if attempt.isdecimal() else 1


def _delay(known: Known, step: Definition, attempt: int) -> float:
    delay, most = known.policy(step, "delay", 1.0), known.policy(step, "max_delay", 60.0)
    match known.policy(step, "backoff_strategy", "exponential"):
        case "fixed":
            return float(min(delay, most))
        case "linear":
            return float(min(delay * attempt, most))
        case _:
            return float(min(delay * known.policy(step, "backoff_multiplier", 2.0) ** (attempt - 1), most))
