"""`ADW_LOG_FORMAT=json` throughout: whatever a worker process writes is one JSON object a line.

What goes through `logging` is that already. Here is the rest: what is printed, by actions and packages too, Python's warnings, and
exceptions that nobody caught. Not what is written past Python: by other processes and native code.
"""

from __future__ import annotations

import io
import logging
import sys
import threading
from types import TracebackType
from typing import TYPE_CHECKING, Any, TextIO

from advanced_workflow.client.process_exit import before_exit
from advanced_workflow.client.serve.logs import JsonFormatter
from advanced_workflow.workflows.plain.text import visible_lines

if TYPE_CHECKING:
    from typing_extensions import Buffer

_log = logging.getLogger("advanced_workflow.worker")


class Lines(io.TextIOBase):
    """A stream whose lines become JSON objects on the stream behind it."""

    def __init__(self, behind: TextIO, name: str, level: int) -> None:
        """`name` stands as the logger, `level` as the level."""
        self._behind = behind
        self._about = {"name": name, "levelno": level, "levelname": logging.getLevelName(level)}
        self._formatter = JsonFormatter()
        self._begun = ""
        self.buffer = _Bytes(self)
        """For those who write bytes."""
        self._turn = threading.RLock()

    def write(self, text: str, /) -> int:
        """Write the lines that are whole by now."""
        with self._turn:
            *lines, self._begun = (self._begun + text).split("\n")
            for line in lines:
                self._write(line)
        return len(text)

    def flush(self) -> None:
        """A line that was only begun is kept."""
        self._behind.flush()

    def finish(self) -> None:
        """Write what was begun, as nothing more follows."""
        with self._turn:
            if self._begun:
                self.write("\n")
            self.flush()

    def writable(self) -> bool:
        """It is."""
        return True

    @property
    def encoding(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride] - it is read only here
        """As of any text stream."""
        return "utf-8"

    def fileno(self) -> int:
        """Of the stream behind it, which other processes are given."""
        return self._behind.fileno()

    def _write(self, line: str) -> None:
        if line.strip():
            record = logging.makeLogRecord({**self._about, "msg": line.rstrip("\r")})
            self._behind.write(f"{self._formatter.format(record)}\n")
            self._behind.flush()


class _Bytes(io.RawIOBase):
    """What is written as bytes is text, too."""

    def __init__(self, lines: Lines) -> None:
        super().__init__()
        self._lines = lines

    def writable(self) -> bool:
        return True

    def write(self, given: Buffer, /) -> int:
        data = bytes(given)
        self._lines.write(data.decode(errors="replace"))
        return len(data)


def write_only_json() -> None:
    """From now on all that this process writes is JSON."""
    for name, level in (("stdout", logging.INFO), ("stderr", logging.WARNING)):
        lines = Lines(getattr(sys, name), name, level)
        setattr(sys, name, lines)
        before_exit(lines.finish)
    logging.captureWarnings(True)
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_uncaught_in_thread
    sys.unraisablehook = _log_unraisable


def complain(sentence: str) -> None:
    """One sentence on standard error, as the process writes."""
    if isinstance(sys.stderr, Lines):
        _log.error("%s", sentence)
    else:
        print(visible_lines(sentence), file=sys.stderr)


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    _log.critical("an exception that nobody caught", exc_info=(kind, error, trace))


def _log_uncaught_in_thread(found: threading.ExceptHookArgs) -> None:
    name = found.thread.name if found.thread else "a thread"
    error = found.exc_value or found.exc_type()
    _log.critical("an exception that nobody caught in %s", name, exc_info=(found.exc_type, error, found.exc_traceback))


def _log_unraisable(found: Any) -> None:  # noqa: ANN401 - its type is only for type checkers
    _log.error("an exception that cannot be raised: %s", found.err_msg or found.object, exc_info=found.exc_value)
