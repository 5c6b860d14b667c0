"""A run's steps and undos as rows: what a tree, a table and plain lines have in common."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from advanced_workflow.client.render.symbols import SKIP_REASONS
from advanced_workflow.client.render.times import duration, parse_time, seconds_between
from advanced_workflow.client.service.description import Attempt
from advanced_workflow.client.watch import Snapshot
from advanced_workflow.workflows.contract import (
    AgentProgress,
    ErrorInfo,
    ModelProgress,
    OrchestratorProgress,
    RollbackReport,
    StepState,
    UndoOutcome,
)
from advanced_workflow.workflows.contract.paths import StepPath, turn_name, undone_path
from advanced_workflow.workflows.definition.model.step_type import StepStatus, StepType
from advanced_workflow.workflows.plain.text import one_line, visible

MAX_ERROR_CHARACTERS = 300
SHORT_SECONDS = 3.0
"""An action that has run for less says nothing of itself yet."""
_NOT_CALLED = (UndoOutcome.NOT_NEEDED, UndoOutcome.KEPT)


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


@dataclass(frozen=True, slots=True)
class UndoRow:
    """One undo action."""

    activity_id: str
    action: str
    path: str
    outcome: UndoOutcome
    note: str = ""
    life: str = ""
    """As that of a step."""


def step_rows(snapshot: Snapshot, now: datetime) -> list[StepRow]:
    """The steps in definition order, nested ones after their owner."""
    if snapshot.state is None:
        return []
    end = snapshot.summary.close_time or now
    states = sorted(snapshot.state.steps, key=_Order(snapshot.state.steps).key)
    return [_step_row(one, snapshot, end, now) for one in states]


def undo_rows(report: RollbackReport | None, attempts: Mapping[str, Attempt], now: datetime) -> list[UndoRow]:
    """What was undone, in that order, then what is being undone."""
    entries = report.entries if report else []
    done = [
        UndoRow(one.activity_id, one.action, one.path, one.outcome, error_sentence(one.error) if one.error else "")
        for one in entries
    ]
    settled = {one.activity_id for one in entries if one.outcome not in _NOT_CALLED}
    return [*done, *_running_undos(attempts, settled, now)]


def sign_of_life(attempt: Attempt, now: datetime) -> str:
    """When an action was last heard of, or that it says nothing of itself; empty where none runs, or not for long."""
    passed, silent = seconds_between(attempt.started_at, now), seconds_between(attempt.heard_at, now)
    if passed is None or silent is None or passed < SHORT_SECONDS:
        return ""
    if attempt.beats:
        return f"last heard {duration(silent)} ago"
    until = f" until its timeout of {duration(attempt.timeout_seconds)}" if attempt.timeout_seconds else ""
    return f"runs for {duration(passed)}, gives no signs of life and is left alone{until}"


def tolerated_note(tolerated: Any) -> str:  # noqa: ANN401 - as the run tells it
    """How many failures a container went on after, and what became of what they left: `1 of 3 copies failed; 2 undone`."""
    if not isinstance(tolerated, dict):
        return ""
    said: dict[str, Any] = tolerated  # pyright: ignore[reportUnknownVariableType]
    counts = f"{said['failed']} of {said['of']} {said['what']} failed" if said.get("failed") else ""
    words = {"undone": "undone", "failed_undo": "NOT undone", "kept": "kept"}
    became = ", ".join(f"{said[name]} {word}" for name, word in words.items() if said.get(name))
    return "; ".join(one for one in (counts, f"what it left: {became}" if became else "") if one)


def error_sentence(error: ErrorInfo) -> str:
    """A failure as `Type: message`, cut where it is long."""
    return _cut(f"{error.type}: {error.message}")


class _Order:
    """Sorts paths so that a nested step follows its owner, and otherwise as the run lists them."""

    def __init__(self, steps: Sequence[StepState]) -> None:
        self._place = {one.path: number for number, one in enumerate(steps)}

    def key(self, step: StepState) -> list[int]:
        return [self._place[path] for path in StepPath(step.path).owners if path in self._place]


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
        note=visible(_note(step, attempt)),
        retry_in=_seconds_until_retry(attempt, now) if attempt else None,
        life=sign_of_life(attempt, now) if attempt else "",
        words=_words(attempt.progress) if attempt and attempt.progress else "",
        call=call,
    )


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


def _note(step: StepState, attempt: Attempt | None) -> str:
    if step.waiting_for:
        return f"waits for {step.waiting_for}"
    if step.skip_reason:
        return SKIP_REASONS[step.skip_reason]
    if step.recovered:
        return f"recovered from {error_sentence(step.error_info) if step.error_info else 'a failure'}"
    tolerated = tolerated_note(step.execution_data.get("tolerated"))
    if step.error_info:
        return "; ".join(one for one in (error_sentence(step.error_info), tolerated) if one)
    if tolerated:
        return tolerated
    unsettled = step.status in (StepStatus.PENDING, StepStatus.RUNNING)
    if not unsettled:
        return ""
    return "; ".join(one for one in (_attempt_note(attempt) if attempt else "", _progress_note(step, attempt)) if one)


def _progress_note(step: StepState, attempt: Attempt | None) -> str:
    """How far a fan-out, a loop, an agent or an orchestrator is."""
    progress = step.execution_data.get("progress")
    if isinstance(progress, dict):
        failed = f", {progress['failed']} failed" if progress.get("failed") else ""
        return f"{progress.get('completed')} of {progress.get('total')} copies completed{failed}, {progress.get('running')} run"
    agent = step.execution_data.get("agent")
    if isinstance(agent, dict):
        return _agent_note(AgentProgress.model_validate({"path": step.path, **agent}), attempt)
    planned = step.execution_data.get("orchestration")
    if isinstance(planned, dict):
        return OrchestratorProgress.model_validate(planned).words
    rounds = step.execution_data.get("iterations")
    return "" if rounds is None else f"{rounds} rounds completed"


def _agent_note(agent: AgentProgress, attempt: Attempt | None) -> str:
    """What an agent does and what it has spent; its calls of tools have rows of their own."""
    if attempt is None:
        return f"turn {max(agent.turns, 1)}; {agent.spent}"
    model = attempt.progress.model if attempt.progress else ""
    asked = f"asks {model}" if model else "asks its model"
    return f"turn {agent.turns + 1}: {asked}; {agent.spent}"


def _attempt_note(attempt: Attempt) -> str:
    if attempt.attempt == 1:
        return "waits for a worker" if attempt.state == "scheduled" else ""
    bound = f" of {attempt.max_attempts}" if attempt.max_attempts else ""
    reason = "the worker was lost" if attempt.worker_lost else attempt.last_failure or "the last one failed"
    return f"attempt {attempt.attempt}{bound}: {_cut(reason)}"


def _seconds_until_retry(attempt: Attempt, now: datetime) -> float | None:
    if attempt.next_attempt_at is None or attempt.state != "scheduled":
        return None
    return seconds_between(now, attempt.next_attempt_at) or None


def _running_undos(attempts: Mapping[str, Attempt], settled: set[str], now: datetime) -> Iterator[UndoRow]:
    for activity_id, attempt in attempts.items():
        path = undone_path(activity_id)
        if path is not None and activity_id not in settled:
            failure = f"attempt {attempt.attempt}: {_cut(attempt.last_failure)}" if attempt.last_failure else ""
            yield UndoRow(activity_id, attempt.action, path, UndoOutcome.PENDING, failure, sign_of_life(attempt, now))


def _cut(text: str | None) -> str:
    line = one_line(text or "")
    return line if len(line) <= MAX_ERROR_CHARACTERS else line[: MAX_ERROR_CHARACTERS - 1] + "…"
