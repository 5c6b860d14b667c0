from __future__ import annotations

import json
from collections.abc import Callable
from time import thread_time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advanced_workflow.workflows.errors import DataInvalid
from advanced_workflow.workflows.plain.foreign_json import read
from advanced_workflow.workflows.plain.strict_json import MAX_DEPTH, Misfit, misfits
from advanced_workflow.workflows.plain.text import LONGEST, encodable, for_people, shortened

ANY_TEXT = st.text(st.characters(exclude_categories=()))
"""Halves of characters and NUL included."""
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | ANY_TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(ANY_TEXT, inner),
)


@given(JSON, st.booleans())
def test_all_json_is_read_and_its_text_can_be_sent(value: Any, ascii_only: bool) -> None:
    data = json.dumps(value, ensure_ascii=ascii_only).encode(errors="replace")

    got = read(data, "it")

    assert not [one for one in misfits(got) if one.misfit is not Misfit.BEYOND_64_BITS]
    json.dumps(got, ensure_ascii=False).encode()
    if not list(misfits(value)):
        assert got == value


def test_half_a_character_is_replaced_and_whole_ones_stay() -> None:
    assert read(rb'{"a\ud83d": ["no \ud83d", "\ude00", "\ud83d\ude00", "\\ud83d"]}', "it") == {
        "a\ufffd": ["no \ufffd", "\ufffd", "\U0001f600", "\\ud83d"]
    }
    assert read(rb'"\ud83d"', "it", whole=False) == "\ud83d"


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b'{"a": [1, {"b": 1e999}]}', r"^it\.a\[1\]\.b: inf is not JSON"),
        (b'{"a": -1E+400}', r"^it\.a: -inf is not JSON"),
        (b"[" + b"9" * 400 + b"]", r"^it\[0\]: the number is too large; pass a string instead"),
        (b"[" + b"9" * 400 + b".0]", r"^it\[0\]: inf"),
        (b"[" + b"9" * 5000 + b"]", "is not valid JSON"),
        (b"[" * (MAX_DEPTH + 2) + b"]" * (MAX_DEPTH + 2), "nested too deeply"),
        (b"[" * 10_000 + b"]" * 10_000, "nested too deeply"),
        (b"\xff", "is not valid JSON"),
        (b"", "is not valid JSON"),
    ],
)
def test_what_nobody_can_calculate_with_or_follow_is_refused_by_its_place(data: bytes, sentence: str) -> None:
    with pytest.raises(DataInvalid, match=sentence):
        read(data, "it")


@pytest.mark.parametrize(
    "data", [b"[1e308, 1e-999, 2.5E+10]", b"[" + b"9" * 308 + b"]", b'["1e999", "3e123", "9e999 x"]']
)
def test_what_a_float_holds_is_read(data: bytes) -> None:
    assert read(data, "it") == json.loads(data)


@pytest.mark.parametrize(
    "data",
    [
        json.dumps([{"id": number, "tags": ["a", "b"]} for number in range(20_000)]).encode(),
        b"[" + b"[1]," * 150_000 + b"1]",
        b"[" + b"1," * 300_000 + b"1]",
    ],
)
def test_much_is_read_in_little_more_than_the_parsers_own_time(data: bytes) -> None:
    parsing, reading = (min(cpu_of(work, data) for _ in range(3)) for work in (json.loads, lambda one: read(one, "it")))

    assert reading < 5 * parsing


@pytest.mark.parametrize(
    ("item", "sentence"), [("1e999", "a number in it is too large"), ("[" * 101 + "1" + "]" * 101, "nested too deeply")]
)
def test_what_is_wrong_in_very_much_is_refused_without_its_place(item: str, sentence: str) -> None:
    with pytest.raises(DataInvalid, match=f"^it: {sentence}|^it: it is {sentence}"):
        read(f"[{'0,' * 60_000}{item}]".encode(), "it")


def cpu_of(work: Callable[[bytes], object], data: bytes) -> float:
    """Seconds of this thread's own time."""
    began = thread_time()
    work(data)
    return thread_time() - began


@given(ANY_TEXT, st.integers(0, 200))
def test_a_text_for_people_can_be_sent_and_is_no_longer_than_asked(text: str, longest: int) -> None:
    got = for_people(text, longest)

    got.encode()
    assert "\0" not in got
    assert len(got) <= max(longest, len(shortened("", 0)) + 40)
    assert for_people(got, longest) == got or len(text) > longest
    assert encodable(encodable(text)) == encodable(text)


def test_a_text_that_was_cut_says_so_and_is_not_cut_again() -> None:
    got = shortened("x" * 700_000)

    assert len(got) == LONGEST
    assert got.endswith(" ... (700,000 characters in all)")
    assert shortened(got) == got
