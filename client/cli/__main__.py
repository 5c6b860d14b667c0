"""`python -m advanced_workflow.client.cli`, where the command `adw` is not on the PATH."""

from __future__ import annotations

from advanced_workflow.client.cli import main

main()
