"""What the model of an orchestrator is told about plans, and the form that they have."""

from __future__ import annotations

from typing import Final

from advanced_workflow.workflows.definition.model.base import Schema

ANALYSIS: Final = """Plan the task that you are given. Answer with the plan as JSON and nothing else.
- `subtasks`: what is to be done, each by one of the `workers`; `id` is a short name of its own, `input` the arguments as that worker's \
`parameters` say. Those that do not need each other run at the same time.
- A subtask that uses what others give lists them in `needs`, and has in `input_mapping` an expression for each such argument: \
`steps.ID.output`, or a field of it such as `steps.ID.output.name`. An argument is in `input` or in `input_mapping`, never in both.
- `when`, where a subtask is done only if something holds: an expression such as `steps.ID.output.count > 0`; what it reads is in `needs`.
- `results` were given already: do not plan them again; their ids may be used in `needs` and expressions.
- `failures` say what went wrong: plan around them. `problems` say what is wrong in `plan`, your last one: correct it.
- `open_ended: true`, with no subtasks, where the steps cannot be known before some were done.
- `complexity_score` from 0 (trivial) to 1, and in `reason` one sentence why you plan so. No subtasks: nothing is left to be done."""

OPEN_ENDED: Final = (
    "Do the task that you are given with your tools, step by step. Use `results` that are there already."
)

_TEXT: Final[Schema] = {"type": "string", "minLength": 1, "maxLength": 2_000}

PLAN_SCHEMA: Final[Schema] = {
    "type": "object",
    "properties": {
        "complexity_score": {"type": "number", "minimum": 0, "maximum": 1},
        "reason": {"type": "string", "maxLength": 2_000},
        "open_ended": {"type": "boolean"},
        "subtasks": {
            "type": "array",
            "maxItems": 100,
            "items": {
                "type": "object",
                "properties": {
                    "id": {"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_-]{0,63}$"},
                    "worker": _TEXT,
                    "input": {"type": "object"},
                    "input_mapping": {"type": "object"},
                    "needs": {"type": "array", "items": _TEXT, "maxItems": 100},
                    "when": _TEXT,
                },
                "required": ["id", "worker"],
                "additionalProperties": False,
            },
        },
    },
    "required": ["complexity_score", "reason", "subtasks"],
    "additionalProperties": False,
}
"""JSON Schema of a plan."""
