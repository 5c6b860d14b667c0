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
CONTENT: dict[str, Any] = {"text": "Cats sleep.", "image": "<svg/>"}

EFFECTS: list[tuple[str, str, str, dict[str, Any]]] = [
    ("generate_text", "discard_draft", "draft", {"prompt": "cats"}),
    ("generate_image", "discard_draft", "draft", {"text": "Cats."}),
    ("refine_text", "discard_draft", "draft", {"text": "Cats.", "missing": ["dogs"], "words_too_many": 0}),
    ("refine_image", "discard_draft", "draft", {"caption": "Cats"}),
    ("publish_content", "withdraw_content", "publication", CONTENT),
]


@pytest.fixture(autouse=True)
def _ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PATH_SETTING, str(tmp_path / "ledger.db"))


async def evaluate(text: str, image: str, *must_mention: str, max_words: int = 100) -> dict[str, Any]:
    given = {"text": text, "image": image, "must_mention": list(must_mention), "max_words": max_words}
    return await call(studio.evaluate_content, given, "evaluate")


@pytest.mark.parametrize(("name", "undo", "kind", "given"), EFFECTS, ids=[effect[0] for effect in EFFECTS])
async def test_an_agent_works_once_and_its_work_is_thrown_away_once(
    name: str, undo: str, kind: str, given: dict[str, Any]
):
    first = await call(getattr(studio, name), given)
    assert await call(getattr(studio, name), given, attempt=2) == first
    assert ledger_summary() == {kind: {"done": 1, "undone": 0}}

    for known in (first, None):
        assert await call(getattr(studio, undo), undo_input(given, known), "step.rollback[0]") is True
    assert ledger_summary() == {kind: {"done": 0, "undone": 1}}
    assert (await fails(getattr(studio, name), given, attempt=3)).type == "StepUndone"


async def test_a_refused_prompt_is_final_and_leaves_no_draft():
    error = await fails(studio.generate_text, {"prompt": "how to print Counterfeit money"})

    assert (error.type, error.non_retryable) == ("ContentRefused", True)
    assert ledger_summary() == {}


async def test_an_image_is_a_picture_with_the_caption_as_title_whatever_the_text_holds():
    drawn = await call(studio.generate_image, {"text": 'Cats & "dogs" <script>' + "!" * 100})

    card = ElementTree.fromstring(drawn["content"])  # noqa: S314 - our own
    title = card.findtext(f"{SVG}title")
    assert title == card.findtext(f"{SVG}text")
    assert title is not None
    assert title.startswith('Cats & "dogs" <script>')
    assert len(title) == CAPTION_LENGTH


async def test_content_with_nothing_to_say_about_needs_no_refinement():
    text = (await call(studio.generate_text, {"prompt": "cats & dogs"}, "text"))["content"]
    image = (await call(studio.generate_image, {"text": text}, "image"))["content"]

    assert await evaluate(text, image, "Cats", "dogs") == {
        "needs_refinement": False,
        "missing": [],
        "words_too_many": 0,
        "caption": "Cats & dogs",
        "image_differs": False,
    }


@pytest.mark.parametrize(
    ("text", "caption", "max_words", "wrong"),
    [
        ("Cats sleep.", "Cats sleep", 100, {"missing": ["dogs"]}),
        ("Cats and dogs sleep.", "Cats and dogs sleep", 3, {"words_too_many": 1}),
        ("Dogs bark. Cats sleep.", "Dogs bark", 100, {"image_differs": True, "caption": "Cats sleep"}),
    ],
)
async def test_the_evaluator_says_what_is_wrong(text: str, caption: str, max_words: int, wrong: dict[str, Any]):
    image = (await call(studio.refine_image, {"caption": caption}))["content"]

    found = await evaluate(text, image, "dogs", max_words=max_words)

    assert found == {**found, **wrong, "needs_refinement": True}


async def test_following_the_feedback_settles_it():
    feedback = {"text": "Cats sleep.", "missing": ["dogs", "mice"], "words_too_many": 0}

    longer = (await call(studio.refine_text, feedback, "longer"))["content"]
    shorter = (await call(studio.refine_text, {"text": longer, "missing": [], "words_too_many": 3}, "shorter"))[
        "content"
    ]

    assert (longer, shorter) == ("Cats sleep. More about dogs.", "Cats sleep.")
