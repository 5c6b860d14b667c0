"""An MCP server made with the official SDK: over HTTP in this process, or as a process that talks over its pipes.

What its tools did is in a ledger, a file with a line of JSON for each call, so that it outlives the server.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from mcp.server.mcpserver import Context, Image, MCPServer
from mcp.server.mcpserver.exceptions import ToolError

from tests.harness import ROOT, eventually


@dataclass
class Ledger:
    """What was done."""

    path: Path

    def note(self, tool: str, **more: Any) -> None:
        with self.path.open("a") as file:
            file.write(json.dumps({"tool": tool, **more}) + "\n")

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(one) for one in self.path.read_text().splitlines()] if self.path.exists() else []

    def of(self, tool: str) -> list[dict[str, Any]]:
        return [one for one in self.lines if one["tool"] == tool]


class Tools:
    """What the server can do."""

    def __init__(self, ledger: Ledger, server: MCPServer) -> None:
        self.ledger = ledger
        self.server = server

    async def reserve(
        self, item: str, context: Context[Any, Any], count: int = 1, tenant: str = "none"
    ) -> dict[str, Any]:
        """Reserve things.

        It takes a while.
        """
        meta = dict(context.request_context.meta or {})
        own = {str(name): value for name, value in meta.items() if str(name).startswith("advanced-workflow/")}
        self.ledger.note("reserve", item=item, count=count, tenant=tenant, meta=own)
        return {"reserved": item, "count": count, "tenant": tenant}

    async def say(self, text: str) -> Any:
        return f"said {text}"

    async def fail(self, text: str) -> str:
        self.ledger.note("fail")
        raise ToolError(f"cannot {text}: {os.environ.get('TOKEN', '')}")

    async def hang(self, context: Context[Any, Any]) -> str:
        self.ledger.note("hang")
        try:
            while True:
                await context.report_progress(1, 2, f"half way {os.environ.get('TOKEN', '')}")
                await asyncio.sleep(0.05)
        except asyncio.CancelledError:
            self.ledger.note("cancelled")
            raise

    async def die(self, times: int = 1) -> str:
        self.ledger.note("die")
        if len(self.ledger.of("die")) <= times:
            os._exit(7)
        return "alive"

    async def big(self, size: int) -> Any:
        return "x" * size

    async def picture(self) -> Any:
        return Image(data=b"\x89PNG" + b"\0" * 1000, format="png")

    async def token(self) -> Any:
        return f"it is {os.environ.get('TOKEN', 'nowhere')}"

    async def change(self) -> str:
        """Another list from here on."""
        self.server.remove_tool("say")
        self.server.add_tool(_shout, name="shout")
        return "changed"


def made(ledger: Ledger) -> MCPServer:
    """The server with its tools."""
    server = MCPServer("warehouse", log_level="CRITICAL")
    tools = Tools(ledger, server)
    for name in ("reserve", "say", "fail", "hang", "die", "big", "picture", "token", "change"):
        function = getattr(tools, name)
        server.add_tool(function, structured_output=False if function.__annotations__["return"] == "Any" else None)
    return server


async def _shout(text: str) -> str:
    return text.upper()


def by_pipes(ledger: Path, **more: Any) -> dict[str, Any]:
    """The settings of the server as a process."""
    env = {"PYTHONPATH": str(ROOT), **more.pop("env", {})}
    return {"command": sys.executable, "args": ["-m", "tests.mcp_server", str(ledger)], "env": env, **more}


@dataclass
class Served:
    """A server over HTTP."""

    url: str
    ledger: Ledger
    server: MCPServer
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
    await eventually(lambda: running.started)
    number = running.servers[0].sockets[0].getsockname()[1]
    served.url = f"http://127.0.0.1:{number}/mcp"
    try:
        yield served
    finally:
        running.should_exit = True
        await task


if __name__ == "__main__":
    made(Ledger(Path(sys.argv[1]))).run("stdio")
