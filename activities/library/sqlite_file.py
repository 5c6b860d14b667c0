"""One SQLite file that many workers and processes share: made on first use, changed in one write transaction at a time."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

BUSY_SECONDS = 10.0
"""How long an attempt waits for another one's transaction."""
_BETWEEN_TRIES_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class SqliteFile:
    """Where the file is, and how it is made."""

    setting: str
    """Environment variable with its path."""
    default: Path
    """Its path where the variable is not set, under the current folder."""
    make: Callable[[sqlite3.Connection], None]
    """Makes the tables of an empty file, inside a transaction."""
    version: int = 1
    """Of the tables; kept in the file's `user_version`."""

    def path(self) -> Path:
        """Path of the file by the setting."""
        return Path(os.environ.get(self.setting) or self.default)

    @contextmanager
    def transaction(self, path: Path | None = None) -> Generator[sqlite3.Connection]:
        """Give a connection inside one write transaction: all of the block takes effect, or nothing does."""
        place = path or self.path()
        place.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(place, timeout=BUSY_SECONDS, isolation_level=None)) as connection:
            connection.row_factory = sqlite3.Row
            self._prepare(connection)
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def _prepare(self, connection: sqlite3.Connection) -> None:
        if _version(connection) == self.version:
            return
        _write_ahead(connection)
        connection.execute("BEGIN IMMEDIATE")
        # Another process may have made it while this one waited for the lock.
        if _version(connection) != self.version:
            self.make(connection)
            connection.execute(f"PRAGMA user_version = {self.version}")
        connection.execute("COMMIT")


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Switch the file to write-ahead logging, as often as another process is in the way: SQLite does not wait for it there by itself."""
    end = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > end:
                raise
            time.sleep(_BETWEEN_TRIES_SECONDS)
        else:
            return


def _version(connection: sqlite3.Connection) -> int:
    row: tuple[int] = connection.execute("PRAGMA user_version").fetchone()
    return row[0]
