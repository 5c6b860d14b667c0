"""The sessions of one worker process with MCP servers: kept for a while, made again where they broke.

A session over HTTP serves one call at a time, so that a connection that breaks takes no other call with it; a server that is a process
serves all of them. No call may rely on the one before it: the next may come from another worker.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from contextvars import Context
from importlib import import_module
from typing import TYPE_CHECKING

from advanced_workflow.activities.mcp.failures import McpError
from advanced_workflow.activities.mcp.servers import Filled
from advanced_workflow.workflows.contract import McpFailure

if TYPE_CHECKING:
    from advanced_workflow.activities.mcp.sdk import Client

EXTRA = 'pip install "advanced-workflow[mcp]"'
IDLE_SECONDS = 60.0
"""How long a session waits for its next call."""
_MOST_IDLE = 4
"""Sessions with one server that wait."""
_LEAVING_SECONDS = 10.0
"""What a process is given to end; the SDK ends it by force well before."""


def preload() -> None:
    """Import the SDK before anything waits for it. Where it is missing the first call says so."""
    with contextlib.suppress(ImportError):
        import_module("advanced_workflow.activities.mcp.sdk")


class Session:
    """One session; a task of its own holds it, as the SDK wants to be left where it was entered."""

    def __init__(self, filled: Filled) -> None:
        """Nothing is connected before `open`."""
        self.filled = filled
        self.calls = 0
        """Under way now."""
        self.is_over = False
        """Whether it broke, or is to be left."""
        self.status = 0
        """Of the latest HTTP answer."""
        self.retry_after = ""
        self.cause: BaseException | None = None
        """Why it broke."""
        self.uses = 0
        """Calls that it has served."""
        self._leave = asyncio.Event()
        self._client: asyncio.Future[Client] = asyncio.get_running_loop().create_future()
        self._keeper: asyncio.Task[None] | None = None

    @property
    def client(self) -> Client:
        """The SDK's client, once it is open."""
        return self._client.result()

    async def open(self) -> None:
        """Connect, and agree on the protocol.

        Raises:
            Exception: what the SDK says; the session is over then.
        """
        # Not the context of the activity that happens to be the first: it would be told of what happens in later ones.
        self._keeper = Context().run(asyncio.ensure_future, self._keep())
        await asyncio.shield(self._client)

    async def close(self) -> None:
        """Leave the server, and end it where it is a process."""
        self.is_over = True
        self._leave.set()
        keeper = self._keeper
        if keeper is None or keeper.done():
            return
        if not self._client.done():
            keeper.cancel()
        done, _ = await asyncio.wait([keeper], timeout=_LEAVING_SECONDS)
        if not done:
            keeper.cancel()

    async def ended(self) -> None:
        """Wait for a session that broke to say why."""
        self._leave.set()
        if self._keeper is not None:
            await asyncio.wait([self._keeper], timeout=1)

    async def _keep(self) -> None:
        from advanced_workflow.activities.mcp import sdk

        try:
            async with sdk.connected(self.filled, self._saw, self._broke) as client:
                if not self._client.done():
                    self._client.set_result(client)
                await self._leave.wait()
        except BaseException as error:
            self.cause = error
            if not self._client.done():
                self._client.set_exception(error if isinstance(error, Exception) else ConnectionError("it was left"))
                self._client.exception()  # Nobody may wait for it any more.
        finally:
            self.is_over = True

    def _saw(self, status: int, retry_after: str) -> None:
        self.status, self.retry_after = status, retry_after

    def _broke(self) -> None:
        self.is_over = True


class NotConnected(Exception):
    """A session could not be opened."""

    def __init__(self, session: Session, cause: Exception) -> None:
        """Keep what is known of it."""
        super().__init__(str(cause))
        self.session = session
        self.cause = cause


class Sessions:
    """All sessions of a process."""

    def __init__(self, idle_seconds: float = IDLE_SECONDS) -> None:
        """None is open."""
        self._idle_seconds = idle_seconds
        self._open: defaultdict[str, list[Session]] = defaultdict(list)
        self._starting: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._leaving: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def session(self, filled: Filled, *, fresh: bool = False) -> AsyncGenerator[Session, None]:
        """A session for one call; one that fails, or is cancelled, is not used again. With `fresh` none that was used before.

        Raises:
            McpError: the SDK is missing.
            NotConnected: it cannot be opened.
        """
        await require_sdk()
        session = await self._taken(filled, fresh=fresh)
        session.calls += 1
        try:
            yield session
        except BaseException:
            session.is_over = session.is_over or not self._is_shared(filled)
            raise
        finally:
            session.calls -= 1
            self._back(session)

    async def close(self) -> None:
        """Leave all servers."""
        sessions = [one for some in self._open.values() for one in some]
        self._open.clear()
        await asyncio.gather(*(one.close() for one in sessions), *self._leaving)

    async def _taken(self, filled: Filled, *, fresh: bool) -> Session:
        if not self._is_shared(filled):
            return self._waiting(filled, fresh=fresh) or await self._opened(filled)
        async with self._starting[filled.name]:  # All wait for the one process.
            return self._waiting(filled, fresh=fresh) or await self._opened(filled)

    def _waiting(self, filled: Filled, *, fresh: bool) -> Session | None:
        sessions = self._open[filled.name]
        for session in [one for one in sessions if one.is_over or not one.filled.is_like(filled)]:
            sessions.remove(session)
            if not session.calls:
                self._let_go(session)
        shared = self._is_shared(filled)
        found = next((one for one in sessions if shared or not one.calls), None)
        return None if fresh and not shared else found

    async def _opened(self, filled: Filled) -> Session:
        session = Session(filled)
        try:
            await session.open()
        except Exception as error:
            self._let_go(session)
            raise NotConnected(session, error) from None
        except BaseException:
            self._let_go(session)
            raise
        self._open[filled.name].append(session)
        return session

    def _back(self, session: Session) -> None:
        if session.calls:
            return
        sessions = self._open[session.filled.name]
        waiting = sum(not one.calls for one in sessions)
        if session.is_over or session not in sessions or waiting > _MOST_IDLE:
            if session in sessions:
                sessions.remove(session)
            self._let_go(session)
            return
        used = session.uses = session.uses + 1
        asyncio.get_running_loop().call_later(self._idle_seconds, self._idle, session, used)

    def _idle(self, session: Session, uses: int) -> None:
        """Nobody wanted it for a while."""
        sessions = self._open[session.filled.name]
        if not session.calls and session.uses == uses and session in sessions:
            sessions.remove(session)
            self._let_go(session)

    def _let_go(self, session: Session) -> None:
        leaving = asyncio.ensure_future(session.close())
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)

    @staticmethod
    def _is_shared(filled: Filled) -> bool:
        return filled.server.command is not None


async def require_sdk() -> None:
    """Import the SDK. Raises `McpError` where it is missing."""
    try:
        await asyncio.to_thread(import_module, "advanced_workflow.activities.mcp.sdk")
    except ImportError as error:
        raise McpError(
            McpFailure.NOT_INSTALLED,
            f"tools of MCP servers need a package that this worker lacks ({error.name}); {EXTRA}, and start it again.",
        ) from None
