from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path
from typing import cast

import pytest

from advanced_workflow.client.connection import connect
from advanced_workflow.client.dev.server import DevServer
from advanced_workflow.client.dev.server_binary import installed_binary
from advanced_workflow.client.dev.server_settings import PROMPT
from advanced_workflow.client.errors import ConnectionFailed, ServerStartFailed
from advanced_workflow.client.ports import find_free_ports, is_free
from advanced_workflow.client.runs import start
from advanced_workflow.client.service.attributes import SEARCH_ATTRIBUTES
from advanced_workflow.client.service.listing import RunsWanted, list_runs
from advanced_workflow.client.settings import load_settings
from advanced_workflow.workflows.contract import SEARCH_ATTRIBUTE_VERSION
from tests.patience import PATIENCE_SECONDS
from tests.processes import is_alive

ROOT = Path(__file__).parents[2]


async def wait_until_gone(pid: int) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while is_alive(pid):  # noqa: ASYNC110 - another process gives no event
            await asyncio.sleep(0.05)


async def test_the_server_serves_when_entered_and_is_gone_when_left() -> None:
    async with DevServer() as server:
        client = await connect(address=server.address)
        pid = server.pid
        assert pid
        assert is_alive(pid)
        assert await list_runs(client) == []
        reader, writer = await asyncio.open_connection("127.0.0.1", server.ui_port)
        writer.write(b"GET / HTTP/1.0\r\n\r\n")
        assert b"200" in await reader.readline()
        writer.close()
        log = server.log_path
        assert log
        assert log.exists()

    assert not is_alive(pid)
    assert is_free(server.port)
    assert not log.exists()


async def test_runs_survive_a_restart_on_the_same_file_and_ports(tmp_path: Path) -> None:
    server = DevServer(database=tmp_path / "runs.db")
    await server.start()
    run = await start(await connect(address=server.address), "kept", id="kept-1")
    address = server.address
    await server.stop()

    async with server:
        assert server.address == address
        again = await list_runs(await connect(address=address))

    assert [(found.id, found.run_id) for found in again] == [("kept-1", run.run_id)]
    assert (tmp_path / "runs.db").exists()


async def test_the_database_of_an_earlier_release_gets_the_search_attributes_that_it_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = tmp_path / "runs.db"
    with monkeypatch.context() as earlier:
        earlier.delitem(cast("dict[str, object]", SEARCH_ATTRIBUTES), SEARCH_ATTRIBUTE_VERSION)
        async with DevServer(database=database):
            pass

    async with DevServer(database=database) as server:
        client = await connect(address=server.address)
        assert await list_runs(client, RunsWanted(version="1.0").query) == []


async def test_the_server_accepts_all_its_settings(tmp_path: Path) -> None:
    async with DevServer(database=tmp_path / "runs.db", log_path=tmp_path / "good.log"):
        pass
    wrong = dict.fromkeys(PROMPT, '{"no": "value"}')
    async with DevServer(database=tmp_path / "runs.db", log_path=tmp_path / "wrong.log", settings=wrong):
        pass

    assert "ignored-value" not in (tmp_path / "good.log").read_text()
    complaints = (tmp_path / "wrong.log").read_text().lower()
    unread = [name for name in PROMPT if f"key={name.lower()} ignored-value" not in complaints]
    assert unread == ["history.workflowIdReuseMinimalInterval"]  # The server reads it only when an id is used again.


async def test_a_port_in_use_is_one_sentence() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        port = held.getsockname()[1]

        with pytest.raises(ServerStartFailed, match=f"port {port} is in use"):
            await DevServer(port=port).start()


async def test_a_server_that_ends_shows_the_end_of_its_log(tmp_path: Path) -> None:
    server = DevServer(extra_arguments=["--no-such-flag"], log_path=tmp_path / "server.log")

    with pytest.raises(ServerStartFailed, match=r"exit code \d+ instead of serving[\s\S]*no-such-flag"):
        await server.start()

    assert server.process is None


async def test_a_server_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("the kernel of this system cannot tie a child's life to its parent's")
    parent = await start_parent(tmp_path, keep=False)
    pid, _ = await read_line(parent)
    parent.kill()
    await parent.wait()

    await wait_until_gone(pid)


async def test_a_kept_server_outlives_its_parent(tmp_path: Path) -> None:
    parent = await start_parent(tmp_path, keep=True)
    pid, port = await read_line(parent)
    parent.kill()
    await parent.wait()

    try:
        assert await list_runs(await connect(address=f"127.0.0.1:{port}")) == []
    finally:
        os.kill(pid, signal.SIGTERM)
    await wait_until_gone(pid)


async def start_parent(folder: Path, *, keep: bool) -> asyncio.subprocess.Process:
    program = f"""
import asyncio
from advanced_workflow.client.dev.server import DevServer
async def main():
    server = DevServer(keep={keep})
    await server.start()
    print(server.pid, server.port, flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        program,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(folder)},
    )


async def read_line(process: asyncio.subprocess.Process) -> tuple[int, int]:
    assert process.stdout
    pid, port = (await process.stdout.readline()).split()
    return int(pid), int(port)


def test_free_ports_differ_and_are_free() -> None:
    ports = find_free_ports(5)

    assert len(set(ports)) == 5
    assert all(is_free(port) for port in ports)


def test_the_program_of_this_environment_comes_before_the_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    here = tmp_path / "bin"
    other = tmp_path / "other"
    for folder in (here, other):
        folder.mkdir()
        (folder / "temporal").write_text("#!/bin/sh\n", encoding="ascii")
        (folder / "temporal").chmod(0o755)
    monkeypatch.setenv("PATH", str(other))

    monkeypatch.setattr(sys, "executable", str(here / "python"))
    assert installed_binary() == here / "temporal"
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    assert installed_binary() == other / "temporal"


async def test_an_unreachable_server_is_one_sentence() -> None:
    [port] = find_free_ports(1)

    with pytest.raises(ConnectionFailed) as caught:
        await connect(address=f"127.0.0.1:{port}")

    assert str(caught.value).startswith(f"Temporal server 127.0.0.1:{port}: connection refused; is it running?")


async def test_a_server_that_never_answers_is_given_up_after_the_timeout() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"127.0.0.1:{silent.getsockname()[1]}"

        with pytest.raises(ConnectionFailed, match=r"no answer in 0\.5 s"):
            await connect(address=address, settings=load_settings(connect_timeout=0.5))


async def test_an_unknown_namespace_is_one_sentence_with_the_command_that_makes_it() -> None:
    async with DevServer() as server:
        with pytest.raises(ConnectionFailed) as caught:
            await connect(address=server.address, namespace="nowhere")

    assert "namespace 'nowhere' does not exist" in str(caught.value)
    assert "temporal operator namespace create --namespace nowhere" in str(caught.value)


async def test_a_bad_profile_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "temporal.toml"
    file.write_text("[profile.broken\n", encoding="ascii")
    monkeypatch.setenv("TEMPORAL_CONFIG_FILE", str(file))

    with pytest.raises(ConnectionFailed) as caught:
        await connect("broken")

    assert str(caught.value).startswith("Temporal profile 'broken': ")
    assert "\n" not in str(caught.value)


async def test_a_profile_gives_address_and_namespace(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async with DevServer(namespace="shop") as server:
        file = tmp_path / "temporal.toml"
        file.write_text(f'[profile.here]\naddress = "{server.address}"\nnamespace = "shop"\n', encoding="ascii")
        monkeypatch.setenv("TEMPORAL_CONFIG_FILE", str(file))

        client = await connect("here")

    assert client.namespace == "shop"
