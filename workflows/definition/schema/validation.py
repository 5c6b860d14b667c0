"""Does a value fit a JSON Schema: every step is counted, so that what it may cost is known before.

The count follows from schema and value alone, never from a clock: a limit is met at the same place on every replay.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from advanced_workflow.workflows.definition.schema.applicators import APPLICATORS, LAST
from advanced_workflow.workflows.definition.schema.assertions import ASSERTIONS
from advanced_workflow.workflows.definition.schema.checker import Misfit, TooCostlyError, Validation
from advanced_workflow.workflows.definition.schema.places import MAX_PROBLEMS, NESTED, sentence
from advanced_workflow.workflows.expressions.faults import Fault

STEPS_AT_ONCE: Final = 50_000
"""Steps that may hold a workflow task: less than a tenth of a second."""
STEPS_ASIDE: Final = 2_000_000
"""Steps where nobody waits: in a thread of an activity, or in a command."""
COST_OF_STEP: Final = 48
"""What a step costs where it is counted with expressions: see `expressions/budget.py`."""
_RULES: Final = {**ASSERTIONS, **APPLICATORS}


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a value fits: the problems, and whether the answer depends on what changed in 0.2.0 (RE2, the count of steps)."""

    problems: list[str]
    by_new_rules: bool = False
    steps: int = 0
    """Steps it took."""
    is_open: bool = False
    """Whether the steps were used up before it was known."""


def judge(
    schema: Mapping[str, Any],
    value: object,
    steps: int = STEPS_AT_ONCE,
    *,
    as_before: bool = False,
    decimal: bool = True,
) -> Verdict:
    """Say where a value does not fit a schema: `.items[0].price: -1 is less than the minimum of 0`.

    At most ten sentences, none when it fits; values in them are cut. Never raises, whatever schema and value are.
    `as_before` gives the verdict of the releases before 0.2.0, whose patterns were those of Python. Without `decimal` a number is a
    multiple of another where the doubles nearest to them say so, as in runs by rules before 4.
    """
    if not schema:
        return Verdict([])
    find = _find_before if as_before else None
    validation, found = Validation(schema, steps, _RULES, LAST, find, decimal=decimal), list[Misfit]()
    by_new_rules = True
    try:
        validation.apply(schema, value, (), found)
        problems, by_new_rules = [sentence(one.loc, one.text) for one in found[:MAX_PROBLEMS]], validation.used_patterns
    except TooCostlyError:
        text = f"checking it takes more than {steps:,} steps; send less, or make the schema simpler"
        problems = [sentence((), text)]
    except RecursionError:
        problems = [sentence((), NESTED)]
    except Fault as fault:
        problems = [sentence((), fault.reason)]
    except LookupError as error:
        problems, by_new_rules = [sentence((), f"the schema's reference {error.args[0]!r} leads nowhere")], False
    except (TypeError, ValueError, ArithmeticError, AttributeError):
        problems, by_new_rules = [sentence((), "it cannot be checked: the schema is not a JSON Schema")], False
    left = validation.steps
    return Verdict(problems, by_new_rules, steps - max(left, 0), is_open=left < 0)


def _find_before(pattern: str, text: str) -> bool:
    return re.search(pattern, text) is not None


def value_problems(schema: Mapping[str, Any], value: object, steps: int = STEPS_ASIDE) -> list[str]:
    """The problems of `judge`, where nobody waits."""
    return judge(schema, value, steps).problems
