"""What is JSON, and the one way to write and to read it.

JSON is null, booleans, finite numbers, text without lone surrogates, lists, and objects whose keys are such text. Values are
checked where they come in (`require_json`); writing them refuses only what has no JSON text at all.
"""

from __future__ import annotations

import gc
import json
import math
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain, compress
from typing import Any, cast

from advanced_workflow.workflows.errors import DataInvalid
from advanced_workflow.workflows.plain.text import shortened

MAX_DEPTH = 100
"""Lists and objects in each other; deeper ones would exhaust the stack of one reader or another."""
_MUCH = 128 * 1024
"""Characters of JSON that make many objects."""
_INT64 = range(-(2**63), 2**63)
_LONGEST_PLACE = 200
"""Characters of a place in errors."""
_CONTAINERS = (dict, list, tuple, set, frozenset)
_NESTED: frozenset[type] = frozenset({dict, list})
_NEVER_MISFITS = frozenset({bool, type(None)})


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a value is. Kept as a chain, a place costs nothing until it is told."""

    around: _Place | None
    part: str | int


class Misfit(StrEnum):
    """Why a value is not JSON, or not for everybody; each value says what to do, and shows at most a number or a key."""

    NOT_FINITE = "{value} is not JSON; pass null or a string instead."
    LONE_SURROGATE = "the text has a lone surrogate, which is not a character; remove it."
    LONE_SURROGATE_IN_KEY = "a key has a lone surrogate, which is not a character; remove it."
    KEY = "key {value!r} is not a string; JSON has string keys only."
    BYTES = "{type} is not JSON; pass text, for instance base64."
    OTHER_TYPE = "{type} is not JSON; pass objects, lists, strings, numbers, booleans or null."
    """A converter may make JSON of it: a tuple, a date, a model."""
    TOO_DEEP = "it is nested too deeply; pass flatter data."
    BEYOND_64_BITS = "the number needs more than 64 bits; pass a string instead."
    """JSON all the same; expressions cannot calculate with it."""


@dataclass(frozen=True, slots=True)
class Found:
    """One misfit."""

    misfit: Misfit
    loc: tuple[str | int, ...]
    """Keys and indices down to the value; for a bad key, to the object that has it."""
    value: object
    """The value, or the key."""

    @property
    def where(self) -> str:
        """The place as errors write it after the name of the whole, its beginning where it is long: `.lines[1].price`."""
        place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in self.loc)
        return shortened(place, _LONGEST_PLACE)

    @property
    def reason(self) -> str:
        """What is wrong and what to do."""
        return self.misfit.value.format(value=self.value, type=type(self.value).__name__)


def require_json(value: object, place: str, *, converted: bool = False) -> None:
    """Check that a value is JSON; `place` is how errors call it.

    With `converted` a converter follows that makes JSON of other types, so that only what it would change without a word
    (NaN, bytes, other keys) and what it would leave as it is count.

    Raises:
        DataInvalid: naming the first place that is not JSON.
    """
    for found in misfits(value):
        if found.misfit is Misfit.BEYOND_64_BITS or (converted and found.misfit is Misfit.OTHER_TYPE):
            continue
        raise DataInvalid(f"{place}{found.where}: {found.reason}")


def misfits(value: object, deepest: int = MAX_DEPTH) -> Iterator[Found]:
    """Everything in a value that is not JSON, what lies deeper after what lies around it; looks no deeper than `deepest`."""
    waiting: list[tuple[_Place | None, int, object]] = [(None, -1, [value])]
    while waiting:
        place, depth, container = waiting.pop()
        inner: list[tuple[_Place | None, int, object]] = []
        for part, item in _inside(container):
            if type(item) in _NEVER_MISFITS or (type(item) is str and item.isascii()):
                continue
            here = _Place(place, part) if depth >= 0 else None
            yield from _misfits_at(item, here)
            if isinstance(item, _CONTAINERS) and item:
                if depth + 1 >= deepest:
                    yield Found(Misfit.TOO_DEEP, _loc(here), cast("object", item))
                else:
                    inner.append((here, depth + 1, cast("object", item)))
        waiting += reversed(inner)


def is_deeper(value: object, levels: int) -> bool:
    """Whether lists and objects that hold something lie in each other more than so many levels deep."""
    level: list[object] = [value] if type(value) in _NESTED else []
    for _ in range(levels):
        # A million items are looked through in some hundredths of a second.
        lists = cast("list[list[object]]", [one for one in level if type(one) is list])
        objects = cast("list[dict[str, object]]", [one for one in level if type(one) is dict])
        within = map(dict[str, object].values, objects)
        inner: list[object] = [*chain.from_iterable(lists), *chain.from_iterable(within)]
        level = list(compress(inner, map(_NESTED.__contains__, map(type, inner))))
        if not level:
            break
    return any(level)


def encode(value: Any, what: str, *, sort_keys: bool = True) -> bytes:  # noqa: ANN401 - any JSON
    """Write a value as ASCII without spaces; the same value gives the same bytes. `what` is how errors call it.

    Raises:
        DataInvalid: NaN, an infinity, bytes or another type. Lone surrogates are written as escapes: what a run has sent once
            it must send again when it is replayed.
    """
    try:
        return json.dumps(value, allow_nan=False, separators=(",", ":"), sort_keys=sort_keys).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise DataInvalid(f"{what} is not JSON ({error}); use finite numbers, text, lists and objects.") from None


def decode(text: str | bytes, what: str) -> Any:  # noqa: ANN401 - any JSON
    """Read JSON; `what` is how errors call it. Raises `DataInvalid`, also for NaN and infinities."""
    try:
        with _uncollected(len(text)):
            return json.loads(text, parse_constant=_refuse_constant)
    except ValueError as error:
        raise DataInvalid(f"{what} is not valid JSON ({error}).") from None
    except RecursionError:
        raise DataInvalid(f"{what} is nested too deeply; pass flatter data.") from None


@contextmanager
def _uncollected(size: int) -> Generator[None, None, None]:
    """Without garbage collection where much is made: it would look at all there is again and again, and find no garbage."""
    pause = size >= _MUCH and gc.isenabled()
    if pause:
        gc.disable()
    try:
        yield
    finally:
        if pause:
            gc.enable()


def is_small(value: object, most: int = 500) -> bool:
    """Whether a value has few parts and little text, so that looking through it takes no time. It is given up as soon as it is not."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        most -= 1 + len(item) // 50 if isinstance(item, str) else 1
        if isinstance(item, dict | list):
            inner = cast("dict[str, object] | list[object]", item)
            most -= len(inner)
            if most >= 0:
                waiting += [*inner.keys(), *inner.values()] if isinstance(inner, dict) else inner
        if most < 0:
            return False
    return True


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _inside(container: object) -> Iterable[tuple[str | int, object]]:
    if isinstance(container, dict):
        return ((str(key), item) for key, item in cast("dict[object, object]", container).items())
    return enumerate(cast("Iterable[object]", container))


def _misfits_at(value: object, place: _Place | None) -> Iterator[Found]:
    misfit = _misfit(value)
    if misfit is not None:
        yield Found(misfit, _loc(place), value)
    if isinstance(value, dict):
        for key in cast("dict[object, object]", value):
            if not isinstance(key, str):
                yield Found(Misfit.KEY, _loc(place), key)
            elif not _is_unicode(key):
                yield Found(Misfit.LONE_SURROGATE_IN_KEY, _loc(place), key)


def _misfit(value: object) -> Misfit | None:
    match value:
        case None | bool() | dict() | list():
            return None
        case str():
            return None if _is_unicode(value) else Misfit.LONE_SURROGATE
        case int():
            return None if value in _INT64 else Misfit.BEYOND_64_BITS
        case float():
            return None if math.isfinite(value) else Misfit.NOT_FINITE
        case bytes() | bytearray() | memoryview():
            return Misfit.BYTES
        case _:
            return Misfit.OTHER_TYPE


def _is_unicode(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _loc(place: _Place | None) -> tuple[str | int, ...]:
    parts: list[str | int] = []
    while place is not None:
        parts.append(place.part)
        place = place.around
    return tuple(reversed(parts))
