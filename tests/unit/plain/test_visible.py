from __future__ import annotations

import json
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from advanced_workflow.workflows.plain.text import markdown, one_line, visible, visible_json, visible_lines
from tests.examples import profile

HOSTILE = "a\x1b]0;t\x07\x1b[2J\x9b31m\r\n\u202eb\u2066c\u200bd\u2028e\ufefff\x7fg\U000e0041h\xadi\ud800j"


def test_no_character_is_left_that_is_obeyed_or_not_seen() -> None:
    categories = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    unseen = [chr(code) for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) in categories]
    # Signs that Arabic, Syriac, Brahmi and Egyptian writing show.
    shown = set("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd")
    left = [one for one in unseen if visible(one) == one and one not in shown and not 0x13430 <= ord(one) <= 0x1345F]

    assert len(unseen) > 2000
    assert [f"{ord(one):x}" for one in left] == []


def test_what_is_written_out_says_what_it_was() -> None:
    assert visible("a\nb\tc\x1b[0m\u202e\U000e0041") == r"a\nb\tc\x1b[0m\u202e\U000e0041"
    assert visible("Zoë - 日本 ✔ 🙂") == "Zoë - 日本 ✔ 🙂"
    assert visible_lines("a\nb\x1b") == "a\nb\\x1b"
    assert one_line("a\n\x1b b") == r"a \x1b b"


@given(st.text())
def test_it_is_one_line_and_stays_so(text: str) -> None:
    shown = visible(text)

    assert len(shown.splitlines()) <= 1
    assert visible(shown) == shown


@given(st.text(alphabet=st.characters(codec="utf-8")))
def test_json_keeps_its_meaning(text: str) -> None:
    shown = visible_json(json.dumps({"a": text}, ensure_ascii=False, indent=2))

    assert json.loads(shown) == {"a": text}
    assert visible_lines(shown) == shown


PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def _read(text: str) -> tuple[set[str], str]:
    """What a reader of markdown makes of a text: kinds of blocks and spans, and what is left to see."""
    tokens = PARSER.parse(text)
    inner = [one for token in tokens for one in token.children or ()]
    return {one.type for one in tokens} | {one.type for one in inner}, "".join(one.content for one in inner)


MARKED = [
    "**bold** _italic_ ~~gone~~ `code` *x* __y__",
    "<script>alert(1)</script> &amp; <b> <https://evil.test>",
    "[click](https://evil.test) ![p](https://evil.test/p.png) [x][y] [z]: https://evil.test",
    " - item",
    "  12345. item",
    "# heading",
    "- item",
    "+ item",
    "1. item",
    "12) item",
    "---",
    "> quoted",
    "a\\*b\\",
    HOSTILE,
]


@pytest.mark.parametrize("text", MARKED)
def test_markdown_shows_a_text_as_it_is(text: str) -> None:
    _require_shown(text)


@profile(200)
@given(st.text(alphabet=list("a1 *_`~|[](){}<>&!#+-=:./\\\n")))
def test_no_text_is_read_as_markdown(text: str) -> None:
    _require_shown(text)


def _require_shown(text: str) -> None:
    # As in a cell of a table, and as a line of its own.
    kinds, seen = _read(f"| a |\n|---|\n| x{markdown(text)} |")
    assert kinds <= TABLE, kinds
    assert seen == f"ax{visible(text).rstrip(' ')}"
    if visible(text).strip(" "):
        kinds, seen = _read(markdown(text).strip(" "))
        assert kinds <= PARAGRAPH, kinds
        assert seen == visible(text).strip(" ")


PARAGRAPH = {"paragraph_open", "paragraph_close", "inline", "text", "text_special"}
TABLE = {
    f"{one}_{end}" for one in ("table", "thead", "tbody", "tr", "th", "td") for end in ("open", "close")
} | PARAGRAPH


def test_addresses_are_no_links() -> None:
    assert markdown("https://evil.test WWW.evil.test") == "https&#58;//evil.test WWW&#46;evil.test"


@pytest.mark.parametrize("name", ["Charge the card", "ship_the_order", "Ship [3]", "ship#2", "don't: wait (a bit)"])
def test_ordinary_names_stay_as_they_are(name: str) -> None:
    assert markdown(name) == name
