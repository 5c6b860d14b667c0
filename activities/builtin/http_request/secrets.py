"""Secrets stay on the worker: definitions name them, the environment holds them, histories never see them."""

from __future__ import annotations

import json
import os
import re

from advanced_workflow.activities.builtin.http_request.failures import HttpFailure, refused

PREFIX = "ADW_SECRET_"

_PLACE = re.compile(r"\{\{\s*secret:([^{}]*)\}\}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Secrets:
    """The secrets of one request."""

    def __init__(self) -> None:
        """None is read before a header asks for it."""
        self._places: dict[str, str] = {}

    def fill(self, text: str) -> str:
        """Put the secrets into a header value: `{{secret:NAME}}` is the environment variable `ADW_SECRET_NAME`."""
        return _PLACE.sub(lambda place: self._value(place[1].strip()), text)

    def hide(self, text: str) -> str:
        """Put the places back where the server repeats a secret, as some do in answers and errors."""
        if not self._places:
            return text
        # Longest first: one secret may be a part of another.
        forms = "|".join(re.escape(form) for form in sorted(self._places, key=len, reverse=True))
        return re.sub(forms, lambda found: self._places[found[0]], text)

    def _value(self, name: str) -> str:
        if not _NAME.fullmatch(name):
            raise refused(f"{{{{secret:{name}}}}} is not a secret's name; use letters, digits and underscores.")
        variable = PREFIX + name
        # A file with a secret often ends in a line break.
        value = os.environ.get(variable, "").strip()
        if not value:
            raise HttpFailure("SecretMissing", f"the worker has no secret {name!r}; set {variable} in its environment.")
        # As it is, and as it stands in a JSON text.
        for form in (value, json.dumps(value)[1:-1]):
            self._places[form] = f"{{{{secret:{name}}}}}"
        return value
