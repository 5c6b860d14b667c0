"""Definitions at random, with every field of every model: read without errors, and seldom any that passes `check`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from random import Random
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, JsonValue, ValidationError
from pydantic_core import PydanticUndefined

from advanced_workflow.workflows.definition.model.base import Seconds
from advanced_workflow.workflows.definition.model.marked import mark_of
from advanced_workflow.workflows.definition.model.markers import Nested
from advanced_workflow.workflows.definition.step import WorkflowStep
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow

IDS = tuple(f"s{number}" for number in range(12))
TEXTS = (
    *(
        "input.total",
        "steps.s1.output.ok",
        "steps.s2.status == 'completed'",
        "1 +",
        "",
        "true",
        "false",
        "'x'",
        "3",
        "[1]",
    ),
    *(
        "item.a",
        "iteration < 3",
        "event.n > 0",
        "progress.total",
        "result.id",
        "steps.s3.output",
        "workflow.a",
        "nothing.b",
    ),
    *("all", "any", "group:g", "act", "workflow.order.id", "s1", "s2", "s5", "timestamp('2024-01-01T00:00:00Z')"),
)
_ATTEMPTS = 12


def some_definition(random: Random, steps: int = 6) -> AdvancedWorkflow:
    """A definition of about so many steps at the top, with some of them nested in others."""
    return _some_model(AdvancedWorkflow, random, {"workflow_id": "w", "steps": _some_steps(random, steps)})


def _some_steps(random: Random, count: int, depth: int = 0) -> tuple[WorkflowStep, ...]:
    return tuple(_some_step(random, depth) for _ in range(count))


def _some_step(random: Random, depth: int) -> WorkflowStep:
    fixed: dict[str, Any] = {"step_id": random.choice(IDS)}
    for name in ("parallel_steps", "body"):
        deeper = depth < 3 and random.random() < 0.2
        fixed[name] = _some_steps(random, random.randint(1, 3), depth + 1) if deeper else ()
    return _some_model(WorkflowStep, random, {name: value for name, value in fixed.items() if value != ()})


def _some_model(model: type[BaseModel], random: Random, fixed: Mapping[str, Any] | None = None) -> Any:
    """A model with each field written or not; of those whose fields do not go together another try is made."""
    share = random.choice((0.1, 0.4))
    last: ValidationError | None = None
    for attempt in range(_ATTEMPTS):
        fields = dict(fixed or {})
        for name, info in model.model_fields.items():
            required = info.default is PydanticUndefined and info.default_factory is None
            skipped = mark_of(model, name, Nested) is not None
            if name not in fields and not skipped and (required or random.random() < share / (1 + attempt / 3)):
                fields[name] = _some_value(info.annotation, random)
        try:
            return model.model_validate(fields)
        except ValidationError as error:
            last = error
    if fixed is None or last is None:
        return None  # The field that holds it is left out, where it may be.
    raise last


def _some_value(annotation: Any, random: Random) -> Any:
    origin, inner = get_origin(annotation), get_args(annotation)
    if annotation is JsonValue:
        return _some_json(random)
    if hasattr(annotation, "__metadata__"):
        return _some_number(annotation, random) if inner[0] in (int, float) else _some_value(inner[0], random)
    if origin is Literal:
        return random.choice(inner)
    if origin in (Union, UnionType):
        return _some_value(random.choice(inner), random)
    if origin is tuple:
        items = (_some_value(inner[0], random) for _ in range(random.randint(0, 3)))
        return tuple(one for one in items if one is not None)
    if origin is dict:
        return {_some_text(random): _some_value(inner[1], random) for _ in range(random.randint(0, 3))}
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return _some_model(annotation, random)
    return _PLAIN[annotation](random) if annotation in _PLAIN else random.choice(tuple(_members(annotation)))


def _members(kind: type[Enum]) -> Iterable[Enum]:
    return kind


def _some_number(annotation: Any, random: Random) -> Any:
    return random.choice((5, 50, 5000)) if annotation is Seconds else random.choice((1, 2, 100))


def _some_text(random: Random) -> str:
    return random.choice(TEXTS)


def _some_json(random: Random, depth: int = 0) -> JsonValue:
    if depth < 2 and random.random() < 0.3:
        return [_some_json(random, depth + 1) for _ in range(random.randint(0, 2))]
    if depth < 2 and random.random() < 0.3:
        return {_some_text(random): _some_json(random, depth + 1) for _ in range(random.randint(0, 2))}
    return random.choice((None, True, 3, 2.5, _some_text(random), _some_text(random)))


_PLAIN: dict[Any, Callable[[Random], Any]] = {
    NoneType: lambda _: None,
    str: _some_text,
    bool: lambda random: random.random() < 0.5,
    int: lambda random: random.choice((1, 2, 100)),
    float: lambda random: random.choice((1, 2.5, 0.5)),
}
