"""Standard input, output and errors as they may be: in any encoding, closed, or full."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
from typing import TextIO

_CANNOT_BE_WRITTEN = frozenset(
    {errno.EPIPE, errno.ENOSPC, errno.EBADF, errno.EIO, errno.EFBIG, errno.EDQUOT, errno.EAGAIN}
)


def prepare_streams() -> None:
    """Write what the output's encoding does not have as escapes, and let a closed stream be one that fails where it is used."""
    for number, flags in ((0, os.O_RDONLY), (1, os.O_RDONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.open(
                os.devnull, flags
            )  # Takes the lowest free number: this one. Nothing else may get it, a socket least of all.
    sys.stdin = sys.stdin or open(os.devnull, encoding="utf-8")  # noqa: SIM115 - for as long as the process lives
    sys.stdout = sys.stdout or _writing(1)
    sys.stderr = sys.stderr or _writing(2)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            with contextlib.suppress(OSError):  # Whoever put another file in its place sees to that.
                stream.reconfigure(errors="backslashreplace")


def _writing(number: int) -> TextIO:
    return open(number, "w", encoding="utf-8", closefd=False)


def is_unicode(stream: TextIO) -> bool:
    """Whether the stream has every character."""
    return (stream.encoding or "utf-8").lower().replace("-", "").replace("_", "").startswith("utf")


def is_about_output(error: OSError) -> bool:
    """Whether an error is of writing to a stream. What opens a file says which one."""
    return error.filename is None and error.errno in _CANNOT_BE_WRITTEN


def flush_output() -> None:
    """Write what is still in memory. Raises `OSError`."""
    sys.stdout.flush()


def forget_output() -> None:
    """Throw away what could not be written, so that nobody tries again."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
