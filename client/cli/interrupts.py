"""What Ctrl-C and a request to terminate do: nothing of ours is ever in the middle of an exception that Python threw in.

Python makes an exception of Ctrl-C wherever it happens to be, in an import or while something is tidied up, and prints its trace.
Here a signal either ends the process on the spot, or asks the work at hand to end, which then says what that means. A signal that
the process was started without (`nohup`, a job in the background) stays ignored. Loads nothing but Python's smallest modules.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn

INTERRUPTED = 130
"""Exit code, as shells have it after Ctrl-C."""
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SHOW_CURSOR = b"\x1b[?25h"


def leave_when_interrupted() -> None:
    """From now on the signals end the process at once, without a word."""
    _handle(_leave)


@contextmanager
def asking_first(stop: Callable[[], object]) -> Generator[None]:
    """Meanwhile the first signal calls `stop`, which must be quick; one more ends the process."""
    asked = False

    def ask(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            if os.isatty(1):  # A live view hides it.
                with suppress(OSError):
                    os.write(1, _SHOW_CURSOR)
            _leave(number, frame)
        asked = True
        stop()

    before = _handle(ask)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


Handler = Callable[[int, FrameType | None], object] | int | signal.Handlers | None


def _handle(act: Callable[[int, FrameType | None], object]) -> dict[signal.Signals, Handler]:
    """Set the handler of all signals that are not ignored; gives what there was."""
    before: dict[signal.Signals, Handler] = {}
    for number in SIGNALS:
        handler = signal.getsignal(number)
        if handler not in (signal.SIG_IGN, None):
            before[number] = handler
            signal.signal(number, act)
    return before


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    del number, frame
    os._exit(INTERRUPTED)
