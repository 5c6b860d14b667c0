import contextlib
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from advanced_workflow.workflows.definition.check.check import check_text
from advanced_workflow.workflows.definition.model.step_type import StepType
from advanced_workflow.workflows.definition.problems.problem import Problem
from advanced_workflow.workflows.definition.step import WorkflowStep
from advanced_workflow.workflows.definition.text.load import definition_sha256, dump_definition, parse
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow
from advanced_workflow.workflows.errors import DefinitionInvalid
from tests.examples import profile

SEED = """\
workflow_id: order
version: "2"
input_schema: {type: object, properties: {total: {type: number}}}
steps:
  - step_id: reserve
    action: stock
    input_mapping: {sku: input.sku, deep: [{n: 1}, 'input.total > 3']}
    rollback_actions: [unstock]
    retry_policy: {max_attempts: 3, jitter: 0.5}
    error_handlers: [help]
  - {step_id: help, action: call}
  - step_id: approve
    step_type: human_approval
    dependencies: [reserve]
    approval: {approvers: [ann, 'group:g'], groups: {g: [bob]}, form: {type: object}}
  - step_id: box
    step_type: parallel
    dependencies: [approve]
    parallel_steps:
      - {step_id: ship, action: ship, conditions: ['steps.reserve.?output.ok.orValue(true)']}
      - {step_id: wait, step_type: wait, wait: {event: paid, match: event.id == input.id}}
  - step_id: fan
    step_type: parallel
    for_each: input.items
    max_concurrency: 5
    add_on: {event: more, match: event.n > 0}
    complete_when: progress.completed > 2
    parallel_steps:
      - step_id: poll
        step_type: loop
        loop_condition: iteration < 3 && !steps.probe.output.ready
        loop_check: after
        body: [{step_id: probe, action: probe, execution: local, lock: {name: api, max_concurrent: 2}}]
  - {step_id: again, step_type: loop, action: probe, loop_condition: steps.again.output.more, loop_check: after, cancel_on: stop}
  - {step_id: child, step_type: sub_workflow, workflow: order, workflow_version: "2", input_mapping: {total: 3}}
  - {step_id: call, step_type: webhook, webhook: {url: input.url, headers: {a: input.a}, callback: {event: back}}}
  - {step_id: first, action: x, dependencies: [fan, child, call], join: any, cancel_rest: true, lock: {name: api, max_concurrent: 2}}
"""
KEYS = st.sampled_from(
    [*WorkflowStep.model_fields, *AdvancedWorkflow.model_fields, "x", "", "a.b", "\ud800", "str", "int"]
)

WORDS = st.sampled_from(
    [
        *("input.x", "steps.a.output", "1 +", "a", "", "true", "group:g", "\u00e9", "((", "order", "any", "local"),
        *("parallel", "wait", "loop", "webhook", "sub_workflow", "progress.total", "steps.fan.output.x", "api"),
    ]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | WORDS | st.text(max_size=8)
DATA = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=25
)
IDS = ["a", "b", "c", "d", "e"]


KNOWN = {"order": parse(SEED).workflow}


def never_raises(text: str, source: str) -> None:
    for problem in check_text(text, source, {}, KNOWN):
        assert isinstance(problem, Problem)
        assert str(problem).encode()  # It can be printed.
    with contextlib.suppress(DefinitionInvalid):
        loaded = parse(text, source=source).workflow
        assert parse(json.dumps(dump_definition(loaded)), source="d.json").workflow == loaded


def test_what_is_damaged_was_sound() -> None:
    assert check_text(SEED, definitions=KNOWN) == []


@profile(40)
@given(st.text(max_size=200), st.sampled_from(["d.yaml", "d.json", "<text>"]))
def test_any_text_is_read_or_refused(text: str, source: str) -> None:
    never_raises(text, source)


@profile(40)
@given(
    st.integers(0, len(SEED)),
    st.integers(0, 12),
    st.text(max_size=6) | st.sampled_from(["- ", ": ", "{", "]", "&a", "*a", "!", "\t", "|"]),
)
def test_a_damaged_definition_is_read_or_refused(at: int, cut: int, put: str) -> None:
    never_raises(SEED[:at] + put + SEED[at + cut :], "d.yaml")


@profile(50)
@given(DATA)
def test_any_json_is_read_or_refused(data: Any) -> None:
    never_raises(json.dumps(data), "d.json")


@st.composite
def damaged(draw: st.DrawFn) -> JsonValue:
    """The seed with other data in some places."""
    data: Any = json.loads(json.dumps(dump_definition(parse(SEED).workflow)))
    for _ in range(draw(st.integers(1, 3))):
        node = data
        while True:
            keys = list(node) if isinstance(node, dict) else list(range(len(node)))
            key = draw(st.sampled_from(keys)) if keys else None
            if key is None or not isinstance(node[key], dict | list) or not node[key] or draw(st.booleans()):
                break
            node = node[key]
        if key is not None:
            node[key] = draw(DATA)
        if isinstance(node, dict):
            node[draw(KEYS)] = draw(DATA)
    return data


@profile(60)
@given(damaged())
def test_a_definition_with_wrong_values_is_read_or_refused(data: JsonValue) -> None:
    never_raises(json.dumps(data), "d.json")


def json_values() -> st.SearchStrategy[Any]:
    numbers = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
    scalars = st.none() | st.booleans() | numbers | st.text(st.characters(codec="utf-8"), max_size=10)
    names = st.text(st.characters(codec="utf-8"), max_size=6)
    return st.recursive(
        scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3), max_leaves=6
    )


SECONDS = st.integers(1, 1000) | st.floats(0.001, 1000)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=10)
EVENTS: st.SearchStrategy[Any] = st.just("e") | st.fixed_dictionaries({"event": TEXTS}, optional={"match": WORDS})
LOCKS = st.just("l") | st.fixed_dictionaries({"name": TEXTS}, optional={"max_concurrent": st.integers(1, 9)})
POLICIES = st.fixed_dictionaries(
    {},
    optional={
        "max_attempts": st.integers(1, 5),
        "delay": SECONDS,
        "circuit_breaker": st.fixed_dictionaries({}, optional={"failure_threshold": st.integers(1, 9)}),
    },
)
WEBHOOKS = st.fixed_dictionaries(
    {"url": TEXTS},
    optional={
        "method": st.sampled_from(["GET", "POST"]),
        "headers": st.dictionaries(TEXTS, json_values(), max_size=2),
        "body": json_values(),
        "callback": st.fixed_dictionaries({"event": TEXTS}, optional={"timeout": SECONDS}),
    },
)
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "name": TEXTS,
    "step_type": st.sampled_from(StepType),
    "action": st.just("x"),
    "timeout": SECONDS,
    "execution": st.sampled_from(["regular", "local"]),
    "input_mapping": st.dictionaries(TEXTS, json_values(), max_size=3),
    "dependencies": st.lists(st.sampled_from(IDS), max_size=2),
    "conditions": st.lists(st.sampled_from(["input.x", "true"]), max_size=2),
    "join": st.sampled_from(["all", "any", 2, "input.n"]),
    "cancel_rest": st.booleans(),
    "lock": LOCKS,
    "cancel_on": EVENTS | st.just({"event": "e", "outcome": "fail"}),
    "add_on": EVENTS,
    "for_each": WORDS,
    "max_concurrency": st.integers(1, 2000),
    "complete_when": WORDS,
    "loop_condition": WORDS,
    "loop_check": st.sampled_from(["before", "after"]),
    "retry_policy": POLICIES,
    "wait": st.just({"event": "e", "transient": True}) | SECONDS.map(lambda value: {"seconds": value}),
    "webhook": WEBHOOKS,
    "workflow": TEXTS,
    "workflow_version": TEXTS,
}


def steps(depth: int = 1) -> st.SearchStrategy[dict[str, Any]]:
    """A step with some of its fields, and at some places others inside of it."""
    identity = {"step_id": st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]{0,8}", fullmatch=True)}
    inside = st.lists(steps(depth - 1), max_size=2) if depth else st.just([])
    return st.fixed_dictionaries(identity, optional={**FIELDS, "parallel_steps": inside, "body": inside})


@profile(50)
@given(
    st.builds(
        AdvancedWorkflow,
        workflow_id=st.just("w"),
        steps=st.lists(steps(), max_size=4),
        global_variables=st.dictionaries(TEXTS, json_values(), max_size=3),
        timeout=st.integers(1, 10_000),
    )
)
def test_a_dumped_definition_loads_as_an_equal_one(workflow: AdvancedWorkflow) -> None:
    text = json.dumps(dump_definition(workflow))
    again = parse(text, source="d.json").workflow

    never_raises(text, "d.json")
    assert again == workflow
    assert definition_sha256(again) == definition_sha256(workflow)
