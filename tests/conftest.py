"""Servers and the harness, shared by all tests."""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import IO, cast

import pytest
from hypothesis import settings
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from advanced_workflow.client.dev import processes
from advanced_workflow.client.dev.server import DevServer
from advanced_workflow.client.dev.server_binary import find_server_binary
from tests.forking import Forking
from tests.harness import Harness
from tests.laws.leftovers import watched
from tests.patient import be_patient
from tests.replay.fresh import histories_in, replay_in_fresh_processes
from tests.servers import SPARING

# On a busy machine any example may take long.
settings.register_profile("busy", deadline=None)
settings.load_profile("busy")

pytest_plugins = ["tests.no_process_left"]

LAST_SECONDS = 600
"""What the end of all tests may take."""
END_SECONDS = 30
"""What ending the workers of broken tests may take."""
SESSION = pytest.StashKey[pytest.Session]()


def pytest_sessionstart(session: pytest.Session) -> None:
    session.config.stash[SESSION] = session
    if hasattr(session.config, "workerinput"):
        # There is a server for each process that tests: on one core each it takes a fifth less of what they share.
        os.environ.setdefault("GOMAXPROCS", "1")
        # Nor do they live long enough for their garbage to matter.
        os.environ.setdefault("GOGC", "800")


def pytest_collection_finish() -> None:
    """What is loaded by now stays: garbage collection need not look at thousands of tests again and again."""
    gc.collect()
    gc.freeze()


def pytest_runtest_teardown(nextitem: pytest.Item | None) -> None:
    """With the last test all histories are replayed: that may take longer than a test."""
    if nextitem is None and signal.getitimer(signal.ITIMER_REAL)[0]:
        signal.setitimer(signal.ITIMER_REAL, LAST_SECONDS)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave at once, with pytest's own status: Temporal's runtime threads can abort the interpreter while it shuts down."""
    session = config.stash.get(SESSION, None)
    if session is None:  # --help, --version: no test ran
        return
    config.get_terminal_writer().flush()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(int(session.exitstatus))


@pytest.fixture(scope="session", autouse=True)
def _patience() -> Iterator[None]:
    """No limit of the product or of the SDK is reached because the machine is slow."""
    with pytest.MonkeyPatch.context() as patch:
        be_patient(patch.setattr)
        yield


@pytest.fixture(scope="session", autouse=True)
def _histories(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Every history the tests made is replayed at the end, strictly and in processes that ran none of them."""
    folder = Harness.histories_folder = tmp_path_factory.mktemp("histories")
    with watched():
        yield
    Harness.histories_folder = None
    if histories_in(folder):
        failures = replay_in_fresh_processes(folder)
        # Each names its run.
        made = {run: test for run, test in Harness.tests.items() if any(run in line for line in failures)}
        assert failures == [], made


@pytest.fixture(scope="session")
async def server() -> AsyncIterator[DevServer]:
    async with DevServer(settings=SPARING) as server:
        yield server
        await _end_what_is_left()


async def _end_what_is_left() -> None:
    """End what tests left that were broken off at their time limit: without a server their workers never would."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    if left:
        await asyncio.wait(left, timeout=END_SECONDS)


@pytest.fixture(scope="session")
async def client(server: DevServer) -> Client:
    return await Client.connect(server.address)


@pytest.fixture(scope="session")
def forking() -> Iterator[Forking]:
    """Where new processes of our programs come from."""
    forking = Forking()
    yield forking
    forking.close()


@pytest.fixture(scope="session")
def forked_workers(forking: Forking) -> Iterator[None]:
    """The workers that `WorkerProcess` starts with a log are forked: a Python of their own takes over a second to load each."""
    start = processes.start_process

    async def forked(
        command: Sequence[str],
        *,
        log: IO[bytes] | None,
        environment: Mapping[str, str] | None = None,
        keep: bool = False,
    ) -> Process:
        if log is None or keep or sys.platform != "linux" or tuple(command) != processes.WORKER_COMMAND:
            return await start(command, log=log, environment=environment, keep=keep)
        return cast("Process", await forking.worker(environment or os.environ, log))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(processes, "start_process", forked)
        yield


@pytest.fixture
async def harness(client: Client) -> AsyncIterator[Harness]:
    harness = Harness(client)
    yield harness
    await harness.replay()


@pytest.fixture
async def skipping() -> AsyncIterator[Harness]:
    """A harness on the server whose clock jumps to the next timer."""
    binary = await find_server_binary()
    path = shutil.which("temporal-test-server") or str(binary.with_name("temporal-test-server"))
    async with await WorkflowEnvironment.start_time_skipping(test_server_existing_path=path) as environment:
        harness = Harness(environment.client, search_attributes=False)
        yield harness
        await harness.replay()
