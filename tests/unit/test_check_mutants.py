"""`check` never raises: shipped definitions with wrong parts put into them; and what passes can be planned and compiled."""

from __future__ import annotations

import copy
import json
from functools import cached_property
from random import Random
from typing import Any

import pytest

from advanced_workflow.workflows.definition.check.catalog import ActionInfo
from advanced_workflow.workflows.definition.check.check import check_text
from advanced_workflow.workflows.definition.problems.codes import Code
from advanced_workflow.workflows.definition.problems.problem import errors_of
from advanced_workflow.workflows.definition.step import WorkflowStep
from advanced_workflow.workflows.definition.text.load import LIBRARY, parse, read_tree
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow
from advanced_workflow.workflows.engine.graph.plan import build_plan, forget
from advanced_workflow.workflows.engine.graph.step_plan import StepPlan
from advanced_workflow.workflows.errors import DefinitionInvalid
from tests.unit.test_definition_fuzz import SEED

MUTANTS = 60
NAMES = [
    *WorkflowStep.model_fields,
    *AdvancedWorkflow.model_fields,
    *(
        "$ref",
        "$schema",
        "type",
        "pattern",
        "properties",
        "items",
        "allOf",
        "required",
        "event",
        "match",
        "form",
        "",
        "a.b",
        "\ud800",
    ),
]
NUMBERS = [None, True, False, 0, 1, -1, 2, 0.5, 1e308, 1e-300, 10**18, 2**63, 10**30, 5e-324, 3.0]
TEXTS = [
    *(
        "input.x",
        "steps.a.output",
        "1 +",
        "",
        "true",
        "((",
        "x" * 5000,
        "1/0",
        "'\\ud800'",
        "\ud800",
        "item",
        "\x00",
        "\n",
        "any",
    ),
    *(
        "input.a.matches('(')",
        "timestamp('9999-12-31T23:59:59-05:00')",
        "9223372036854775808",
        "has(a)",
        "steps",
        "workflow",
    ),
    *("(" * 40 + "1" + ")" * 40, "group:g", "all", "local", "parallel", "loop", "/_sys/x", "a" * 2000, "\u202e"),
]
SCHEMAS: list[Any] = [
    *(
        {"$ref": []},
        {"$schema": 3},
        {"$ref": "#"},
        {"$ref": {"a": 1}},
        {"type": []},
        {"properties": []},
        {"required": [[1]]},
    ),
    *(
        {"required": 3},
        {"anyOf": 3},
        {"anyOf": [3]},
        {"pattern": "("},
        {"patternProperties": {"(": {}}},
        {"items": [1]},
    ),
    *({"multipleOf": 0}, {"$id": "http://["}, {"$defs": 3}, {"type": {"a": 1}}, {"allOf": [{"$ref": "#"}]}, {"if": 3}),
    {"type": "object", "required": [{}], "properties": {"a": {"type": "nope"}}},
    {"$ref": "#/properties/a/b", "properties": {"a": {"b": []}}},
]
ACTIONS = {
    "x": ActionInfo(
        "x",
        input_schema={"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
        output_schema={"type": "object", "properties": {"ok": {}}},
    )
}


def shipped() -> list[Any]:
    texts = [
        (path.read_text(), str(path)) for path in sorted(LIBRARY.rglob("*.yaml")) if not path.name.startswith("input")
    ]
    trees = [read_tree(text, source=source).data for text, source in [*texts, (SEED, "seed.yaml")]]
    return [tree for tree in trees if isinstance(tree, dict) and "steps" in tree]


def wrong(random: Random) -> Any:
    match random.randrange(6):
        case 0:
            return random.choice(NUMBERS)
        case 1 | 2:
            return random.choice(TEXTS)
        case 3:
            return copy.deepcopy(random.choice(SCHEMAS))
        case 4:
            value: Any = "input.x"
            for _ in range(random.choice([1, 30, 75, 85, 105, 150, 210])):
                value = [value] if random.random() < 0.5 else {"a": value}
            return value
        case _:
            return {random.choice(NAMES): wrong(random)} if random.random() < 0.5 else [wrong(random)]


def places(node: Any) -> list[tuple[Any, Any]]:
    keys = list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
    return [place for key in keys for place in ((node, key), *places(node[key]))]


def mutant(tree: Any, random: Random) -> Any:
    tree = copy.deepcopy(tree)
    for _ in range(random.choice([1, 1, 2, 3])):
        node, key = random.choice(places(tree))
        if isinstance(node, dict) and random.random() < 0.3:
            node[random.choice(NAMES)] = wrong(random)
        else:
            node[key] = wrong(random)
    return tree


def compile_all(workflow: AdvancedWorkflow) -> None:
    for plan in build_plan(workflow, "mutant").steps.values():
        for name, value in vars(StepPlan).items():
            if isinstance(value, cached_property):
                getattr(plan, name)


@pytest.mark.parametrize("seed", range(4))
def test_a_mutant_is_refused_or_can_be_run(seed: int) -> None:
    random, trees = Random(seed), shipped()
    for _ in range(MUTANTS):
        text = json.dumps(mutant(random.choice(trees), random))
        try:
            workflow = parse(text, source="d.json").workflow
        except DefinitionInvalid:
            workflow = None
        known = {workflow.workflow_id: workflow} if workflow is not None else {}
        found = check_text(text, "d.json", random.choice([None, {}, ACTIONS]), random.choice([None, known]))

        assert all(str(one).encode() for one in found)
        if workflow is not None and not [one for one in errors_of(found) if one.code != Code.UNKNOWN_ACTION]:
            forget()
            compile_all(workflow)
