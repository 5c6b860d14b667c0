"""The command `adw`."""

from __future__ import annotations

__all__ = ["main"]


def main() -> None:
    """Run the command; never returns. Nothing is loaded before Ctrl-C ends the process quietly."""
    from advanced_workflow.client.cli.interrupts import leave_when_interrupted

    leave_when_interrupted()
    from advanced_workflow.client.cli.app import main as run

    run()
