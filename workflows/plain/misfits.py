"""What does not fit a model, in one sentence."""

from __future__ import annotations

import re

from pydantic import ValidationError

_WORDING = {
    "Field required": "it is missing",
    "Extra inputs are not permitted": "there is no such field",
    "a valid tuple": "a list",
    "a valid list": "a list",
    "a valid boolean": "true or false",
    "a valid string": "a string",
    "a valid number": "a number",
    "a valid integer": "an integer",
    "a valid dictionary": "an object",
}


def places(error: ValidationError, whole: str = "the value", most: int = 10) -> str:
    """Where data does not fit and why: `steps.0.name: should be a string; ...`. The data itself is never shown.

    `whole` is how a misfit of the data as a whole is called; of more than `most` misfits the rest is counted.
    """
    found = [
        f"{'.'.join(map(str, one['loc'])) or whole}: {reason(one['msg'])}"
        for one in error.errors(include_url=False, include_input=False, include_context=False)
    ]
    more = f"; and {len(found) - most} more" if len(found) > most else ""
    return "; ".join(found[:most]) + more


def reason(message: str) -> str:
    """Pydantic's message about one value, in the words of JSON and without its subject."""
    text = message.removeprefix("Value error, ").removeprefix("Input ").removeprefix("String ")
    text = re.sub(r" or instance of \w+", "", text)
    for theirs, ours in _WORDING.items():
        text = text.replace(theirs, ours)
    return text
