"""`adw dev`: a server with its Web UI, and a worker that starts again when definitions or actions change, or when it died."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncGenerator, Coroutine, Iterable, Iterator
from importlib.machinery import PathFinder
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from advanced_workflow.client.dev.kept_worker import KeptWorker
from advanced_workflow.client.dev.processes import local_environment
from advanced_workflow.client.dev.restarts import Pauses, how_it_ended
from advanced_workflow.client.dev.server import DevServer
from advanced_workflow.client.dev.voice import Voice
from advanced_workflow.client.dev.watching import shown_path, watched
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


class Development:
    """One session of daily work; ends with Ctrl-C and leaves nothing running."""

    def __init__(self, settings: Settings, port: int, ui_port: int, console: Console) -> None:
        """Runs are kept in `.adw/dev.db` of the current folder."""
        FOLDER.mkdir(exist_ok=True)
        self._settings = settings
        self._voice = Voice(console, as_json=settings.log_format == "json")
        self._server = DevServer(
            database=FOLDER / "dev.db", port=port, ui_port=ui_port, log_path=FOLDER / "dev-server.log"
        )

    async def run(self) -> None:
        """Serve until cancelled.

        Raises:
            ServerStartFailed: a port is in use, or the server does not start, also where it ended and is started again.
            SettingsInvalid: a folder of ADW_DEFINITIONS is missing.
        """
        folders = watched_folders(self._settings)
        self._voice.say(f"starting the server; its log is {FOLDER / 'dev-server.log'}")
        async with self._server as server:
            self._voice.greet(greeting(self._settings, server))
            environment = local_environment(server.address, ADW_LIBRARY=self._settings.library)
            worker = KeptWorker(environment, self._voice.say)
            await _until_one_fails(
                self._say_at_the_end("stopping"), worker.run(), self._follow(folders, worker), self._keep_server(worker)
            )

    async def _say_at_the_end(self, sentence: str) -> None:
        """Before the others have ended, which may take seconds."""
        try:
            await asyncio.Event().wait()
        finally:
            self._voice.say(sentence)

    async def _follow(self, places: Iterable[Path], worker: KeptWorker) -> None:
        """Start the worker again when what it serves has changed, and loads."""
        latest: asyncio.Queue[str] = asyncio.Queue()

        async def follow(changes: AsyncGenerator[str]) -> None:
            async for changed in changes:
                latest.put_nowait(changed)

        async def look() -> None:
            looking: asyncio.Task[None] | None = None
            while True:
                changed = await latest.get()
                if looking is not None:
                    looking.cancel()
                looking = group.create_task(self._look_at(changed, worker))

        async with asyncio.TaskGroup() as group:
            group.create_task(look())
            for changes in watched(places):
                group.create_task(follow(changes))

    async def _look_at(self, changed: str, worker: KeptWorker) -> None:
        refusal = await worker.refusal() if worker.runs else None
        if refusal is None:
            self._voice.say(f"{changed} changed; the worker starts again")
            worker.renew()
        else:
            kept = "; the one that runs stays as it is" if worker.runs else ""
            self._voice.say(f"{changed} changed, and no worker starts with it{kept}:")
            self._voice.quote(refusal)

    async def _keep_server(self, worker: KeptWorker) -> None:
        pauses = Pauses()
        while True:
            began = asyncio.get_running_loop().time()
            ended = how_it_ended(await self._server.ended())
            pause = pauses.after(asyncio.get_running_loop().time() - began)
            self._voice.say(f"the server {ended}; it starts again in {pause:g} s (its log: {self._server.log_path})")
            await asyncio.sleep(pause)
            await self._server.start()
            self._voice.say("the server is back, with all runs")
            if not worker.runs:
                worker.renew()


async def _until_one_fails(*works: Coroutine[Any, Any, None]) -> None:
    """Do works that have no end; the first failure ends the others and is raised."""
    tasks = [asyncio.ensure_future(one) for one in works]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
    for end in ends:
        if isinstance(end, Exception):
            raise end


def greeting(settings: Settings, server: DevServer) -> Iterator[Text]:
    """What is told when the server is up, a line each: a line break inside would be written out."""
    yield Text("Web UI  ", style="dim").append(server.ui_url, style="bold")
    yield Text("Server  ", style="dim").append(server.address, style="bold")
    yield Text("HTTP    ", style="dim").append(server.http_url, style="bold")
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
    sources = {one.workflow.workflow_id: one.source for one in found}
    name = EXAMPLE if settings.library == "on" else min(sources)
    given = Path(sources[name]).with_name("input.json")
    shown = shown_path(given) if given.is_file() else "'{...}'"
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
