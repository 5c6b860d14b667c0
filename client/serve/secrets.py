"""Secrets of this worker that no request can use, told when it starts."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection

from advanced_workflow.activities.builtin.http_request.secrets import PREFIX
from advanced_workflow.client.settings import Settings

logger = logging.getLogger(__name__)


def tell_idle_secrets(settings: Settings, of_models: Collection[str] = (), of_servers: Collection[str] = ()) -> None:
    """Warn of each secret that may go nowhere, and of each that may go somewhere and is not there.

    `of_models` are those that are keys of models' endpoints, `of_servers` those that MCP servers need.
    """
    bound = {entry.partition("=")[0] for entry in settings.secrets} | {*of_models, *of_servers}
    present = {name.removeprefix(PREFIX) for name, value in os.environ.items() if name.startswith(PREFIX) and value}
    for name in sorted(present - bound):
        logger.warning(
            "secret %r goes nowhere: add '%s=HOST' to ADW_SECRETS, or remove %s%s.", name, name, PREFIX, name
        )
    for name in sorted(bound - present):
        setting = (
            "ADW_MODEL_ENDPOINTS" if name in of_models else "ADW_MCP_SERVERS" if name in of_servers else "ADW_SECRETS"
        )
        logger.warning("secret %r is not there: set %s%s, or take it out of %s.", name, PREFIX, name, setting)
