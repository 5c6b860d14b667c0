"""Whether data fits a JSON Schema of the definition, within what a workflow task may cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from temporalio import workflow

from advanced_workflow.workflows.contract import Json
from advanced_workflow.workflows.definition.schema import STEPS_ASIDE, judge
from advanced_workflow.workflows.engine.temporal.patches import Patch, patched


def misfits(schema: Mapping[str, Any], value: Json) -> list[str]:
    """Say where a value does not fit; at most ten sentences, none when it does. One that costs too much to check does not fit.

    A run that gave a verdict by the patterns of Python, and without a limit of cost, gives it again.
    """
    verdict = judge(schema, value)
    if not verdict.by_new_rules or workflow.unsafe.is_read_only() or patched(Patch.RULES_2):
        return verdict.problems
    return judge(schema, value, STEPS_ASIDE, as_before=True).problems
