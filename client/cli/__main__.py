"""`python -m client.cli`, where the command `adw` is not on the PATH."""

from __future__ import annotations

from client.cli.app import main

main()
