from __future__ import annotations

from pathlib import Path

import pytest

from advanced_workflow.activities.library.research import read_note, search_notes
from advanced_workflow.activities.library.research.notes import DEFAULT_FOLDER, FOLDER_SETTING
from tests.unit.acting import call, fails


@pytest.fixture(autouse=True)
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "cats.md").write_text("Cats sleep all day.\n\nSee: dogs, mice\n", encoding="utf-8")
    (folder / "dogs.md").write_text("Dogs bark while cats sleep.", encoding="utf-8")
    (folder / "other.txt").write_text("cats", encoding="utf-8")
    monkeypatch.setenv(FOLDER_SETTING, str(folder))
    return folder


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Do DOGS bark at cats?", ["dogs", "cats"]),
        ("cats", ["cats", "dogs"]),
        ("all", []),
        ("fish", []),
    ],
)
async def test_notes_with_more_of_the_words_come_first(text: str, found: list[str]):
    assert await call(search_notes, {"text": text}) == {"notes": found}


async def test_a_note_names_those_to_see():
    assert await call(read_note, {"name": "cats"}) == {
        "name": "cats",
        "text": "Cats sleep all day.",
        "see": ["dogs", "mice"],
    }
    assert (await call(read_note, {"name": "dogs"}))["see"] == []


@pytest.mark.parametrize("name", ["mice", "other", "../notes/cats", "cats.md"])
async def test_only_the_name_of_a_note_opens_a_file(name: str):
    error = await fails(read_note, {"name": name})

    assert (error.type, error.non_retryable) == ("UnknownNote", True)
    assert repr(name) in error.message


async def test_notes_that_cannot_be_read_may_be_tried_again_and_the_setting_is_named(
    notes: Path, monkeypatch: pytest.MonkeyPatch
):
    (notes / "cats.md").write_bytes(b"\xff")
    broken = await fails(search_notes, {"text": "cats"})
    monkeypatch.setenv(FOLDER_SETTING, str(notes / "elsewhere"))
    missing = await fails(read_note, {"name": "cats"})

    for error in (broken, missing):
        assert (error.type, error.non_retryable) == ("NotesUnavailable", False)
        assert FOLDER_SETTING in error.message


def test_the_notes_that_come_with_the_package_are_linked_and_one_link_is_broken_for_a_case():
    names = {path.stem for path in DEFAULT_FOLDER.glob("*.md")}
    seen = {path.read_text(encoding="utf-8").partition("See: ")[2].strip() for path in DEFAULT_FOLDER.glob("*.md")}

    assert seen - names == {"", "depths"}
