"""Expressions in CEL: compiled once, evaluated over data, deterministic and bounded.

CEL is as the language definition says, with these differences, all of them for JSON data:

- ints and doubles mix in arithmetic and in comparisons (`input.total * 2` works for 3 and for 3.5);
- no result is NaN or infinite, and division by zero is an error for doubles too;
- `has(a.b.c)` is false when any part of the path is absent or null, and `.?` gives nothing for null;
- keys of maps are strings, and a comprehension over a map visits them in sorted order;
- `list.sum()`, `list.slice(from, to)` and `list.distinct()` are added; time zones, bytes, unsigned numbers, types as results and `format` are
  refused. A number of the data is an `int` for `type(...)` where it is written without a point or exponent; `timestamp` and `duration` are
  names of types beside `google.protobuf.Timestamp` and `google.protobuf.Duration`.
"""

from advanced_workflow.workflows.expressions.analysis import Reference
from advanced_workflow.workflows.expressions.condition import CompiledCondition, compile_condition, compile_test
from advanced_workflow.workflows.expressions.expression import Expression, compile_expression, explained
from advanced_workflow.workflows.expressions.target import OutputMapping, OutputTarget, compile_targets, parse_target
from advanced_workflow.workflows.expressions.template import Template, compile_mapping

__all__ = [
    "CompiledCondition",
    "Expression",
    "OutputMapping",
    "OutputTarget",
    "Reference",
    "Template",
    "compile_condition",
    "compile_expression",
    "compile_mapping",
    "compile_targets",
    "compile_test",
    "explained",
    "parse_target",
]
