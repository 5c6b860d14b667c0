"""The keywords of JSON Schema that apply other schemas: to the same value, or to the parts of an object or a list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from advanced_workflow.workflows.definition.schema.assertions import matches
from advanced_workflow.workflows.definition.schema.checker import Here, Misfit, Rule
from advanced_workflow.workflows.definition.schema.places import shown


def _reference(here: Here, pointer: str) -> bool:
    here.run.charge(3)
    return here.each([(here.run.target(pointer), here.value, ())])


def _all_of(here: Here, schemas: list[object]) -> bool:
    return here.each((schema, here.value, ()) for schema in schemas)


def _any_of(here: Here, schemas: list[object]) -> bool:
    # Each of them is looked at: what one has looked at counts for `unevaluatedProperties`.
    fitting = [schema for schema in schemas if here.run.fits(schema, here.value, here.seen)]
    return bool(fitting) or _refuse_all(here, "anyOf", schemas)


def _one_of(here: Here, schemas: list[object]) -> bool:
    count = sum(here.run.fits(schema, here.value, here.seen) for schema in schemas)
    if count > 1:
        return here.refuse("oneOf", f"{shown(here.value)} fits {count} of the alternatives, and only one is allowed")
    return count == 1 or _refuse_all(here, "oneOf", schemas)


def _refuse_all(here: Here, keyword: str, schemas: list[object]) -> bool:
    """Say what the value misses in the alternative that was most likely meant: one of its own type, and the deepest."""
    if here.found is None:
        return False
    best: list[Misfit] | None = None
    for schema in schemas:
        missed: list[Misfit] = []
        here.run.apply(schema, here.value, here.loc, missed)
        is_other = any(one.keyword in ("type", "const", "enum") and one.loc == here.loc for one in missed)
        if missed and not is_other and (best is None or len(missed[0].loc) > len(best[0].loc)):
            best = missed
    if best is None:
        return here.refuse(keyword, f"{shown(here.value)} does not fit any of the alternatives")
    here.found.append(best[0])
    return False


def _not(here: Here, schema: object) -> bool:
    if not here.run.fits(schema, here.value):
        return True
    return here.refuse("not", f"{shown(here.value)} fits what 'not' forbids")


def _if(here: Here, schema: object) -> bool:
    branch = "then" if here.run.fits(schema, here.value, here.seen) else "else"
    return branch not in here.schema or here.each([(here.schema[branch], here.value, ())])


def _dependent_schemas(here: Here, schemas: Mapping[str, object]) -> bool:
    here.run.charge(len(schemas))
    value = here.fields
    if value is None:
        return True
    return here.each((schema, here.value, ()) for name, schema in schemas.items() if name in value)


def _properties(here: Here, schemas: Mapping[str, object]) -> bool:
    value = here.fields
    if value is None:
        return True
    here.run.charge(len(schemas) // 4)
    names = [name for name in schemas if name in value]
    here.seen.names.update(names)
    return here.each((schemas[name], value[name], (name,)) for name in names)


def _pattern_properties(here: Here, schemas: Mapping[str, object]) -> bool:
    value = here.fields
    if value is None:
        return True
    pairs = [(name, pattern) for name in value for pattern in schemas if matches(here, pattern, name)]
    here.seen.names.update(name for name, _ in pairs)
    return here.each((schemas[pattern], value[name], (name,)) for name, pattern in pairs)


def _additional_properties(here: Here, schema: object) -> bool:
    value = here.fields
    if value is None:
        return True
    known: Mapping[str, object] = here.schema.get("properties", {})
    patterns: Mapping[str, object] = here.schema.get("patternProperties", {})
    here.run.charge(len(value) // 4)
    more = [
        name for name in value if name not in known and not any(matches(here, pattern, name) for pattern in patterns)
    ]
    return _others(here, schema, more, "additionalProperties", "Additional properties are not allowed")


def _others(here: Here, schema: object, names: list[str], keyword: str, refusal: str) -> bool:
    if schema is False and names:
        listed = ", ".join(shown(name) for name in sorted(names)[:5]) + (", ..." if len(names) > 5 else "")
        return here.refuse(keyword, f"{refusal} ({listed} {'was' if len(names) == 1 else 'were'} unexpected)")
    here.seen.names.update(names)
    return here.each((schema, here.value[name], (name,)) for name in names)


def _property_names(here: Here, schema: object) -> bool:
    value = here.fields
    if value is None:
        return True
    return all([here.run.apply(schema, name, here.loc, here.found) for name in value])


def _prefix_items(here: Here, schemas: list[object]) -> bool:
    items = here.items
    if items is None:
        return True
    pairs = list(zip(items, schemas, strict=False))
    here.seen.first = max(here.seen.first, len(pairs))
    return here.each((schema, item, (index,)) for index, (item, schema) in enumerate(pairs))


def _items(here: Here, schema: object) -> bool:
    items = here.items
    if items is None:
        return True
    first = len(here.schema.get("prefixItems", ()))
    if schema is False and len(items) > first:
        return here.refuse("items", f"the list has {len(items)} items and at most {first} are allowed")
    here.seen.first = len(items)
    return here.each((schema, items[index], (index,)) for index in range(first, len(items)))


def _contains(here: Here, schema: object) -> bool:
    items = here.items
    if items is None:
        return True
    least: float = here.schema.get("minContains", 1)
    most: float | None = here.schema.get("maxContains")
    fitting = [index for index, item in enumerate(items) if here.run.fits(schema, item)]
    here.seen.indexes.update(fitting)
    if len(fitting) < least:
        return here.refuse(
            "contains", f"{len(fitting)} items are as 'contains' says, and at least {least:g} are needed"
        )
    if most is not None and len(fitting) > most:
        return here.refuse("contains", f"{len(fitting)} items are as 'contains' says, and at most {most:g} are allowed")
    return True


def _unevaluated_properties(here: Here, schema: object) -> bool:
    value = here.fields
    if value is None:
        return True
    here.run.charge(len(value) // 4)
    more = [name for name in value if name not in here.seen.names]
    return _others(here, schema, more, "unevaluatedProperties", "Unevaluated properties are not allowed")


def _unevaluated_items(here: Here, schema: object) -> bool:
    items = here.items
    if items is None:
        return True
    here.run.charge(len(items) // 4)
    more = (index for index in range(len(items)) if not here.seen.has_item(index))
    if schema is False and (index := next(more, None)) is not None:
        return here.refuse("unevaluatedItems", f"the item {index} is not allowed")
    fits = here.each((schema, items[index], (index,)) for index in more)
    here.seen.first = len(items)
    return fits


APPLICATORS: Final[Mapping[str, Rule]] = {
    "$ref": _reference,
    "$dynamicRef": _reference,
    "allOf": _all_of,
    "anyOf": _any_of,
    "oneOf": _one_of,
    "not": _not,
    "if": _if,
    "dependentSchemas": _dependent_schemas,
    "properties": _properties,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
    "propertyNames": _property_names,
    "prefixItems": _prefix_items,
    "items": _items,
    "contains": _contains,
}
LAST: Final[Mapping[str, Rule]] = {
    "unevaluatedProperties": _unevaluated_properties,
    "unevaluatedItems": _unevaluated_items,
}
"""What looks at what the others left."""
