"""Changes of files that a worker serves."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Collection, Iterable
from pathlib import Path

from watchfiles import Change, DefaultFilter
from watchfiles import awatch as awatch  # pyright: ignore[reportUnknownVariableType] - its stop event may be anyio's

SUFFIXES = (".py", ".yaml", ".yml", ".json")


def watched(places: Iterable[Path]) -> list[AsyncGenerator[str]]:
    """Of folders and of single files: the path of one that changed, each time definitions or actions change."""
    files = {str(place) for place in places if place.is_file()}
    folders = [place for place in places if str(place) not in files]
    found: list[AsyncGenerator[str]] = []
    if folders:
        found.append(_shown_changes(awatch(*folders, watch_filter=_Sources())))
    if files:
        # Many editors put a new file in the place of the old one; so single files are looked for in their folders.
        around = {Path(one).parent for one in files}
        found.append(_shown_changes(awatch(*around, watch_filter=_Files(files), recursive=False)))
    return found


async def _shown_changes(batches: AsyncGenerator[set[tuple[Change, str]]]) -> AsyncGenerator[str]:
    async for batch in batches:
        yield shown_path(Path(min(path for _, path in batch)))


class _Sources(DefaultFilter):
    """Definitions and code; a database in a watched folder changes all the time."""

    def __call__(self, change: Change, path: str) -> bool:
        return path.endswith(SUFFIXES) and super().__call__(change, path)


class _Files(DefaultFilter):
    """Some files of a folder."""

    def __init__(self, files: Collection[str]) -> None:
        super().__init__()
        self._files = files

    def __call__(self, change: Change, path: str) -> bool:
        return path in self._files


def shown_path(path: Path) -> str:
    """The path as it is typed in the current folder."""
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)
