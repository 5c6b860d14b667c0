"""The MCP server of the tests: over HTTP in this process, or as a process that talks over its pipes."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from mcp.server.mcpserver import MCPServer

from tests.harness import ROOT, eventually
from tests.mcp_tools import Ledger, made


def by_pipes(ledger: Path, **more: Any) -> dict[str, Any]:
    """The settings of the server as a process."""
    env = {"PYTHONPATH": str(ROOT), **more.pop("env", {})}
    return {"command": sys.executable, "args": ["-m", "tests.mcp_tools", str(ledger)], "env": env, **more}


@dataclass
class Served:
    """A server over HTTP."""

    url: str
    ledger: Ledger
    server: MCPServer
    running: Any = None
    task: Any = None
    headers: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    status: int = 0
    """What every request is answered with, where it is not 0."""


@asynccontextmanager
async def over_http(ledger: Path, *, port: int = 0) -> AsyncGenerator[Served, None]:
    server = made(Ledger(ledger))
    app = server.streamable_http_app()
    served = Served("", Ledger(ledger), server)

    async def seen(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            served.headers.append({name.decode(): value.decode() for name, value in scope["headers"]})
            if served.status:
                location = [(b"location", b"http://127.0.0.1:1/elsewhere")] if served.status == 307 else []
                await send({"type": "http.response.start", "status": served.status, "headers": location})
                await send({"type": "http.response.body", "body": b""})
                return
        await app(scope, receive, send)

    config = uvicorn.Config(seen, host="127.0.0.1", port=port, log_level="critical", timeout_graceful_shutdown=1)
    running = uvicorn.Server(config)
    task = asyncio.create_task(running._serve())
    served.running, served.task = running, task
    await eventually(lambda: running.started)
    number = running.servers[0].sockets[0].getsockname()[1]
    served.url = f"http://127.0.0.1:{number}/mcp"
    try:
        yield served
    finally:
        running.should_exit = True
        await task
