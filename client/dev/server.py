"""The development server: Temporal's own, with its Web UI, as a child process on this machine.

async with DevServer(database=Path("runs.db")) as server:
    client = await connect(address=server.address)
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
from asyncio.subprocess import Process
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.service import RPCError

from advanced_workflow.client.dev.child_process import end_process, start_process
from advanced_workflow.client.dev.server_binary import find_server_binary
from advanced_workflow.client.dev.server_settings import FILE, PROMPT, dynamic_config, pragmas
from advanced_workflow.client.errors import ServerStartFailed
from advanced_workflow.client.ports import LOOPBACK, find_free_ports, is_free
from advanced_workflow.client.service.attributes import SEARCH_ATTRIBUTES

START_ATTEMPTS = 3
"""A port found free may be taken by somebody else before the server binds it."""
START_SECONDS = 120
"""A slow machine takes many times the few seconds of others; one that ends instead is not waited for."""
POLL_SECONDS = 0.05
LOG_LINES_SHOWN = 15


@dataclass
class DevServer:
    """A development server; `async with` starts and stops it.

    With `database` the runs survive a restart on that SQLite file, otherwise they live in memory. Ports left at 0 are
    chosen, and so is `http_port`, that of its HTTP API. The log goes to `log_path`, by default a temporary file. With `keep`
    the server is left running when the block, or this process, ends; otherwise it ends with this process even if that is
    killed (Linux). `settings` is dynamic configuration in place of `PROMPT`: with `{}` the server is as slow as Temporal's
    defaults make it.

    Raises:
        ServerStartFailed: on entering, when it does not serve within two minutes; the message ends with its log.
    """

    database: Path | None = None
    port: int = 0
    ui_port: int = 0
    log_path: Path | None = None
    keep: bool = False
    extra_arguments: Sequence[str] = ()
    settings: Mapping[str, str] = field(default_factory=lambda: PROMPT)
    namespace: str = "default"
    http_port: int = field(default=0, init=False)
    process: Process | None = field(default=None, init=False)
    _own_log: bool = field(default=False, init=False)

    @property
    def address(self) -> str:
        """HOST:PORT for `TEMPORAL_ADDRESS`."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def ui_url(self) -> str:
        """Where the Web UI is."""
        return f"http://{LOOPBACK}:{self.ui_port}"

    @property
    def http_url(self) -> str:
        """Where the HTTP API is: the path of `run.callback` is one of it."""
        return f"http://{LOOPBACK}:{self.http_port}"

    @property
    def pid(self) -> int | None:
        """Process id, once started."""
        return self.process.pid if self.process else None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self.keep:
            await self.stop()

    async def start(self) -> None:
        """Start the server and wait until it serves; it may be started again after `stop`, on the same ports."""
        binary = await find_server_binary()
        for wanted in (self.port, self.ui_port):
            if wanted and not is_free(wanted):
                raise ServerStartFailed(
                    f"port {wanted} is in use on this machine; choose another, or 0 for any free port."
                )
        if self.log_path is None:
            self.log_path, self._own_log = _temporary_log(), True
        chosen = (self.port, self.ui_port)
        for attempt in range(1, START_ATTEMPTS + 1):
            self.port, self.ui_port, self.http_port, metrics_port = _fill(chosen)
            try:
                await self._start_once(self._command(binary, metrics_port), self.log_path)
                return
            except ServerStartFailed:
                await self._end()
                if attempt == START_ATTEMPTS or "address already in use" not in _tail(self.log_path):
                    raise
            except asyncio.CancelledError:
                await self._end()
                raise

    async def stop(self) -> None:
        """Ask the server to end, kill it after 10 s, and wait until it has ended. A log of its own making is removed."""
        await self._end()
        if self._own_log and self.log_path:
            self.log_path.unlink(missing_ok=True)
            self.log_path = None

    async def ended(self) -> int:
        """Wait until the server has ended, whoever ended it; gives its exit code, negative for a signal."""
        return 0 if self.process is None else await self.process.wait()

    async def _end(self) -> None:
        if self.process is not None:
            await end_process(self.process)
            self.process = None

    def _command(self, binary: Path, metrics_port: int) -> list[str]:
        command = [str(binary), "server", "start-dev", "--ip", LOOPBACK, "--port", str(self.port)]
        command += ["--ui-port", str(self.ui_port), "--http-port", str(self.http_port)]
        command += ["--metrics-port", str(metrics_port)]
        for name, (kind, _) in SEARCH_ATTRIBUTES.items():
            command += ["--search-attribute", f"{name}={kind}"]
        command += ["--log-level", "warn", "--ui-disable-news-fetch"]
        if self.namespace != "default":
            command += ["--namespace", self.namespace]
        if self.database:
            command += ["--db-filename", str(self.database), *pragmas(FILE)]
        return [*command, *dynamic_config(self.settings), *self.extra_arguments]

    async def _start_once(self, command: list[str], log_path: Path) -> None:
        with log_path.open("ab") as log:
            self.process = await start_process(command, log=log, keep=self.keep)
        try:
            async with asyncio.timeout(START_SECONDS):
                await self._wait_until_serving(self.process)
        except TimeoutError:
            reason = f"did not serve on {self.address} within {START_SECONDS} s"
        else:
            if self.process.returncode is None:
                return
            reason = f"ended with exit code {self.process.returncode} instead of serving on {self.address}"
        raise ServerStartFailed(f"the development server {reason}; its log {log_path} ends with:\n{_tail(log_path)}")

    async def _wait_until_serving(self, process: Process) -> None:
        # Its registration is the last thing the server does, so it tells that the namespace can be used, too.
        request = ListSearchAttributesRequest(namespace=self.namespace)
        while process.returncode is None:
            with contextlib.suppress(RuntimeError, RPCError):
                client = await Client.connect(self.address)
                answer = await client.operator_service.list_search_attributes(request)
                known = set(answer.custom_attributes)
                if known >= SEARCH_ATTRIBUTES.keys():
                    return
                # It registers all of them at once, and only in a new database: one of an earlier release lacks what came since.
                if known & SEARCH_ATTRIBUTES.keys():
                    await self._add_search_attributes(client, SEARCH_ATTRIBUTES.keys() - known)
            await asyncio.sleep(POLL_SECONDS)

    async def _add_search_attributes(self, client: Client, names: Iterable[str]) -> None:
        types = {name: SEARCH_ATTRIBUTES[name][1] for name in names}
        request = AddSearchAttributesRequest(namespace=self.namespace, search_attributes=types)
        await client.operator_service.add_search_attributes(request)


def _fill(chosen: tuple[int, int]) -> tuple[int, int, int, int]:
    port, ui_port, http_port, metrics_port = find_free_ports(4)
    return chosen[0] or port, chosen[1] or ui_port, http_port, metrics_port


def _temporary_log() -> Path:
    handle, name = tempfile.mkstemp(prefix="adw-server-", suffix=".log")
    os.close(handle)
    return Path(name)


def _tail(path: Path) -> str:
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(lines[-LOG_LINES_SHOWN:])
