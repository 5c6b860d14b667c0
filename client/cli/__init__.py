"""The command `adw`."""

from __future__ import annotations

from advanced_workflow.client.cli.app import main

__all__ = ["main"]
