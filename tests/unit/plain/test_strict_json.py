from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advanced_workflow.workflows.errors import DataInvalid
from advanced_workflow.workflows.plain.strict_json import MAX_DEPTH, Misfit, decode, encode, misfits, require_json

GOOD_TEXTS = st.text(max_size=5)
GOOD_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    GOOD_TEXTS,
)
JSON: st.SearchStrategy[Any] = st.recursive(
    GOOD_SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(GOOD_TEXTS, inner, max_size=4),
    max_leaves=12,
)
BAD: list[tuple[Any, Misfit]] = [
    (math.nan, Misfit.NOT_FINITE),
    (-math.inf, Misfit.NOT_FINITE),
    ("a\ud800", Misfit.LONE_SURROGATE),
    ({"\udfff": 1}, Misfit.LONE_SURROGATE_IN_KEY),
    ({1: 1}, Misfit.KEY),
    (b"raw", Misfit.BYTES),
    (bytearray(b"raw"), Misfit.BYTES),
    ((), Misfit.OTHER_TYPE),
    (datetime(2026, 1, 1, tzinfo=UTC), Misfit.OTHER_TYPE),
    (2**63, Misfit.BEYOND_64_BITS),
]


def around(value: object) -> st.SearchStrategy[tuple[Any, tuple[str | int, ...]]]:
    """Values that hold another somewhere, with its place."""
    return st.recursive(
        st.just((value, ())),
        lambda inner: st.one_of(
            st.tuples(st.lists(JSON, max_size=2), inner).map(
                lambda drawn: ([*drawn[0], drawn[1][0]], (len(drawn[0]), *drawn[1][1]))
            ),
            st.tuples(GOOD_TEXTS, inner).map(lambda drawn: ({drawn[0]: drawn[1][0]}, (drawn[0], *drawn[1][1]))),
        ),
        max_leaves=6,
    )


@given(JSON)
def test_json_has_no_misfits_and_is_read_back_as_it_was_written(value: Any) -> None:
    require_json(value, "it")

    assert list(misfits(value)) == []
    assert decode(encode(value, "it"), "it") == value


@given(st.sampled_from(BAD).flatmap(lambda bad: st.tuples(around(bad[0]), st.just(bad[1]))))
def test_every_misfit_is_found_where_it_is(drawn: tuple[tuple[Any, tuple[str | int, ...]], Misfit]) -> None:
    (value, loc), misfit = drawn

    assert [(found.misfit, found.loc) for found in misfits(value)] == [(misfit, loc)]


@given(st.sampled_from(BAD).flatmap(lambda bad: st.tuples(around(bad[0]), st.just(bad[1]))))
def test_what_is_not_json_is_refused_in_one_sentence(drawn: tuple[tuple[Any, Any], Misfit]) -> None:
    (value, _), misfit = drawn
    if misfit is Misfit.BEYOND_64_BITS:
        require_json(value, "it")
        return

    with pytest.raises(DataInvalid, match=r"(?s)^it.*: .*[;,] .*\.$"):
        require_json(value, "it")


@pytest.mark.parametrize("value", [(1, 2), {1}, frozenset({1}), datetime(2026, 1, 1, tzinfo=UTC), object()])
def test_other_types_pass_where_a_converter_follows_but_not_what_it_would_change(value: object) -> None:
    require_json([value], "it", converted=True)

    for bad, misfit in BAD:
        if misfit not in (Misfit.OTHER_TYPE, Misfit.BEYOND_64_BITS):
            with pytest.raises(DataInvalid):
                require_json((bad,), "it", converted=True)


def test_the_sentence_names_the_place() -> None:
    with pytest.raises(
        DataInvalid, match=r"^input_data\.lines\[1\]\.price: nan is not JSON; pass null or a string instead\.$"
    ):
        require_json({"lines": [{}, {"price": math.nan}]}, "input_data")


@pytest.mark.parametrize(("levels", "fits"), [(MAX_DEPTH, True), (MAX_DEPTH + 1, False), (100_000, False)])
def test_lists_in_lists_have_a_bound(levels: int, fits: bool) -> None:
    value: Any = 1
    for _ in range(levels):
        value = [value]

    assert [found.misfit for found in misfits(value)] == ([] if fits else [Misfit.TOO_DEEP])


@given(JSON)
def test_bytes_are_those_of_temporals_own_converter(value: Any) -> None:
    assert encode(value, "it") == json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


def test_keys_keep_their_order_where_it_is_asked_for() -> None:
    assert encode({"b": 1, "a": [1, {"d": None, "c": "ü"}]}, "it", sort_keys=False) == (
        b'{"b":1,"a":[1,{"d":null,"c":"\\u00fc"}]}'
    )


def test_a_lone_surrogate_that_is_already_in_a_run_is_sent_as_it_was() -> None:
    assert encode("\ud800", "it") == b'"\\ud800"'
    assert decode(b'"\\ud800"', "it") == "\ud800"


@pytest.mark.parametrize("value", [math.nan, math.inf, b"raw", {(1, 2): 3}, object()])
def test_what_has_no_json_text_is_not_written(value: object) -> None:
    with pytest.raises(DataInvalid, match=r"^what is sent is not JSON "):
        encode([value], "what is sent")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[1,", "line 1 column 4"),
        ("[NaN]", "NaN is not a JSON number"),
        (b"-Infinity", "-Infinity is not a JSON number"),
        (b"\xff", "can't decode"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_what_is_not_json_text_is_not_read(text: str | bytes, reason: str) -> None:
    with pytest.raises(DataInvalid, match=f"^the argument is .*{reason}"):
        decode(text, "the argument")
