"""A run's steps as rows: what a tree, a table and plain lines have in common."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from advanced_workflow.client.render.notes import is_held, step_note
from advanced_workflow.client.render.times import duration, last_time, parse_time, seconds_between
from advanced_workflow.client.service.description import Attempt
from advanced_workflow.client.watch import Snapshot
from advanced_workflow.workflows.contract import ModelProgress, StepState
from advanced_workflow.workflows.contract.paths import StepPath, turn_name
from advanced_workflow.workflows.definition.model.step_type import StepStatus, StepType
from advanced_workflow.workflows.plain.text import one_line, visible

SHORT_SECONDS = 3.0
"""An action that has run for less says nothing of itself yet."""


@dataclass(frozen=True, slots=True)
class StepRow:
    """One step."""

    path: str
    depth: int
    label: str
    step_id: str
    """With the number of the round or copy, where it runs more than once: `[3].label`, `#2.fetch`."""
    status: StepStatus
    seconds: float | None = None
    attempts: int = 0
    """The attempts known; 0 or 1 says nothing worth showing."""
    note: str = ""
    """One sentence: whom it waits for, why it failed or was skipped, why it is tried again."""
    retry_in: float | None = None
    """Seconds until the next attempt."""
    life: str = ""
    """When its action was last heard of, where it has run for some seconds."""
    words: str = ""
    """Of an agent whose model is answering: the last words of the answer."""
    call: str = ""
    """Of the call of a tool: the call, with its turn."""
    due: datetime | None = None
    """Until when it waits, where that is bounded."""
    held: bool = False
    """Whether it failed, and the run waits for an operator's word on it."""
    word: str = ""
    """The status in a word, where it is not the step's own: `not run`."""
    is_pass: bool = False
    """Whether it is the heading of a round or copy, or stands for many of them, and not a step."""
    shown: str = ""
    """What it is called in a table, where that is not the last part of its path."""

    @property
    def in_table(self) -> str:
        """What it is called in a table, where its place says the rest of its path."""
        return self.shown or (self.step_id if self.call else StepPath(self.path).name)

    @property
    def status_word(self) -> str:
        """The status as people read it."""
        return self.word or self.status.value


def step_rows(snapshot: Snapshot, now: datetime) -> list[StepRow]:
    """The steps in definition order, nested ones after their owner."""
    if snapshot.state is None:
        return []
    end = snapshot.summary.close_time or now
    states = sorted(snapshot.state.steps, key=_Order(snapshot.state.steps).key)
    return [_step_row(one, snapshot, end, now) for one in states]


def sign_of_life(attempt: Attempt, now: datetime) -> str:
    """When an action was last heard of, or that it says nothing of itself; empty where none runs, or not for long."""
    passed, silent = seconds_between(attempt.started_at, now), seconds_between(attempt.heard_at, now)
    if passed is None or silent is None or passed < SHORT_SECONDS:
        return ""
    if attempt.beats:
        return f"last heard {duration(silent)} ago"
    until = f" until its timeout of {duration(attempt.timeout_seconds)}" if attempt.timeout_seconds else ""
    return f"runs for {duration(passed)}, gives no signs of life and is left alone{until}"


class _Order:
    """Sorts paths so that a nested step follows its owner, by its round or copy, and otherwise as the run lists them."""

    def __init__(self, steps: Sequence[StepState]) -> None:
        self._place = {one.path: number for number, one in enumerate(steps)}

    def key(self, step: StepState) -> list[tuple[int, int]]:
        found: list[tuple[int, int]] = []
        for path in StepPath(step.path).owners:
            if path in self._place:
                found.append((1, self._place[path]))
            elif number := _NUMBER.search(path):
                found.append((0, int(number[1])))
        return found


_NUMBER = re.compile(r"[\[#](\d+)\]?$", re.ASCII)


def _step_row(step: StepState, snapshot: Snapshot, end: datetime, now: datetime) -> StepRow:
    attempt = _attempt_of(step, snapshot)
    call = _call_of(step)
    return StepRow(
        path=step.path,
        depth=StepPath(step.path).depth,
        label=call or visible(step.name),
        step_id=visible(_short_path(step)),
        status=_status(step, attempt),
        seconds=seconds_between(parse_time(step.start_time), parse_time(step.end_time) or end),
        attempts=snapshot.most_attempts.get(step.path, 0),
        note=visible(step_note(step, attempt, snapshot, now)),
        retry_in=_seconds_until_retry(attempt, now) if attempt else None,
        life=sign_of_life(attempt, now) if attempt else "",
        words=_words(attempt.progress) if attempt and attempt.progress else "",
        call=call,
        due=last_time(step.waiting_for) if step.waiting_for and step.status is StepStatus.WAITING else None,
        held=is_held(step),
        word=word_at_end(step.status) if snapshot.ended else "",
    )


def word_at_end(status: StepStatus) -> str:
    """Of a step that the end of its run came before."""
    return {StepStatus.PENDING: "not run", StepStatus.RUNNING: "cut off", StepStatus.WAITING: "cut off"}.get(status, "")


def _call_of(step: StepState) -> str:
    call = step.execution_data.get("call")
    return visible(f"{turn_name(StepPath(step.path))}: {call}") if call else ""


def _words(progress: ModelProgress) -> str:
    text = visible(one_line(progress.last)).strip()
    return f"“…{text}”" if text else ""


def _attempt_of(step: StepState, snapshot: Snapshot) -> Attempt | None:
    """The action that is pending for a step; for an agent the call of its model."""
    if step.step_type is not StepType.REACT:
        return snapshot.attempts.get(step.path)
    calls = (one for path, one in snapshot.attempts.items() if MODEL_CALL.fullmatch(path.removeprefix(step.path)))
    return next(calls, None)


MODEL_CALL = re.compile(r"\[\d+\]\.model(#\d+)?", re.ASCII)
"""How the path of a model's call ends, after that of its agent."""


def _short_path(step: StepState) -> str:
    path = StepPath(step.path)
    name = path.name if "." in step.step_id else step.step_id  # The id of an agent's tool has the agent's in it.
    return f"{path.pass_number}.{name}" if path.pass_number else name


def _status(step: StepState, attempt: Attempt | None) -> StepStatus:
    if attempt is None or step.status not in (StepStatus.PENDING, StepStatus.RUNNING):
        return step.status
    # The server knows of the action, even where the worker's last word is from before it.
    return StepStatus.RETRYING if attempt.state == "scheduled" and attempt.attempt > 1 else StepStatus.RUNNING


def _seconds_until_retry(attempt: Attempt, now: datetime) -> float | None:
    if attempt.next_attempt_at is None or attempt.state != "scheduled":
        return None
    return seconds_between(now, attempt.next_attempt_at) or None
