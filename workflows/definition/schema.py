"""JSON Schema (2020-12) of data: is a schema sound, and does a value fit it. Nothing is ever fetched."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from itertools import islice
from typing import Any, cast

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError, best_match  # pyright: ignore[reportUnknownVariableType]
from referencing import Registry
from referencing.exceptions import Unresolvable

from advanced_workflow.workflows.definition.problems.places import listed, path_text, shorten

DIALECT = "https://json-schema.org/draft/2020-12/schema"
MAX_PROBLEMS = 10
"""Sentences in one answer."""
_MAX_SENTENCE = 300
# Values of these keywords are data, not schemas.
_DATA_KEYWORDS = frozenset({"const", "enum", "default", "examples"})
# Values of these keywords are objects whose keys are free names.
_NAMED_SCHEMAS = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
# With one of these beside `properties`, an object may have other fields.
_OPEN_KEYWORDS = frozenset(
    ("patternProperties", "allOf", "if", "$ref", "$dynamicRef", "dependentSchemas", "unevaluatedProperties")
)
_NESTED = "it is nested too deeply to be checked"


def schema_problems(schema: Mapping[str, Any]) -> list[str]:
    """Say what is wrong with a JSON Schema; at most ten sentences, none when it is sound.

    References must stay inside the schema (`#/...`) and lead somewhere.
    """
    if not schema:
        return []
    try:
        Draft202012Validator.check_schema(schema)
        return list(islice(_keyword_problems(schema, schema, ()), MAX_PROBLEMS))
    except SchemaError as error:
        return [_sentence(error)]
    except RecursionError:
        return [_place(()) + _NESTED]


def value_problems(schema: Mapping[str, Any], value: object) -> list[str]:
    """Say where a value does not fit a schema: `.items[0].price: -1 is less than the minimum of 0`.

    At most ten sentences, none when it fits. Long values are cut. The schema must be sound.
    """
    if not schema:
        return []
    try:
        validator = _validator(json.dumps(schema, sort_keys=True))
        return [_sentence(error) for error in islice(_errors(validator, value), MAX_PROBLEMS)]
    except RecursionError:
        return [_place(()) + _NESTED]
    except Unresolvable as error:
        return [_place(()) + f"the schema's reference {error.ref!r} leads nowhere"]


@lru_cache(maxsize=512)
def _validator(text: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads(text), registry=Registry())


def _errors(validator: Draft202012Validator, value: object) -> Iterator[ValidationError]:
    find = cast("Callable[[object], Iterator[ValidationError]]", validator.iter_errors)
    for error in find(value):
        # An `anyOf` alone says only "not valid under any"; its best branch says why.
        yield cast("ValidationError", best_match([error]))


def _sentence(error: ValidationError | SchemaError) -> str:
    shown = repr(error.instance)
    message = error.message.replace(shown, shorten(shown)) if len(shown) > 80 else error.message
    return _place(tuple(error.absolute_path)) + shorten(message, _MAX_SENTENCE)


def _place(loc: tuple[str | int, ...]) -> str:
    text = path_text(loc)
    return f"{text if text.startswith('[') else '.' + text}: "


def _keyword_problems(node: object, root: Mapping[str, Any], loc: tuple[str | int, ...]) -> Iterator[str]:
    if isinstance(node, list):
        for index, item in enumerate(cast("list[object]", node)):
            yield from _keyword_problems(item, root, (*loc, index))
    if not isinstance(node, dict):
        return
    schema = cast("dict[str, Any]", node)
    yield from _reference_problems(schema, root, loc)
    for keyword, value in schema.items():
        if keyword in _NAMED_SCHEMAS and isinstance(value, dict):
            for name, inner in cast("dict[str, object]", value).items():
                yield from _keyword_problems(inner, root, (*loc, keyword, name))
        elif keyword not in _DATA_KEYWORDS:
            yield from _keyword_problems(value, root, (*loc, keyword))


def _reference_problems(schema: dict[str, Any], root: Mapping[str, Any], loc: tuple[str | int, ...]) -> Iterator[str]:
    if schema.get("$schema", DIALECT).rstrip("#") != DIALECT:
        yield _place((*loc, "$schema")) + f"only {DIALECT} is understood"
    if loc and "$id" in schema:
        yield _place((*loc, "$id")) + "a nested '$id' is not allowed; use '$defs' and '#/$defs/...'"
    for keyword in ("$ref", "$dynamicRef"):
        target = schema.get(keyword)
        if target is None:
            continue
        if target != "#" and not target.startswith("#/"):
            yield _place((*loc, keyword)) + f"{shorten(target)!r} is not inside this schema; only '#/...' is allowed"
        elif not _resolves(target, root):
            yield _place((*loc, keyword)) + f"{shorten(target)!r} leads nowhere"


def _resolves(pointer: str, root: Mapping[str, Any]) -> bool:
    return pointer == "#" or resolve_pointer(pointer, root) is not None


def resolve_pointer(pointer: str, root: Mapping[str, Any]) -> object | None:
    """Follow `#/$defs/Name` inside a schema; None when it leads nowhere."""
    node: object = root
    for raw in pointer.removeprefix("#").split("/")[1:]:
        part = raw.replace("~1", "/").replace("~0", "~")
        if isinstance(node, Mapping) and part in node:
            node = cast("Mapping[str, object]", node)[part]
        elif isinstance(node, list) and part.isdecimal() and int(part) < len(cast("list[object]", node)):
            node = cast("list[object]", node)[int(part)]
        else:
            return None
    return node


def unknown_part(
    schema: Mapping[str, Any], path: tuple[str, ...], *, closed_by_default: bool
) -> tuple[str, str] | None:
    """Find the first part of a path that no value of a schema can have.

    Gives the part and a list of the names that exist, or None where the path is possible or the schema does not say.
    `closed_by_default` treats an object schema that does not mention `additionalProperties` as closed.
    """
    nodes: list[Mapping[str, Any]] = [schema]
    for part in path:
        nodes = [leaf for node in nodes for leaf in _branches(node, schema)]
        if not nodes or not all(_is_closed(node, closed_by_default=closed_by_default) for node in nodes):
            return None
        found = [node["properties"][part] for node in nodes if part in node.get("properties", {})]
        if not found:
            return part, listed(sorted({name for node in nodes for name in node.get("properties", {})}))
        nodes = [node for node in found if isinstance(node, dict)]
    return None


def _branches(node: Mapping[str, Any], root: Mapping[str, Any], depth: int = 20) -> Iterator[Mapping[str, Any]]:
    """Flatten references and alternatives; `null` has no fields and is left out."""
    target = resolve_pointer(node["$ref"], root) if str(node.get("$ref", "")).startswith("#/") else None
    if depth and isinstance(target, Mapping):
        yield from _branches(cast("Mapping[str, Any]", target), root, depth - 1)
        return
    options = [*node.get("anyOf", []), *node.get("oneOf", [])]
    if not options or not depth:
        yield node
    for option in options if depth else []:
        if isinstance(option, dict) and cast("dict[str, Any]", option).get("type") != "null":
            yield from _branches(cast("dict[str, Any]", option), root, depth - 1)


def _is_closed(node: Mapping[str, Any], *, closed_by_default: bool) -> bool:
    if "properties" not in node or _OPEN_KEYWORDS & node.keys():
        return False
    return node.get("additionalProperties", not closed_by_default) is False
