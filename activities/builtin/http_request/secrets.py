"""Secrets stay on the worker: definitions name them, the environment holds them, histories never see them.

Whoever writes a definition chooses where its requests go, so that a secret goes only where the worker's operator said it may.
"""

from __future__ import annotations

import asyncio
import os
import re

from advanced_workflow.activities.builtin.http_request.failures import HttpFailure, refused
from advanced_workflow.activities.builtin.http_request.masking import Mask, hidden
from advanced_workflow.activities.builtin.http_request.policy import SECRETS_SETTING, Binding, Caller, HttpPolicy
from advanced_workflow.activities.builtin.http_request.target import Target

PREFIX = "ADW_SECRET_"

_PLACE = re.compile(r"\{\{\s*secret:([^{}]*)\}\}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Secrets:
    """The secrets of one request."""

    def __init__(self, policy: HttpPolicy, target: Target, caller: Caller) -> None:
        """None is read before a header asks for it, and none that may not go to the target for this step."""
        self._policy = policy
        self._target = target
        self._caller = caller
        self._masks: dict[str, tuple[str, Mask]] = {}

    def fill(self, text: str) -> str:
        """Put the secrets into a header value: `{{secret:NAME}}` is the environment variable `ADW_SECRET_NAME`."""
        return _PLACE.sub(lambda place: self._value(place[1].strip()), text)

    def hide(self, text: str) -> str:
        """Put the places back where the server repeats a secret, as some do in answers and errors."""
        return hidden(text, self._masks.values())

    async def hide_in_body(self, text: str) -> str:
        """The same for a text that may be long: the worker's loop has other runs to serve."""
        return await asyncio.to_thread(self.hide, text) if self._masks else text

    def _value(self, name: str) -> str:
        if not _NAME.fullmatch(name):
            raise refused(f"{{{{secret:{name}}}}} is not a secret's name; use letters, digits and underscores.")
        if name in self._masks:
            return self._masks[name][1].secret
        target, caller = self._target, self._caller
        if not self._policy.secret_goes_to(Binding(name, target.scheme, target.host, target.port), caller):
            raise HttpFailure(
                "SecretRefused",
                f"secret {name!r} may not go to {target.origin} for step {caller.step!r} of {caller.workflow!r}; if it may, add "
                f"'{name}={target.origin}' to {SECRETS_SETTING} on the worker, with '@{caller.workflow}/{caller.step}' behind it for this "
                "step alone.",
            )
        variable = PREFIX + name
        # A file with a secret often ends in a line break.
        value = os.environ.get(variable, "").strip()
        if not value:
            raise HttpFailure("SecretMissing", f"the worker has no secret {name!r}; set {variable} in its environment.")
        if not value.isascii():
            raise refused(f"secret {name!r} has a character outside ASCII, which no header may have; encode it.")
        self._masks[name] = (f"{{{{secret:{name}}}}}", Mask(value))
        return value
