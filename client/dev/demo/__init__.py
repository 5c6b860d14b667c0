"""`adw demo`: an order three times and an agent once on a real server, told as it happens."""

from __future__ import annotations

from advanced_workflow.client.dev.demo.play import run_demo

__all__ = ["run_demo"]
