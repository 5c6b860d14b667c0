from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.harness import ROOT

FRAGMENTS = sorted(file for file in (ROOT / ".changes").glob("*") if file.name != "README.md")
WIDTH = 140


def wrong_in(name: str, text: str) -> list[str]:
    """What is wrong with a change-log fragment."""
    lines = text.splitlines()
    items = re.split(r"^- ", text, flags=re.MULTILINE)[1:]
    found = [
        ("the name is small words joined by '-', and ends in .md", re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*\.md", name)),
        ("the first line begins an item with '- '", text.startswith("- ")),
        (
            "other lines begin an item or are indented by two blanks",
            all(re.match(r"(- |  )\S", line) for line in lines),
        ),
        ("an item is one or more sentences", all(re.match(r"[A-Z`].*[.)]\n\Z", item, re.DOTALL) for item in items)),
        (f"lines have up to {WIDTH} characters", all(len(line) <= WIDTH for line in lines)),
    ]
    return [rule for rule, holds in found if not holds]


@pytest.mark.parametrize("file", FRAGMENTS, ids=lambda file: file.name)
def test_a_fragment_can_be_moved_into_the_change_log_as_it_is(file: Path) -> None:
    assert wrong_in(file.name, file.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("name", "text", "rule"),
    [
        ("Faster.md", "- It is faster.\n", "the name"),
        ("faster.txt", "- It is faster.\n", "the name"),
        ("faster.md", "It is faster.\n", "the first line"),
        ("faster.md", "- It is faster,\nmuch.\n", "other lines"),
        ("faster.md", "- it is faster.\n", "an item"),
        ("faster.md", "- It is faster\n", "an item"),
        ("faster.md", f"- It is {'very ' * 30}fast.\n", "lines have"),
    ],
)
def test_what_does_not_fit_the_change_log_is_found(name: str, text: str, rule: str) -> None:
    assert any(one.startswith(rule) for one in wrong_in(name, text))


def test_a_fragment_may_have_several_items_of_several_lines() -> None:
    assert wrong_in("two-things-2.md", "- It is faster\n  by half. See README.\n- `adw x` is new (try it.)\n") == []
