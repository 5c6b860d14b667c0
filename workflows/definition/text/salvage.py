"""Plain data with wrong parts marked as left out, so that places keep their numbers while the rest is read again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from pydantic_core import ErrorDetails

from advanced_workflow.workflows.definition.problems.places import Loc, parts, path_text

_LEFT_OUT = object()
_MISSING = object()


def leave_out(tree: object, locs: Sequence[Loc]) -> object:
    """Mark places as left out; of a field that is missing, its owner. The whole tree left out gives None."""
    for loc in locs:
        place = loc if _holds(tree, loc) else loc[:-1]
        if not place:
            return None
        tree = _marked(tree, place)
    return tree


def without_left_out(node: object) -> object:
    """Copy the data without what is marked."""
    if isinstance(node, dict):
        fields = cast("dict[str, object]", node)
        return {name: without_left_out(value) for name, value in fields.items() if value is not _LEFT_OUT}
    if isinstance(node, list):
        return [without_left_out(item) for item in cast("list[object]", node) if item is not _LEFT_OUT]
    return node


def real_loc(details: ErrorDetails, tree: object) -> Loc:
    """Where an error is in the data: names of union branches are not places, and items left out count."""
    loc: list[str | int] = []
    node: object = tree
    for part in details["loc"]:
        if isinstance(part, int) and isinstance(node, list):
            part = _kept(cast("list[object]", node))[part]
        if _holds(cast("object", node), (part,)):
            loc.append(part)
            node = _child(cast("object", node), (part,))
    if details["type"] == "missing":
        loc.append(details["loc"][-1])
    return tuple(loc)


def source_path(tree: object, path: str) -> str:
    """Translate a written place of the data without what is marked into one of the data with it."""
    loc: list[str | int] = []
    node = tree
    for part in parts(path):
        if isinstance(part, int) and isinstance(node, list):
            kept = _kept(cast("list[object]", node))
            part = kept[part] if part < len(kept) else part
        node = _child(cast("object", node), (part,))
        loc.append(part)
    return path_text(loc)


def _kept(items: list[object]) -> list[int]:
    return [index for index, item in enumerate(items) if item is not _LEFT_OUT]


def _holds(tree: object, loc: Sequence[str | int]) -> bool:
    return _child(tree, loc) not in (_MISSING, _LEFT_OUT)


def _child(tree: object, loc: Sequence[str | int]) -> object:
    node = tree
    for part in loc:
        if isinstance(node, dict):
            node = cast("dict[str | int, object]", node).get(part, _MISSING)
        elif isinstance(node, list) and isinstance(part, int) and part < len(cast("list[object]", node)):
            node = cast("list[object]", node)[part]
        else:
            return _MISSING
    return node


def _marked(tree: object, loc: Loc) -> object:
    """Copy along the path, with the last place marked."""
    if not loc or tree is _LEFT_OUT:
        return _LEFT_OUT
    part = loc[0]
    if isinstance(tree, dict):
        fields = cast("dict[str | int, object]", tree)
        return {**fields, part: _marked(fields[part], loc[1:])}
    items = list(cast("list[object]", tree))
    items[cast("int", part)] = _marked(items[cast("int", part)], loc[1:])
    return items
