"""`adw dev`: a server with its Web UI, and a worker that starts again when definitions or actions change."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncGenerator, Iterable, Iterator
from importlib.machinery import PathFinder
from importlib.metadata import entry_points
from pathlib import Path

from rich.console import Console
from rich.text import Text
from watchfiles import Change, DefaultFilter
from watchfiles import awatch as awatch  # pyright: ignore[reportUnknownVariableType] - its stop event may be anyio's

from advanced_workflow.client.dev.processes import WorkerProcess, local_environment
from advanced_workflow.client.dev.server import DevServer
from advanced_workflow.client.errors import SettingsInvalid
from advanced_workflow.client.serve.definitions import load_definitions
from advanced_workflow.client.settings import Settings
from advanced_workflow.workflows.definition.text.load import LIBRARY
from advanced_workflow.workflows.errors import WorkflowError

FOLDER = Path(".adw")
EXAMPLE = "order-fulfilment"
"""The example of the library to begin with."""
NOTHING_SERVED = (
    "No definitions are served yet: name your modules and folders in ADW_ACTIONS and ADW_DEFINITIONS and start again, "
    "or see the examples with 'adw dev --library'."
)
LIBRARY_ACTIONS = LIBRARY.parents[1] / "activities" / "library"
DEFAULT_PORT = 7233
ACTIONS_GROUP = "advanced_workflow.actions"
SUFFIXES = (".py", ".yaml", ".yml", ".json")


class Development:
    """One session of daily work; ends with Ctrl-C and leaves nothing running."""

    def __init__(self, settings: Settings, port: int, ui_port: int, console: Console) -> None:
        """Runs are kept in `.adw/dev.db` of the current folder."""
        FOLDER.mkdir(exist_ok=True)
        self._settings = settings
        self._console = console
        self._server = DevServer(
            database=FOLDER / "dev.db", port=port, ui_port=ui_port, log_path=FOLDER / "dev-server.log"
        )

    async def run(self) -> None:
        """Serve until cancelled.

        Raises:
            ServerStartFailed: a port is in use, or the server does not start.
            SettingsInvalid: a folder of ADW_DEFINITIONS is missing.
        """
        folders = watched_folders(self._settings)
        self._say(f"starting the server; its log is {FOLDER / 'dev-server.log'}")
        async with self._server as server:
            self._greet(server)
            worker = WorkerProcess(local_environment(server.address, ADW_LIBRARY=self._settings.library))
            try:
                await worker.start()
                async for changed in changes(folders):
                    self._say(f"{changed} changed; the worker starts again")
                    await worker.stop()
                    await worker.start()
            finally:
                self._say("stopping")
                await worker.stop()

    def _greet(self, server: DevServer) -> None:
        for line in greeting(self._settings, server):
            self._console.print(line, soft_wrap=True)

    def _say(self, sentence: str) -> None:
        self._console.print(Text("dev: ", style="bold cyan").append(sentence, style="default"), soft_wrap=True)


def greeting(settings: Settings, server: DevServer) -> Iterator[Text]:
    """What is told when the server is up, a line each: a line break inside would be written out."""
    yield Text("Web UI  ", style="dim").append(server.ui_url, style="bold")
    yield Text("Server  ", style="dim").append(server.address, style="bold")
    yield Text()
    commands = first_commands(settings)
    if not commands:
        yield Text(NOTHING_SERVED, style="yellow")
        yield Text()
    yield Text("In another terminal:", style="dim")
    if server.port != DEFAULT_PORT:
        yield Text(f"  export TEMPORAL_ADDRESS={server.address}")
    yield Text(f"  export ADW_WEB_UI={server.ui_url}")
    for line in (*commands, "adw list"):
        yield Text(f"  {line}")
    yield Text()
    yield Text("Ctrl-C stops both; runs are kept.", style="dim")
    yield Text()


def first_commands(settings: Settings) -> list[str]:
    """What to try first with the definitions at hand; nothing where there are none."""
    try:
        found = load_definitions(settings)
    except WorkflowError:
        # What the worker says shortly is said at length; what packages bring is named by no folder.
        return [
            f"adw check --no-actions {' '.join(map(str, settings.definitions))}"
            if settings.definitions
            else "adw definitions"
        ]
    if not found:
        return []
    name = EXAMPLE if settings.library == "on" else min(found)
    given = Path(found[name].source).with_name("input.json")
    shown = _shown(given) if given.is_file() else "'{...}'"
    return [f"adw start {name} --input {shown} --watch"]


def watched_folders(settings: Settings) -> list[Path]:
    """The folders of definitions, and those of the packages and modules that have actions.

    Raises:
        SettingsInvalid: a folder of ADW_DEFINITIONS does not exist.
    """
    for folder in settings.definitions:
        if not folder.is_dir():
            raise SettingsInvalid(f"ADW_DEFINITIONS: there is no folder {str(folder)!r}; make it or correct the path.")
    modules = [*settings.actions, *(point.module for point in entry_points(group=ACTIONS_GROUP))]
    library = (LIBRARY, LIBRARY_ACTIONS) if settings.library == "on" else ()
    places = {place.resolve() for place in (*library, *settings.definitions, *_places(modules))}
    return sorted(places)


async def changes(folders: Iterable[Path]) -> AsyncGenerator[str]:
    """The path of one changed file each time definitions or actions change."""
    async for found in awatch(*folders, watch_filter=_Sources()):
        yield _shown(Path(min(path for _, path in found)))


class _Sources(DefaultFilter):
    """Definitions and code; a database in a watched folder changes all the time."""

    def __call__(self, change: Change, path: str) -> bool:
        return path.endswith(SUFFIXES) and super().__call__(change, path)


def _places(modules: Iterable[str]) -> Iterable[Path]:
    # Only the top package is looked up: finding what is inside would import it.
    for name in {module.partition(".")[0] for module in modules}:
        spec = PathFinder.find_spec(name, [*sys.path, os.getcwd()])
        if spec is None:
            continue
        if spec.submodule_search_locations:
            yield from map(Path, spec.submodule_search_locations)
        elif spec.origin:
            yield Path(spec.origin)


def _shown(path: Path) -> str:
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)
