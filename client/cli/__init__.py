"""The command `adw`."""

from __future__ import annotations

from client.cli.app import main

__all__ = ["main"]
