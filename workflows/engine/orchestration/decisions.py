"""The record of each decision: the same in the state, the trace, the metrics and the run's audit trail."""

from __future__ import annotations

from advanced_workflow.workflows.contract import ORCHESTRATION_DECISION, AuditEntry, Json
from advanced_workflow.workflows.definition.kinds.orchestrator import Orchestrator
from advanced_workflow.workflows.engine.orchestration.plans import complexity
from advanced_workflow.workflows.engine.orchestration.state import EnterpriseWorkflowState, note, show
from advanced_workflow.workflows.engine.orchestration.strategy import Choice
from advanced_workflow.workflows.engine.step.context import StepContext
from advanced_workflow.workflows.engine.temporal.clock import timestamp


def decide(step: StepContext, made: Orchestrator, state: EnterpriseWorkflowState, choice: Choice) -> None:
    """Record a decision, and leave it open until it is carried out."""
    decision: dict[str, Json] = {
        "number": len(state["decisions"]),
        "strategy": choice.strategy,
        "complexity_score": _score(made, state),
        "reason": choice.reason,
        "by": made.analysis,
        "failed_before": state["error_count"],
        "budget_left": budget_left(made, state),
    }
    state["decisions"].append(decision)
    state["execution_strategy"] = state["next_action"] = choice.strategy
    state["open"] = {"strategy": choice.strategy, "subtasks": list(choice.subtasks)}
    note(state, "decision", **decision)
    show(step.record, state)
    step.run.telemetry.decided(step.path, step.plan.step_id, decision)
    said = f"{choice.strategy} (complexity {decision['complexity_score']:g}): {choice.reason}"
    by = f"step {step.path}"
    step.run.state.audit.append(
        AuditEntry(time=timestamp(), operation=ORCHESTRATION_DECISION, by=by, reason=said[:500], step_id=step.path)
    )


def _score(made: Orchestrator, state: EnterpriseWorkflowState) -> float:
    if state["task_analysis"] is None:
        return complexity(made, state["subtasks"], state["error_count"])
    said: float = state["task_analysis"]["complexity_score"]
    return said


def budget_left(made: Orchestrator, state: EnterpriseWorkflowState) -> dict[str, Json]:
    """What may still be spent, of what is bounded."""
    spent = state["budget"]
    left: dict[str, Json] = {
        "steps": max(made.max_steps - spent["steps"], 0),
        "replans": max(made.max_replans - spent["replans"], 0),
    }
    if made.max_tokens is not None:
        left["tokens"] = max(made.max_tokens - spent["tokens"], 0)
    if made.max_cost is not None:
        left["cost"] = round(max(made.max_cost - spent["cost"], 0), 6)
    return left


def limit_reached(made: Orchestrator, state: EnterpriseWorkflowState) -> str:
    """The field that forbids anything more; empty where none does."""
    spent = state["budget"]
    if spent["steps"] >= made.max_steps:
        return "max_steps"
    if made.max_tokens is not None and spent["tokens"] >= made.max_tokens:
        return "max_tokens"
    if made.max_cost is not None and (spent["cost"] >= made.max_cost or not spent["priced"]):
        return "max_cost"
    return ""
