"""Whether data fits a JSON Schema of the definition, and where that is found out.

- **Here**: what takes `STEPS_AT_ONCE` steps to check is checked in the workflow task. Whoever can wait counts it with the task's
  expressions, and what is over goes to the next task.
- **Beside the run**: what takes more, up to `STEPS_ASIDE`, is checked by an activity, in a thread of the worker. That is so for the
  mapped input of a step (`actions/mapped_input.py`); `input_data` is checked there in any case, by `prepare`.
- **Refused**, with a sentence: what takes more than that, and of a decision's form, which is answered at once, all that does not go here.

What actions take and give is checked by their workers, in the activity.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from temporalio import workflow

from advanced_workflow.workflows.contract import Json
from advanced_workflow.workflows.definition.schema import STEPS_ASIDE, Verdict, judge
from advanced_workflow.workflows.engine.temporal.patches import Patch, follows_rules, patched

_DECIMAL_RULES = 4
"""Since these `multipleOf` counts in decimals. They are asked for without a marker, as validators of updates may not make one."""


def verdict_on(schema: Mapping[str, Any], value: Json) -> Verdict:
    """Say where a value does not fit, as far as that can be said here.

    A run that gave a verdict by the patterns of Python, and without a limit of cost, gives it again; so does one that divided numbers
    as doubles.
    """
    decimal = follows_rules(_DECIMAL_RULES)
    verdict = judge(schema, value, decimal=decimal)
    if not verdict.by_new_rules or workflow.unsafe.is_read_only() or patched(Patch.RULES_2):
        return verdict
    return judge(schema, value, STEPS_ASIDE, as_before=True, decimal=decimal)
