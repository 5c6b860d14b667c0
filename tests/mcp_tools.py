"""What the MCP server of the tests can do, made with the official SDK. As a program it talks over its pipes; it loads nothing of the project.

What its tools did is in a ledger, a file with a line of JSON for each call, so that it outlives the server.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcp.server.mcpserver import Context, Image, MCPServer
from mcp.server.mcpserver.exceptions import ToolError


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

    async def once_slow(self, context: Context[Any, Any]) -> str:
        """Its first call does not end."""
        meta = dict(context.request_context.meta or {})
        self.ledger.note(
            "once_slow", key=meta["advanced-workflow/idempotency-key"], attempt=meta["advanced-workflow/attempt"]
        )
        if len(self.ledger.of("once_slow")) == 1:
            await asyncio.Event().wait()
        return "at last"

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
    for name in ("reserve", "say", "fail", "hang", "once_slow", "die", "big", "picture", "token", "change"):
        function = getattr(tools, name)
        server.add_tool(function, structured_output=False if function.__annotations__["return"] == "Any" else None)
    return server


async def _shout(text: str) -> str:
    return text.upper()


if __name__ == "__main__":
    made(Ledger(Path(sys.argv[1]))).run("stdio")
