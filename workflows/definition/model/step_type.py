"""What kinds of steps there are, and where a step is in its life."""

from __future__ import annotations

from enum import StrEnum


class StepType(StrEnum):
    """What a step does."""

    SEQUENTIAL = "sequential"
    WORKER = "worker"
    PARALLEL = "parallel"
    CONDITIONAL = "conditional"
    LOOP = "loop"
    HUMAN_APPROVAL = "human_approval"
    REACT = "react"
    ORCHESTRATOR = "orchestrator"
    WEBHOOK = "webhook"
    WAIT = "wait"
    SUB_WORKFLOW = "sub_workflow"
    ROLLBACK = "rollback"
    ASSIGN = "assign"
    RAISE = "raise"


class StepStatus(StrEnum):
    """Where a step is in its life."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    SKIPPED = "skipped"
    WAITING = "waiting"
    RETRYING = "retrying"
