"""Keys of models, and keeping them out of everything that leaves the worker.

A provider that refuses a key often repeats it, and an endpoint may send back whatever it was sent: errors, answers and signs of life are
looked through before they become a part of a history.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from advanced_workflow.activities.agents.endpoints import Target
from advanced_workflow.activities.builtin.http_request.masking import Mask, hidden
from advanced_workflow.workflows.contract import Json

_KEYS = re.compile(r"ADW_SECRET_\w+|\w+(_API_KEY|_ACCESS_KEY|_ACCESS_KEY_ID|_TOKEN|_SECRET|_PASSWORD)")
_SHORTEST = 8
"""Characters of a key; a shorter value would be found in any text."""
_SHORT_TEXT = 10_000

PLACE = "{{key}}"
"""Stands where a key was."""


class Hidden:
    """Secrets that must not be told."""

    def __init__(self, secrets: Iterable[str], place: str = PLACE) -> None:
        """`place` is what is told where one was."""
        longest_first = sorted({*secrets}, key=len, reverse=True)
        self._masks = [(place, _mask(one)) for one in longest_first if one.isascii()]

    def hide(self, text: str) -> str:
        """The text without them."""
        return hidden(text, self._masks) if self._masks else text

    async def hide_in(self, value: Json) -> Json:
        """JSON without them, in whatever text of it. Long ones are looked through in a thread.

        Raises:
            ValueError: without them it is not JSON any more.
        """
        if not self._masks:
            return value
        text = json.dumps(value)
        clean = self.hide(text) if len(text) < _SHORT_TEXT else await asyncio.to_thread(self.hide, text)
        return value if clean == text else json.loads(clean)


class Keys(Hidden):
    """What must not be told of one call: the endpoint's key, and all that the environment holds as one."""

    def __init__(self, target: Target | None, key: str | None) -> None:
        """`key` is the endpoint's own; without a target nothing is hidden (a scripted model knows no keys)."""
        super().__init__(() if target is None else (*secrets_of_environment(), *((key,) if key else ())))


def secrets_of_environment() -> Iterator[str]:
    """The values of all variables that hold a secret, by their names."""
    for name, value in os.environ.items():
        if len(value.strip()) >= _SHORTEST and _KEYS.fullmatch(name):
            yield value.strip()


@lru_cache(maxsize=256)
def _mask(secret: str) -> Mask:
    return Mask(secret)
