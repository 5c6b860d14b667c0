from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import advanced_workflow

ROOT = Path(advanced_workflow.__file__).parent.parent

PROGRAM = (
    f"ROOT = {str(ROOT)!r}"
    + r"""
import json, sys, types
# Only the evaluator is loaded: what the packages import beside it would take most of the time.
for name in ("advanced_workflow", "advanced_workflow.workflows", "advanced_workflow.workflows.expressions"):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = [f"{ROOT}/{name.replace('.', '/')}"]
from advanced_workflow.workflows.errors import ExpressionError
from advanced_workflow.workflows.expressions.expression import compile_expression
from advanced_workflow.workflows.definition.model.roots import ORDINARY

names = ["zeta", "alpha", "Mid", "\u00e9clair", "10", "9", "b", "a", "\U0001f600", "z"]
scope = {
    "input": {
        "map": {name: {"price": index * 1.1, "tags": names[index:]} for index, name in enumerate(names)},
        "list": [5, 3.5, 1, 2.0],
        "lines": [{"sku": name, "quantity": index, "price": index + 0.1} for index, name in enumerate(names)],
        "text": "a-b-c", "none": None, "when": "2026-01-31T12:00:00.123Z",
    },
    "workflow": {"limit": 3}, "run": {"execution_id": "r"},
    "steps": {"b": {"output": {"y": 1, "x": 2}}, "a": {"output": None}},
}
sources = [
    "input.map", "input.map.map(k, k)", "input.map.map(k, input.map[k].price)", "input.map.filter(k, k > 'a')",
    "input.map.exists(k, input.map[k].nope > 1)", "input.map.all(k, size(k) > 1)", "input.map.exists_one(k, k == 'b')",
    "input.map.map(k, input.map[k].tags.map(t, t + k))", "{'z': 1, 'a': {'y': input.map, 'b': 2}}", "[input.map, input.lines]",
    "input.map == {'a': 1}", "size(input.map)", "'zeta' in input.map", "input.lines.map(l, {l.sku: l.price * l.quantity})",
    "input.lines.map(l, l.price * l.quantity).sum()", "input.lines.filter(l, l.quantity > workflow.limit).map(l, l.sku).join(',')",
    "input.list.map(x, x / 3.0)", "input.list.map(x, string(x))", "math.greatest(input.list)", "math.round(input.list[1] * 2)",
    "1.0 / 3.0", "string(0.1 + 0.2)", "timestamp(input.when)", "timestamp(input.when) + duration('1h30m')",
    "timestamp(input.when).getDayOfYear()", "input.text.split('-')", "input.text.matches('^a.*c$')", "input.text.replace('-', input.text)",
    "has(steps.c.output) ? 1 : 2", "steps.a.?output.x.orValue('none')", "steps.b.output", "{'b': steps.b.output}",
    "input.map.map(k, input.map[k].tags).distinct()", "input.list.slice(1, 3)", "input.list.map(x, type(x) == int)", "type(input.nope) == map",
    "input.nope", "input.map.nope", "input.none.x", "input.map.map(k, 1 / size(input.none))", "input.list.map(x, 1 / (x - x))",
    "nope + 1", "nope(1)", "1 +", "steps", "input.map.map(input, 1)", "'a' + 1", "input.text + 1", "b'x'", "(" * 100,
    "input.lines.map(a, input.lines.map(b, input.lines.map(c, input.lines.map(d, input.lines.map(e, 1)))))",
]
for source in sources:
    try:
        expression = compile_expression(source, ORDINARY)
        print(sorted((r.root, r.path, r.column) for r in expression.references), expression.result_type)
        print(json.dumps(expression.evaluate(scope)))
    except ExpressionError as error:
        print(error.code, ascii(str(error)))
"""
)


def run_program(seed: int) -> bytes:
    environment = {**os.environ, "PYTHONHASHSEED": str(seed)}
    program = [sys.executable, "-c", PROGRAM]
    return subprocess.run(program, env=environment, capture_output=True, check=True, timeout=100).stdout


@pytest.mark.parametrize("processes", [8, pytest.param(50, marks=pytest.mark.long)])
def test_the_same_expressions_give_the_same_bytes_in_every_process(processes: int) -> None:
    with ThreadPoolExecutor(max_workers=2) as pool:
        outputs = list(pool.map(run_program, range(processes)))

    assert len(outputs[0].splitlines()) > 60
    assert b"ExpressionBudgetExceeded" in outputs[0]
    assert set(outputs) == {outputs[0]}
