"""An answer is taken whole or not at all, whatever the stream did."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advanced_workflow.activities.agents import assembly
from advanced_workflow.activities.agents.assembly import Assembly
from advanced_workflow.activities.agents.failures import ModelError
from advanced_workflow.activities.agents.pieces import CallPiece, Piece
from advanced_workflow.workflows.contract import FinishReason, ModelFailure, Usage

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
calls = st.lists(
    st.tuples(st.sampled_from(["search", "read"]), st.dictionaries(st.text(max_size=5), values)), max_size=3
)


def assembled(*pieces: Piece) -> Assembly:
    made = Assembly()
    for piece in pieces:
        made.add(piece)
    return made


def pieces_of(wanted: list[tuple[str, dict[str, Any]]], cuts: list[int], *, indexed: bool) -> list[Piece]:
    """A stream of these calls, their arguments cut at these places."""
    found = [Piece(text="I look. ")]
    for number, (name, arguments) in enumerate(wanted):
        text = json.dumps(arguments, ensure_ascii=False)
        index = number if indexed else None
        places = sorted({min(one, len(text)) for one in cuts} | {0, len(text)})
        found.append(Piece(calls=(CallPiece(index, f"call-{number}", name),)))
        found += [Piece(calls=(CallPiece(index, "", "", text[a:b]),)) for a, b in itertools.pairwise(places)]
    return [*found, Piece(finish_reason="tool_calls" if wanted else "stop")]


@given(calls, st.lists(st.integers(0, 60), max_size=5), st.booleans())
def test_a_whole_stream_gives_its_calls_and_no_beginning_of_it_gives_any(
    wanted: list[tuple[str, dict[str, Any]]], cuts: list[int], indexed: bool
):
    stream = pieces_of(wanted, cuts, indexed=indexed)

    answer = assembled(*stream).answer()

    assert [(one.name, one.arguments, one.error) for one in answer.message.tool_calls] == [(*one, "") for one in wanted]
    assert answer.message.content == "I look. "
    for length in range(len(stream)):
        with pytest.raises(ModelError, match="no finish_reason") as caught:
            assembled(*stream[:length]).answer()
        assert caught.value.kind is ModelFailure.ANSWER_INVALID
        assert not caught.value.non_retryable


@pytest.mark.parametrize(
    "text", ['{"query": "x', "[1]", '"x"', "{'a': 1}", '{"a": NaN}', '{"a": 1e999}', "{}{}", "null"]
)
def test_arguments_that_are_no_object_are_told_and_never_repaired(text: str):
    call = assembled(Piece(calls=(CallPiece(0, "c", "search", text),)), Piece(finish_reason="tool_calls")).answer()

    (found,) = call.message.tool_calls
    assert found.arguments == {}
    assert found.error.startswith("the arguments")
    assert found.text == text


@pytest.mark.parametrize("reason", ["length", "max_tokens", "MAX_TOKENS", "content_filter", "SAFETY", "refusal"])
def test_calls_of_an_answer_that_was_cut_are_left_out(reason: str):
    answer = assembled(
        Piece(text="half an ans", calls=(CallPiece(0, "c", "drop_table", "{}"),), raw=[{"type": "thinking"}]),
        Piece(finish_reason=reason),
    ).answer()

    assert answer.message.tool_calls == []
    assert answer.message.raw is None
    assert answer.message.content == "half an ans"
    assert answer.finish_reason in (FinishReason.LENGTH, FinishReason.CONTENT_FILTER)


def test_a_model_that_may_not_call_does_not():
    answer = assembled(Piece(calls=(CallPiece(0, "c", "search", "{}"),)), Piece(finish_reason="tool_calls"))

    found = answer.answer(calls_allowed=False)

    assert (found.message.tool_calls, found.finish_reason) == ([], FinishReason.STOP)


@pytest.mark.parametrize(
    ("reason", "has_calls", "found"),
    [
        ("stop", False, "stop"),
        ("stop", True, "tool_calls"),
        ("tool_use", True, "tool_calls"),
        ("tool_calls", False, "stop"),
        ("whatever", False, "stop"),
        ("end_turn", False, "stop"),
    ],
)
def test_reasons_of_all_providers_are_few(reason: str, has_calls: bool, found: str):
    calls = (CallPiece(0, "c", "search", "{}"),) if has_calls else ()

    assert assembled(Piece(calls=calls, text="x"), Piece(finish_reason=reason)).answer().finish_reason == found


def test_calls_that_end_for_an_unknown_reason_are_not_taken():
    with pytest.raises(ModelError, match="unknown reason \\('insufficient_system_resource'\\)"):
        assembled(
            Piece(calls=(CallPiece(0, "c", "search", "{}"),)), Piece(finish_reason="insufficient_system_resource")
        ).answer()


def test_each_call_has_an_id_of_its_own_whatever_the_provider_gives():
    given_ids = ["", "a", "a", "call_0", "x" * 500, ""]
    stream = [Piece(calls=(CallPiece(number, one, "t", "{}"),)) for number, one in enumerate(given_ids)]

    found = [one.id for one in assembled(*stream, Piece(finish_reason="tool_calls")).answer().message.tool_calls]

    assert len(set(found)) == len(given_ids)
    assert found[1] == "a"
    assert max(map(len, found)) <= 200


def test_a_name_that_is_repeated_with_every_part_is_one_name():
    stream = [Piece(calls=(CallPiece(0, "c", "search", part),)) for part in ('{"a"', ": 1}")]

    (call,) = assembled(*stream, Piece(finish_reason="stop")).answer().message.tool_calls

    assert (call.name, call.arguments) == ("search", {"a": 1})


def test_text_divided_inside_of_a_character_is_whole_and_half_a_character_is_none():
    answer = assembled(Piece(text="a \ud83d"), Piece(text="\ude00 b \ud83d"), Piece(finish_reason="stop")).answer()

    assert answer.message.content == "a \U0001f600 b \ufffd"


def test_an_answer_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(assembly, "LARGEST_ANSWER", 1000)
    with pytest.raises(ModelError, match="more than"):
        assembled(*[Piece(text="x" * 100)] * 11)
    with pytest.raises(ModelError, match="128 calls"):
        assembled(*[Piece(calls=(CallPiece(number, "", "t"),)) for number in range(200)])


def test_what_a_provider_does_not_count_is_guessed_and_said_to_be():
    counted = assembled(
        Piece(text="abcd" * 10), Piece(finish_reason="stop", usage=Usage(input_tokens=7, output_tokens=3))
    )

    assert counted.answer().usage == Usage(input_tokens=7, output_tokens=3)
    guessed = assembled(Piece(text="abcd" * 10), Piece(finish_reason="stop")).answer().usage
    assert guessed == Usage(output_tokens=10, estimated=True)


def test_the_last_words_are_at_hand_while_it_comes():
    made = assembled(*[Piece(text=f"{number} ") for number in range(1000)])

    assert made.ending(8) == "998 999 "
    assert made.pieces == 1000
