"""Which server a command talks to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from temporalio.client import Client

    from advanced_workflow.client.settings import Settings


@dataclass(frozen=True, slots=True)
class Target:
    """Which server and namespace the command is for."""

    address: str | None = None
    namespace: str | None = None
    profile: str | None = None

    async def connect(self, settings: Settings) -> Client:
        """Connect, by these options over Temporal's own configuration."""
        from advanced_workflow.client.connection import connect  # Not before it is needed: it loads Temporal's SDK.

        return await connect(self.profile, address=self.address, namespace=self.namespace, settings=settings)
