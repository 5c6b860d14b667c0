"""The current folder, where people keep their first actions and graphs."""

from __future__ import annotations

import os
import sys


def look_in_current_folder() -> None:
    """Let modules of the current folder be imported, after all others."""
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
