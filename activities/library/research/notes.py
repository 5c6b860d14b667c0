"""Notes to look things up in: text files of a folder, which name other notes to see.

`ADW_RESEARCH_NOTES` is the folder (default: the notes that come with the package).
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field

from advanced_workflow.activities.action.errors import ActionError
from advanced_workflow.activities.library.namespaces import research

FOLDER_SETTING = "ADW_RESEARCH_NOTES"
DEFAULT_FOLDER = Path(__file__).with_name("notes")
_WORD = re.compile(r"\w{4,}")
"""Shorter words say nothing about a note."""
_SEE = "See:"
_MOST = 5


class Hits(BaseModel):
    """Names of notes, the best one first."""

    notes: list[str]


class Note(BaseModel):
    """A note, and those that it names."""

    name: str
    text: str
    see: list[str]


class NotesUnavailable(ActionError):
    """The folder cannot be read, now; try again."""

    def __init__(self, reason: str) -> None:
        """Name the setting."""
        super().__init__(f"{FOLDER_SETTING}: the notes cannot be read ({reason})")


class UnknownNote(ActionError):
    """There is no such note; trying again does not help."""

    def __init__(self, name: str) -> None:
        """Name it."""
        super().__init__(f"there is no note {name[:80]!r}; search_notes finds those that there are", retryable=False)


@research.action
def search_notes(text: Annotated[str, Field(min_length=1, max_length=1000)]) -> Hits:
    """Find the notes that share most words with a text; words of less than four letters do not count."""
    wanted = _words(text)
    found = {name: len(wanted & _words(note)) for name, note in _read_notes().items()}
    best = sorted((name for name, count in found.items() if count), key=lambda name: (-found[name], name))
    return Hits(notes=best[:_MOST])


@research.action
def read_note(name: Annotated[str, Field(min_length=1, max_length=200)]) -> Note:
    """Read a note by its name."""
    text = _read_notes().get(name)
    if text is None:
        raise UnknownNote(name)
    body, _, see = text.partition(_SEE)
    return Note(name=name, text=body.strip(), see=see.replace(",", " ").split())


def _words(text: str) -> set[str]:
    return {one.lower() for one in _WORD.findall(text)}


def _read_notes() -> Mapping[str, str]:
    folder = Path(os.environ.get(FOLDER_SETTING) or DEFAULT_FOLDER)
    try:
        return {
            path.stem: path.read_text(encoding="utf-8") for path in sorted(folder.iterdir()) if path.suffix == ".md"
        }
    except OSError as error:
        raise NotesUnavailable(error.strerror or "nobody says why") from None
    except UnicodeDecodeError:
        raise NotesUnavailable("a note is not UTF-8") from None
