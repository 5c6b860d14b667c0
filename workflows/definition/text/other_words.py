"""Words by which other engines and CI tools call what a definition has, for those who come from there."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "id": ("step_id", "workflow_id"),
    "type": ("step_type",),
    "kind": ("step_type",),
    "needs": ("dependencies",),
    "after": ("dependencies",),
    "depends_on": ("dependencies",),
    "when": ("conditions",),
    "if": ("conditions",),
    "condition": ("conditions", "loop_condition"),
    "with": ("input_mapping",),
    "input": ("input_mapping", "input_schema"),
    "inputs": ("input_mapping", "input_schema"),
    "args": ("input_mapping",),
    "arguments": ("input_mapping",),
    "parameters": ("input_mapping", "input_schema"),
    "params": ("input_mapping", "input_schema"),
    "outputs": ("output_mapping", "output"),
    "result": ("output_mapping", "output"),
    "run": ("action",),
    "uses": ("action",),
    "call": ("action",),
    "task": ("action",),
    "function": ("action",),
    "activity": ("action",),
    "retry": ("retry_policy",),
    "retries": ("retry_policy",),
    "catch": ("error_handlers",),
    "on_error": ("error_handlers", "on_failure"),
    "foreach": ("for_each",),
    "compensate": ("rollback_actions",),
    "compensation": ("rollback_actions",),
    "undo": ("rollback_actions",),
    "next": ("next_steps",),
    "then": ("next_steps",),
    "branches": ("parallel_steps",),
    "tasks": ("steps",),
    "jobs": ("steps",),
    "states": ("steps",),
}
VALUES: Final[Mapping[str, tuple[str, ...]]] = {
    "action": ("sequential",),
    "activity": ("sequential",),
    "task": ("sequential",),
    "step": ("sequential",),
    "function": ("sequential",),
    "lambda": ("sequential",),
    "script": ("sequential",),
    "approval": ("human_approval",),
    "manual": ("human_approval",),
    "human": ("human_approval",),
    "http": ("webhook",),
    "request": ("webhook",),
    "agent": ("react",),
    "llm": ("react",),
    "timer": ("wait",),
    "sleep": ("wait",),
    "delay": ("wait",),
    "event": ("wait",),
    "signal": ("wait",),
    "switch": ("conditional",),
    "choice": ("conditional",),
    "if": ("conditional",),
    "condition": ("conditional",),
    "while": ("loop",),
    "do_while": ("loop",),
    "foreach": ("parallel",),
    "for_each": ("parallel",),
    "map": ("parallel",),
    "fork": ("parallel",),
    "fan_out": ("parallel",),
    "child": ("sub_workflow",),
    "child_workflow": ("sub_workflow",),
    "subworkflow": ("sub_workflow",),
    "workflow": ("sub_workflow",),
    "pass": ("assign",),
    "set": ("assign",),
    "fail": ("raise",),
    "throw": ("raise",),
    "compensate": ("rollback",),
    "saga": ("rollback",),
    "compensation": ("rollback",),
    "hold": ("pause",),
    "stop": ("pause",),
}


def field_for(word: str, known: Collection[str]) -> str:
    """The question `Did you mean 'x'?` where one of the known fields is called so elsewhere, or nothing."""
    return _asked(word, FIELDS, known)


def value_for(word: str, known: Collection[str]) -> str:
    """The same of a value and those that its field takes."""
    return _asked(word, VALUES, known)


def _asked(word: str, others: Mapping[str, tuple[str, ...]], known: Collection[str]) -> str:
    meant = [one for one in others.get(word.strip().lower().replace("-", "_"), ()) if one in known]
    return f"Did you mean {meant[0]!r}?" if meant else ""
