from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from advanced_workflow.activities.library import studio
from advanced_workflow.activities.library.ledger import PATH_SETTING
from advanced_workflow.activities.library.studio.image import CAPTION_LENGTH
from tests.library.outcomes import ledger_summary
from tests.unit.acting import call, fails, undo_input

SVG = "{http://www.w3.org/2000/svg}"

EFFECTS: list[tuple[str, dict[str, Any]]] = [
    ("save_text", {"text": "Cats."}),
    ("draw_card", {"caption": "Cats"}),
]


@pytest.fixture(autouse=True)
def _ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PATH_SETTING, str(tmp_path / "ledger.db"))


async def saved(text: str, step: str = "text") -> str:
    return (await call(studio.save_text, {"text": text}, step))["draft_id"]


async def drawn(caption: str, step: str = "image") -> str:
    return (await call(studio.draw_card, {"caption": caption}, step))["draft_id"]


async def measured(text: str, image: str, *must_mention: str, max_words: int = 100) -> dict[str, Any]:
    given = {"text_draft": text, "image_draft": image, "must_mention": list(must_mention), "max_words": max_words}
    return await call(studio.measure_content, given, "measure")


@pytest.mark.parametrize(("name", "given"), EFFECTS, ids=[effect[0] for effect in EFFECTS])
async def test_a_draft_is_made_once_and_thrown_away_once(name: str, given: dict[str, Any]):
    first = await call(getattr(studio, name), given)
    assert await call(getattr(studio, name), given, attempt=2) == first
    assert ledger_summary() == {"draft": {"done": 1, "undone": 0}}

    for known in (first, None):
        assert await call(studio.discard_draft, undo_input(given, known), "step.rollback[0]") is True
    assert ledger_summary() == {"draft": {"done": 0, "undone": 1}}
    assert (await fails(getattr(studio, name), given, attempt=3)).type == "StepUndone"


async def test_what_is_published_is_what_was_saved_and_a_publication_is_withdrawn_once():
    given = {"text_draft": await saved("Cats sleep."), "image_draft": await drawn("Cats sleep")}
    first = await call(studio.publish_content, given, "deliver")

    assert first["text"] == "Cats sleep."
    assert first["image"].startswith("<svg")
    assert await call(studio.publish_content, given, "deliver", attempt=2) == first
    for known in (first, None):
        undone = await call(studio.withdraw_content, undo_input(given, known, "deliver"), "deliver.rollback[0]")
        assert undone is True
    assert ledger_summary()["publication"] == {"done": 0, "undone": 1}


async def test_a_draft_that_nobody_saved_or_that_was_thrown_away_is_not_published():
    image, text = await drawn("Cats sleep"), await saved("Cats sleep.")
    await call(studio.discard_draft, undo_input({}, None, "text"), "text.rollback[0]")

    for draft in ("made-up", text):
        error = await fails(studio.publish_content, {"text_draft": draft, "image_draft": image}, "deliver")
        assert (error.type, error.non_retryable) == ("UnknownDraft", True)
    assert "publication" not in ledger_summary()


async def test_an_image_is_a_picture_with_the_caption_as_title_whatever_the_text_holds():
    card = (await call(studio.draw_card, {"caption": 'Cats & "dogs" <script>' + "!" * 100}))["content"]

    picture = ElementTree.fromstring(card)  # noqa: S314 - our own
    title = picture.findtext(f"{SVG}title")
    assert title == picture.findtext(f"{SVG}text")
    assert title is not None
    assert title.startswith('Cats & "dogs" <script>')
    assert len(title) == CAPTION_LENGTH


@pytest.mark.parametrize(
    ("text", "caption", "max_words", "wrong"),
    [
        ("Cats and dogs sleep.", "Cats and dogs sleep", 100, {}),
        ("Cats sleep.", "Cats sleep", 100, {"missing": ["dogs"]}),
        ("Cats and dogs sleep.", "Cats and dogs sleep", 3, {"words_too_many": 1}),
        ("Dogs bark. Cats sleep.", "Dogs bark", 100, {"image_differs": True, "caption": "Cats sleep"}),
    ],
)
async def test_measures_say_what_is_wrong(text: str, caption: str, max_words: int, wrong: dict[str, Any]):
    found = await measured(await saved(text), await drawn(caption), "dogs", max_words=max_words)

    right = {"missing": [], "words_too_many": 0, "image_differs": False, "caption": caption}
    assert found == {**right, **wrong}


async def test_an_edit_leaves_out_and_adds_and_the_text_before_it_stays():
    first = await saved("Cats sleep. More about dogs.")
    edited = await call(
        studio.edit_text, {"text_draft": first, "add": "More about mice.", "leave_out_words": 3}, "edited"
    )
    shorter = await call(studio.edit_text, {"text_draft": edited["draft_id"], "leave_out_words": 3}, "shorter")

    assert (edited["content"], shorter["content"]) == ("Cats sleep. More about mice.", "Cats sleep.")
    assert ledger_summary() == {"draft": {"done": 3, "undone": 0}}
