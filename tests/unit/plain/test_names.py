from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advanced_workflow.workflows.plain.names import same_name, same_names


@pytest.mark.parametrize(
    "spelling",
    [
        "ann",
        "Ann",
        " ann ",
        "ann\n",
        "a\u200bnn",
        "\u202eann\u202c",
        "an\u00adn",
        "\uff41\uff4e\uff4e",
        "ann\ufe0f",
        "ann\u3164",
        "an\U000e0001n",
        "a\u034fnn\u2800",
        "\ufeffann",
    ],
)
def test_spellings_that_look_the_same_are_one_name(spelling: str) -> None:
    assert same_name(spelling) == "ann"


@pytest.mark.parametrize("name", ["", " ", "\u200b", "\u3164\u2800", "\t\u2060\n", "\ud800"])
def test_a_name_of_which_nothing_can_be_seen_is_empty(name: str) -> None:
    assert same_name(name) == ""


def test_other_people_stay_others() -> None:
    assert len(same_names(["ann", "anne", "an n", "\u00e4nn", "Anna", "ann smith", "ann  Smith"])) == 6


@given(st.text())
def test_the_form_that_is_compared_is_its_own(name: str) -> None:
    once = same_name(name)

    assert same_name(once) == once
    assert same_name(f" {name}\u200d") == once
    assert same_name(unicodedata.normalize("NFKC", name)) == once
