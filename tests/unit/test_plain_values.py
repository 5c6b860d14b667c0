"""The one rule for each beside what said it before, for as long as both are there."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from advanced_workflow.activities.action import parameters
from advanced_workflow.activities.action.results import refuse_foreign
from advanced_workflow.client import json_values
from advanced_workflow.client.render.times import parse_time
from advanced_workflow.client.serve import logs
from advanced_workflow.workflows.definition.problems.places import path_text
from advanced_workflow.workflows.definition.text.plain_data import unfit_value
from advanced_workflow.workflows.engine.temporal import clock, payloads
from advanced_workflow.workflows.errors import DataInvalid
from advanced_workflow.workflows.expressions.values import timestamp_text
from advanced_workflow.workflows.plain.misfits import places
from advanced_workflow.workflows.plain.rfc3339 import exact_rfc3339, parse_rfc3339, rfc3339
from advanced_workflow.workflows.plain.strict_json import Misfit, decode, encode, misfits, require_json

TEXTS = st.text(st.characters(), max_size=5) | st.sampled_from(["\ud800", "a\udfffb"])
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS)
JSON: st.SearchStrategy[Any] = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4), max_leaves=12
)
FOREIGN = st.sampled_from(
    [b"raw", bytearray(b"x"), (1, 2), {1}, frozenset({1}), object(), timedelta(1), datetime(2026, 1, 1, tzinfo=UTC)]
)
ANYTHING: st.SearchStrategy[Any] = st.recursive(
    SCALARS | FOREIGN,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(TEXTS | st.integers(), inner, max_size=4)
    ),
    max_leaves=12,
)
ZONES = st.integers(-23, 23).map(lambda hours: timezone(timedelta(hours=hours, minutes=30)))
MOMENTS = st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1), timezones=ZONES)  # noqa: DTZ001 - hypothesis wants naive bounds


def refused(check: Callable[[], object]) -> bool:
    try:
        check()
    except DataInvalid:
        return True
    return False


def has(value: object, *kinds: Misfit) -> bool:
    return any(found.misfit in kinds for found in misfits(value))


@given(JSON)
def test_the_engine_sends_the_same_bytes(value: Any) -> None:
    def before() -> bytes:
        return payloads.encode(value, "it").payload.data

    assert refused(before) == refused(lambda: encode(value, "it"))
    if not refused(before):
        assert encode(value, "it") == before()


@given(ANYTHING)
def test_clients_refuse_the_same(value: Any) -> None:
    assert refused(lambda: require_json(value, "it")) == refused(lambda: json_values.require_json(value, "it"))


@given(ANYTHING)
def test_results_of_actions_refuse_the_same_and_lone_surrogates(value: Any) -> None:
    before = refused(lambda: refuse_foreign(value, "it"))

    if not has(value, Misfit.LONE_SURROGATE, Misfit.LONE_SURROGATE_IN_KEY):
        assert refused(lambda: require_json(value, "it", converted=True)) == before
    else:
        assert refused(lambda: require_json(value, "it", converted=True))


@given(JSON)
def test_definitions_find_misfits_in_the_same_places(value: Any) -> None:
    before = unfit_value(value)
    unfit = (Misfit.LONE_SURROGATE, Misfit.LONE_SURROGATE_IN_KEY, Misfit.BEYOND_64_BITS)
    paths = {path_text(found.loc) for found in misfits(value, 200) if found.misfit in unfit}

    assert (before is None) == (not paths)
    assert before is None or before.path in paths


@pytest.mark.parametrize("depth", [99, 100, 101, 102])
def test_clients_refuse_the_same_depth(depth: int) -> None:
    value: Any = 1
    for _ in range(depth):
        value = [value]

    assert refused(lambda: require_json(value, "it")) == refused(lambda: json_values.require_json(value, "it"))


@given(JSON)
def test_what_was_written_is_read_back(value: Any) -> None:
    if not refused(lambda: encode(value, "it")):
        assert decode(encode(value, "it"), "it") == value


@given(MOMENTS)
def test_times_are_written_as_before(moment: datetime) -> None:
    record = logging.makeLogRecord({"created": moment.timestamp()})

    assert rfc3339(moment) == clock.timestamp(moment)
    assert rfc3339(datetime.fromtimestamp(record.created, UTC)) == logs._time(record)
    assert exact_rfc3339(moment) == timestamp_text(moment)
    assert parse_rfc3339(exact_rfc3339(moment)) == moment


@given(MOMENTS.map(rfc3339) | MOMENTS.map(datetime.isoformat) | st.dates().map(str) | st.text(max_size=10))
def test_times_are_read_as_before(text: str) -> None:
    def outcome(read: Callable[[str], datetime | None]) -> object:
        try:
            return read(text)
        except ValueError:
            return "refused"

    assert outcome(parse_rfc3339) == outcome(clock.parse_timestamp)
    if text.endswith("Z"):
        assert outcome(parse_rfc3339) == outcome(parse_time)


class _Model(BaseModel):
    name: str
    size: int


def test_misfits_name_the_same_places() -> None:
    with pytest.raises(ValidationError) as caught:
        _Model.model_validate({"name": 1, "size": math.inf})

    assert [one.split(":")[0] for one in places(caught.value).split("; ")] == [
        one.split(":")[0] for one in parameters.places(caught.value).split("; ")
    ]
