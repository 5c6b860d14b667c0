"""Leaving a short-lived client safely.

The SDK's native threads can abort the process while the interpreter shuts down (exit code 134 after all the work was
done). A command-line tool therefore leaves without that shutdown.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import traceback
from collections.abc import Callable
from typing import NoReturn

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""

_last_acts: list[Callable[[], object]] = []


def before_exit(act: Callable[[], object]) -> None:
    """Have `run_and_exit` call this before it ends the process; what it raises is printed."""
    _last_acts.append(act)


def run_and_exit(main: Callable[[], object]) -> NoReturn:
    """Call `main`, then end the process with its exit code; never returns.

    The code is what `main` returns if that is an int, or what it exits with. An exception is printed and gives 1.
    Output and logs are flushed; `atexit` functions do not run.
    """
    code = _exit_code(main)
    for act in _last_acts:
        _exit_code(act)
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # the reader of a pipe may have gone
            stream.flush()
    os._exit(code)


def _exit_code(main: Callable[[], object]) -> int:
    try:
        outcome = main()
    except SystemExit as leaving:
        outcome = leaving.code
        if isinstance(outcome, str):
            print(outcome, file=sys.stderr)
            return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    return outcome if isinstance(outcome, int) else 0
