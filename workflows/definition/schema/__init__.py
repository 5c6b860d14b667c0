"""JSON Schema (2020-12) of data: is a schema sound, and does a value fit it. Nothing is ever fetched.

The validator is our own because what it may cost has to be known: every step is counted, patterns are those of RE2, and no
sentence holds whole data.
"""

from advanced_workflow.workflows.definition.schema.fields import unknown_part
from advanced_workflow.workflows.definition.schema.soundness import DIALECT, schema_problems
from advanced_workflow.workflows.definition.schema.validation import (
    COST_OF_STEP,
    STEPS_ASIDE,
    STEPS_AT_ONCE,
    Verdict,
    judge,
    value_problems,
)

__all__ = [
    "COST_OF_STEP",
    "DIALECT",
    "STEPS_ASIDE",
    "STEPS_AT_ONCE",
    "Verdict",
    "judge",
    "schema_problems",
    "unknown_part",
    "value_problems",
]
