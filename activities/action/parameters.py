"""From the one JSON object an activity gets to the parameters of the action's function."""

from __future__ import annotations

import dataclasses
import inspect
import types
from collections.abc import Callable, Mapping
from typing import Annotated, Any, NotRequired, Union, cast, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict, JsonValue, TypeAdapter, ValidationError
from pydantic.errors import PydanticInvalidForJsonSchema, PydanticUserError
from pydantic.fields import FieldInfo
from typing_extensions import TypedDict, is_typeddict

from advanced_workflow.activities.action.errors import ActionInvalid
from advanced_workflow.workflows.definition.model.base import Schema
from advanced_workflow.workflows.definition.schema.secret_fields import has_secrets
from advanced_workflow.workflows.errors import InputInvalid
from advanced_workflow.workflows.plain.misfits import places
from advanced_workflow.workflows.plain.strict_json import misfits


class ActionInput:
    """How an action takes its input; made once, when the function is decorated.

    A single parameter that is itself an object (pydantic model, dataclass, TypedDict, dict, `Any`) takes the whole input.
    Otherwise parameters take the input's fields by name.
    """

    def __init__(self, action: str, function: Callable[..., object]) -> None:
        """Read the signature; raises `ActionInvalid` when it does not fit JSON."""
        self._action = action
        hints = type_hints(action, function)
        parameters = list(inspect.signature(function).parameters.values())
        whole = parameters[0] if len(parameters) == 1 and _takes_object(hints.get(parameters[0].name)) else None
        self._whole = whole.name if whole else None
        self._optional = whole is not None and whole.default is not inspect.Parameter.empty
        shape = hints[whole.name] if whole else _fields(action, parameters, hints)
        self._defaults = {} if whole else _defaults(parameters)
        self._adapter = adapter_for(action, "input", shape)

    def arguments(self, value: object) -> dict[str, Any]:
        """Give the function's keyword arguments; raises `InputInvalid`, which names fields and never shows values."""
        if value is None and self._optional:
            return {}
        if value is None and self._whole is None:
            value = {}
        try:
            taken = self._adapter.validate_python(value)
        except ValidationError as error:
            raise InputInvalid(f"action {self._action!r}: input does not fit: {places(error, 'the input')}.") from None
        return cast("dict[str, Any]", taken) if self._whole is None else {self._whole: taken}

    def schema(self) -> Schema | None:
        """JSON Schema of the input, with the defaults of parameters; None where the types have none."""
        schema = schema_of(self._adapter, "validation")
        fields = cast("dict[str, Schema]", (schema or {}).get("properties") or {})
        for name, default in self._defaults.items():
            if name in fields and not has_secrets(fields[name]):
                fields[name].setdefault("default", default)
        return schema


def type_hints(action: str, function: Callable[..., object]) -> dict[str, Any]:
    """Resolve the function's annotations."""
    try:
        return get_type_hints(function, include_extras=True)
    except NameError as error:
        raise ActionInvalid(
            f"action {action!r}: its annotations name {error.name!r}, which its module does not define; import it there."
        ) from error


def adapter_for(action: str, part: str, shape: type[Any]) -> TypeAdapter[Any]:
    """Build the validator of a type; raises `ActionInvalid` for a type that cannot be JSON."""
    try:
        return TypeAdapter(shape)
    except PydanticUserError as error:
        raise ActionInvalid(
            f"action {action!r}: its {part} has a type that is not JSON: {error.message.splitlines()[0]}"
        ) from error


def schema_of(adapter: TypeAdapter[Any], mode: str) -> Schema | None:
    """JSON Schema of an adapter, for `validation` or `serialization`."""
    try:
        return adapter.json_schema(mode="validation" if mode == "validation" else "serialization")
    except PydanticInvalidForJsonSchema:
        return None


def _takes_object(hint: object) -> bool:
    if hint is Any or hint is JsonValue:
        return True
    origin = get_origin(hint)
    if origin is Annotated:
        return _takes_object(get_args(hint)[0])
    if origin in (Union, types.UnionType):
        members = [member for member in get_args(hint) if member is not type(None)]
        return all(_takes_object(member) for member in members)
    kind = origin or hint
    if not isinstance(kind, type):
        return False
    return is_typeddict(kind) or dataclasses.is_dataclass(kind) or issubclass(kind, (BaseModel, Mapping))


def _defaults(parameters: list[inspect.Parameter]) -> dict[str, Any]:
    """The defaults of parameters that are JSON."""
    return {
        one.name: one.default
        for one in parameters
        if one.default is not inspect.Parameter.empty and next(misfits(one.default), None) is None
    }


def _fields(action: str, parameters: list[inspect.Parameter], hints: dict[str, Any]) -> type[Any]:
    fields: dict[str, Any] = {}
    others = False
    for parameter in parameters:
        if parameter.kind in (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.VAR_POSITIONAL):
            raise ActionInvalid(
                f"action {action!r}: parameter {parameter.name!r} has no name for the input's fields; "
                "remove the '/' or '*' form."
            )
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            others = True
            continue
        if isinstance(parameter.default, FieldInfo):
            raise ActionInvalid(
                f"action {action!r}: parameter {parameter.name!r} has Field(...) as its default, which a direct call would "
                "get as a value; write it as Annotated[TYPE, Field(...)]."
            )
        hint = hints.get(parameter.name, Any)
        fields[parameter.name] = hint if parameter.default is inspect.Parameter.empty else NotRequired[hint]
    # A TypedDict and not a model: parameters may have any name, and an absent field leaves the function's own default.
    shape: Any = TypedDict(f"{action}_input", fields)  # pyright: ignore[reportArgumentType]
    shape.__pydantic_config__ = ConfigDict(extra="allow" if others else "forbid")
    return shape
