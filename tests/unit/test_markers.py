"""Laws of the markers: what nobody marked is plain for a reason, and who reads a marker reads it everywhere."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any, get_args

import pytest
from pydantic import BaseModel, JsonValue

from advanced_workflow.workflows.definition import kinds
from advanced_workflow.workflows.definition.check.sites import Site, sites
from advanced_workflow.workflows.definition.graph.layout import lay_out
from advanced_workflow.workflows.definition.kinds.orchestrator import APPROVAL
from advanced_workflow.workflows.definition.kinds.table import KINDS
from advanced_workflow.workflows.definition.model import markers
from advanced_workflow.workflows.definition.model.marked import mark_of, marked, marks_of, models_within
from advanced_workflow.workflows.definition.model.markers import (
    ActionName,
    Expr,
    For,
    JsonSchema,
    MakesResult,
    Nested,
    ShortForm,
    StepName,
)
from advanced_workflow.workflows.definition.model.retries import RetryPolicy
from advanced_workflow.workflows.definition.model.step_type import StepType
from advanced_workflow.workflows.definition.step import WorkflowStep
from advanced_workflow.workflows.definition.text.load import (
    LIBRARY,
    definition_sha256,
    dump_definition,
    find_definitions,
)
from advanced_workflow.workflows.definition.text.order_of_fields import document_order
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow
from advanced_workflow.workflows.engine import kinds as runner_files
from advanced_workflow.workflows.engine.graph.plan import forget, plan_of
from advanced_workflow.workflows.engine.graph.step_plan import StepPlan
from advanced_workflow.workflows.errors import ExpressionInvalid
from advanced_workflow.workflows.expressions import Expression, compile_expression, expression
from advanced_workflow.workflows.plain.cache import WeighedCache
from tests.examples import many
from tests.unit.generated import some_definition
from tests.unit.test_definition_fuzz import KNOWN
from tests.unit.test_kinds import file_of

MODELS = models_within(AdvancedWorkflow)
SHIPPED = [*(one.workflow for one in find_definitions([LIBRARY])), *KNOWN.values()]
GENERATED = many(100)

PLAIN = {
    "name or text for people": (
        *(
            "AdvancedWorkflow.name",
            "AdvancedWorkflow.description",
            "AdvancedWorkflow.created_by",
            "AdvancedWorkflow.tags",
        ),
        *("WorkflowStep.name", "Approval.prompt"),
    ),
    "name of itself": ("AdvancedWorkflow.workflow_id", "WorkflowStep.step_id", "Lock.name"),
    "version or time": (
        "AdvancedWorkflow.version",
        "AdvancedWorkflow.created_at",
        "WorkflowStep.workflow_version",
        *("Tool.workflow_version", "Worker.workflow_version"),
    ),
    "name of an event": ("EventTrigger.event", "CancelOn.event", "Callback.event", "WaitFor.event"),
    "people and groups": ("Approval.approvers", "Approval.groups", "Escalation.to"),
    "methods of a login": ("Assurance.amr",),
    "names of errors": ("ErrorHandler.on", "RetryPolicy.non_retryable", "RaisedError.type"),
    "values": (
        "AdvancedWorkflow.global_variables",
        "AdvancedWorkflow.sla_targets",
        "Condition.value",
        "Orchestrator.config",
    ),
    "compiled as a whole, with its step's 'conditions'": ("Condition.expression", "Condition.field"),
    "name of another definition": ("WorkflowStep.workflow", "Tool.workflow", "Worker.workflow"),
    "name of a queue": tuple(f"{one}.agent_capability" for one in ("WorkflowStep", "Tool", "Worker", "RollbackAction")),
    "names of servers and of what they offer": tuple(
        f"{model}.{name}" for model in ("Tool", "Worker") for name in ("mcp", "tool", "include", "exclude", "prefix")
    ),
    "names of numbers": ("WorkflowStep.custom_metrics",),
    "for the model": (
        *("Agent.model", "Agent.fallback_models", "Agent.approve_tools", "Orchestrator.graph"),
        *("Tool.name", "Tool.description", "ModelSettings.stop"),
        *("Worker.name", "Worker.description", "Worker.needs", "Worker.capability"),
        *("Orchestrator.model", "Orchestrator.fallback_models"),
    ),
}
"""Fields that hold text and say nothing about it, by what their text is."""

KEEPS_RESULT = {
    "how it is called": ("step_id", "name"),
    "how long it may take, how often it is tried, where it runs": (
        *(
            "timeout",
            "total_timeout",
            "heartbeat_timeout",
            "queue_timeout",
            "retry_policy",
            "execution",
            "max_concurrency",
        ),
    ),
    "what becomes of its result": ("metrics_enabled", "custom_metrics"),
    "a check of its input, which it has passed": ("input_validation",),
    "when it runs": ("dependencies", "next_steps", "join", "cancel_rest", "lock", "error_handlers"),
    "how it is undone": (
        "rollback_actions",
        "rollback_mapping",
        "rollback_timeout",
        "rollback_to",
        "tolerated_failure",
    ),
}
"""Fields of a step that may change without making its result another one."""

FOR_EVERY_TYPE = {
    *(
        "step_id",
        "name",
        "step_type",
        "dependencies",
        "conditions",
        "next_steps",
        "error_handlers",
        "join",
        "cancel_rest",
    ),
    *("lock", "cancel_on", "retry_policy", "metrics_enabled", "custom_metrics"),
}


def flat(reasons: dict[str, tuple[str, ...]]) -> set[str]:
    names = [name for listed in reasons.values() for name in listed]
    assert len(names) == len(set(names))
    return set(names)


def holds_text(annotation: object) -> bool:
    return annotation in (str, JsonValue) or any(holds_text(inner) for inner in get_args(annotation))


def test_every_field_that_holds_text_is_marked_or_plain_for_a_reason() -> None:
    unmarked = {
        f"{model.__name__}.{name}"
        for model in MODELS
        for name, field in model.model_fields.items()
        if holds_text(field.annotation)
        and not any(mark_of(model, name, kind) for kind in (Expr, StepName, ActionName, JsonSchema))
    }

    assert unmarked == flat(PLAIN)


def test_every_field_of_a_step_makes_its_result_or_keeps_it_for_a_reason() -> None:
    assert set(WorkflowStep.model_fields) - marks_of(WorkflowStep, MakesResult).keys() == flat(KEEPS_RESULT)


def test_every_field_of_a_step_says_what_it_is_for_or_is_for_every_type() -> None:
    assert set(WorkflowStep.model_fields) - marks_of(WorkflowStep, For).keys() == FOR_EVERY_TYPE
    assert set(RetryPolicy.model_fields) - marks_of(RetryPolicy, For).keys() == {"continue_on_failure"}


def test_every_list_of_steps_is_a_nested_graph() -> None:
    lists = {
        (model, name)
        for model in MODELS
        for name, field in model.model_fields.items()
        if WorkflowStep in get_args(field.annotation)
    }

    assert lists == {(model, name) for model in MODELS for name in marks_of(model, Nested)}


def test_every_marker_is_used() -> None:
    used = {type(mark) for model in MODELS for field in model.model_fields.values() for mark in field.metadata}
    defined = {
        one
        for one in vars(markers).values()
        if inspect.isclass(one) and one.__module__ == markers.__name__ and hasattr(one, "__dataclass_fields__")
    }

    assert defined - used == set()


def test_there_is_a_kind_for_each_step_type_and_its_own_field_is_for_it_alone() -> None:
    assert set(KINDS) == set(StepType)
    for step_type, kind in KINDS.items():
        if kind.field is not None:
            assert marks_of(WorkflowStep, For)[kind.field].what == {step_type}
    for name, mark in marks_of(WorkflowStep, For).items():
        parts = [one for one in get_args(WorkflowStep.model_fields[name].annotation) if inspect.isclass(one)]
        if len(mark.what) == 1 and any(one.__module__.startswith(kinds.__name__) for one in parts):
            assert name in {kind.field for kind in KINDS.values()}


def test_each_kind_has_a_file_of_its_name_here_and_in_the_engine() -> None:
    files, runners = ({path.stem for path in Path(one.__path__[0]).glob("*.py")} for one in (kinds, runner_files))
    names = {one: file_of(one) for one in StepType}

    assert set(names.values()) == files - {"__init__", "kind", "table"}
    assert {name for one, name in names.items() if KINDS[one].runs} <= runners


@pytest.mark.parametrize("model", [one for one in MODELS if marks_of(one, ShortForm)], ids=lambda one: one.__name__)
def test_a_short_form_is_the_object_with_that_field_alone(model: type[BaseModel]) -> None:
    (name,) = marks_of(model, ShortForm)

    short = model.model_validate("paid")

    assert short == model.model_validate({name: "paid"})
    assert short.model_fields_set == {name}


@pytest.mark.parametrize("model", MODELS, ids=lambda one: one.__name__)
def test_problems_come_in_the_order_of_the_models(model: type[BaseModel]) -> None:
    path = path_to(model)
    places = [f"{path}{name}" for name in model.model_fields]

    assert sorted(places, key=document_order) == places
    assert document_order(f"{path}{next(iter(model.model_fields))}[1].x") > document_order(places[0])


def path_to(model: type[BaseModel], start: type[BaseModel] = AdvancedWorkflow, depth: int = 0) -> str:
    """The written place of an object of a class, with a dot after it."""
    if start is model:
        return ""
    for name, field in start.model_fields.items() if depth < 4 else ():
        for inner in models_within_field(field.annotation):
            with suppress(LookupError):
                index = "[0]" if "tuple" in str(field.annotation) else ""
                return f"{name}{index}.{path_to(model, inner, depth + 1)}"
    raise LookupError


def models_within_field(annotation: object) -> Iterator[type[BaseModel]]:
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from models_within_field(inner)


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> set[tuple[str, frozenset[str]]]:
    """What is compiled, with the names it may use; each gives a value of any type."""
    found: set[tuple[str, frozenset[str]]] = set()
    anything = compile_expression("input.anything", frozenset({"input"}))

    def compile_it(source: str, roots: frozenset[str]) -> Expression:
        found.add((source, roots))
        return anything

    monkeypatch.setattr(expression, "_compile", compile_it)
    monkeypatch.setattr(expression, "_compiled", WeighedCache[object, object](2**40))
    return found


QUESTION = f".{APPROVAL}"
"""The step in which an orchestrator asks: half of it is the engine's, so its texts are compiled with more names than check allows.
So are those whom it asks about sensitive workers that its own agent calls."""
PROPERTIES = [name for name, one in vars(StepPlan).items() if isinstance(one, cached_property)]


def compile_all(workflow: AdvancedWorkflow) -> None:
    """Everything that the engine compiles of a definition's steps and tools."""
    forget()
    plans = plan_of(dump_definition(workflow), definition_sha256(workflow)).runnable.values()
    flows = [plan.step.orchestrator for plan in plans if plan.step.orchestrator is not None]
    questions = [one.approval.approvers for one in flows if one.approval is not None]
    for plan in plans:
        if plan.step.step_id.endswith(QUESTION):
            continue
        asks_as_flow = plan.tool is not None and plan.step.approval and plan.step.approval.approvers in questions
        for name in [one for one in PROPERTIES if one != "approvers"] if asks_as_flow else PROPERTIES:
            with suppress(ExpressionInvalid):  # A target that is refused.
                getattr(plan, name)


def looked_at(workflow: AdvancedWorkflow) -> Iterator[tuple[str, frozenset[str]]]:
    """What `check` compiles of it."""
    for site in sites(lay_out(workflow)):
        if ("orchestrator", "approval") not in zip(site.loc, site.loc[1:], strict=False):
            for source in texts(site):
                yield source, site.roots


def texts(site: Site) -> list[str]:
    source: Any = site.source
    if isinstance(source, str):
        return [source]
    return [source.field if source.expression is None else source.expression]


@pytest.mark.parametrize("workflow", SHIPPED, ids=lambda one: one.workflow_id)
def test_the_engine_compiles_what_check_looked_at_with_the_same_names(
    workflow: AdvancedWorkflow, compiled: set[tuple[str, frozenset[str]]]
) -> None:
    compile_all(workflow)

    assert compiled == set(looked_at(workflow))


def test_the_engine_compiles_nothing_that_check_did_not_look_at(compiled: set[tuple[str, frozenset[str]]]) -> None:
    for seed in range(GENERATED):
        workflow = some_definition(Random(seed))
        compiled.clear()
        with suppress(KeyError):  # A step that is not in the graph: `check` refuses the definition.
            compile_all(workflow)

        assert compiled <= set(looked_at(workflow))


def test_what_is_found_by_a_marker_is_at_its_place() -> None:
    for seed in range(GENERATED):
        workflow = some_definition(Random(seed))
        for kind in (Expr, StepName, ActionName, JsonSchema):
            for step in workflow.steps:
                for loc, value, _ in marked(step, kind):
                    there = at(step, loc)
                    short = marks_of(type(there), ShortForm) if isinstance(there, BaseModel) else ()
                    assert there == value or [getattr(there, name) for name in short] == [value]


def at(part: Any, loc: tuple[str | int, ...]) -> Any:
    for one in loc:
        part = getattr(part, one) if isinstance(one, str) else part[one]
    return part
