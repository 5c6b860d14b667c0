"""What is said beside a step: whom it waits for, why it failed or was skipped, how far it is."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from advanced_workflow.client.render.symbols import SKIP_REASONS
from advanced_workflow.client.render.times import with_moments
from advanced_workflow.client.service.description import Attempt
from advanced_workflow.client.watch import Snapshot
from advanced_workflow.workflows.contract import AgentProgress, ErrorInfo, OrchestratorProgress, StepState
from advanced_workflow.workflows.definition.model.reserved import is_reserved_action
from advanced_workflow.workflows.definition.model.step_type import StepStatus
from advanced_workflow.workflows.plain.text import one_line

MAX_ERROR_CHARACTERS = 300


_UNSERVED = re.compile(
    r"Activity function (?P<action>\S+) for workflow .* is not registered on this worker, available activities: (?P<served>.*)",
    re.DOTALL,
)
"""How the SDK says that a worker does not serve an action."""


def is_held(step: StepState) -> bool:
    """Whether it failed, and the run waits for an operator's word on it."""
    return step.status is StepStatus.FAILED and step.waiting_for is not None


def step_note(step: StepState, attempt: Attempt | None, snapshot: Snapshot, now: datetime) -> str:
    """One sentence, or none."""
    if is_held(step):
        why = error_sentence(step.error_info) if step.error_info else "it failed"
        return f"{why}; waits for an operator"
    if step.waiting_for:
        return f"waits for {with_moments(step.waiting_for)}"
    if step.skip_reason:
        return SKIP_REASONS[step.skip_reason]
    if step.recovered:
        return f"recovered from {error_sentence(step.error_info) if step.error_info else 'a failure'}"
    tolerated = tolerated_note(step.execution_data.get("tolerated"))
    if step.error_info:
        return "; ".join(one for one in (error_sentence(step.error_info), tolerated) if one)
    if tolerated:
        return tolerated
    missed = _match_note(step)
    unsettled = step.status in (StepStatus.PENDING, StepStatus.RUNNING)
    if not unsettled:
        return missed
    notes = (_attempt_note(attempt, snapshot, now) if attempt else "", _progress_note(step, attempt), missed)
    return "; ".join(one for one in notes if one)


def _match_note(step: StepState) -> str:
    """Why a `match` of the step could say nothing of an event that came, such as that of `cancel_on` while it runs."""
    why = step.execution_data.get("match_error")
    return f"an event came of which 'match' could not say whether it fits: {why}" if isinstance(why, str) else ""


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


def _attempt_note(attempt: Attempt, snapshot: Snapshot, now: datetime) -> str:
    waits = _waits_for_worker(attempt, snapshot, now)
    if attempt.attempt == 1:
        return waits
    bound = f" of {attempt.max_attempts}" if attempt.max_attempts else ""
    reason = "the worker was lost" if attempt.worker_lost else attempt.last_failure or "the last one failed"
    return "; ".join(one for one in (f"attempt {attempt.attempt}{bound}: {failure_words(reason)}", waits) if one)


def _waits_for_worker(attempt: Attempt, snapshot: Snapshot, now: datetime) -> str:
    """That no worker has it yet, in which queue, and whether anybody polls that."""
    if attempt.state != "scheduled" or (attempt.attempt > 1 and attempt.waits_since(now) is None):
        return ""
    if not attempt.task_queue:
        return "waits for a worker"
    queue = snapshot.queue(attempt.task_queue, "actions")
    nobody = ", which none polls" if queue is not None and not queue.alive(now) else ""
    return f"waits for a worker of task queue {attempt.task_queue!r}{nobody}"


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
    return failure_words(f"{error.type}: {error.message}")


def failure_words(text: str | None) -> str:
    """What an action failed with, cut where it is long; of one that its worker does not serve what the worker serves instead."""
    unserved = _UNSERVED.search(text or "")
    if unserved is None:
        return cut(text)
    served = [one for one in unserved["served"].rstrip(".").split(", ") if one and not is_reserved_action(one)]
    serves = f"it serves {', '.join(served)}" if served else "it serves none"
    return cut(f"NotFoundError: the worker of its task queue has no action {unserved['action']!r}; {serves}")


def cut(text: str | None) -> str:
    """The text on one line, and not too long."""
    line = one_line(text or "")
    return line if len(line) <= MAX_ERROR_CHARACTERS else line[: MAX_ERROR_CHARACTERS - 1] + "…"
