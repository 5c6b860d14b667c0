"""Finds a secret in a text, however the text has escaped or encoded it.

Services repeat what they were sent in answers, logs and errors: as it is, escaped for JSON, a URL, a form or HTML, in base64 at
any place in a longer text, or as hexadecimal digits. All of these are found; a service that disguises it on purpose is not.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator
from html.entities import html5

Span = tuple[int, int]

_SHORTEST = 4
"""Characters of an encoded form; shorter ones would be found in any text."""
_LONGEST_ESCAPE = 16
_PIECE = 64 * 1024
_BASE64 = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_")
_URL_SAFE = {"+": "-", "/": "_"}
_LINE_BREAK = r"(?:[\r\n]|\\+[rn])*"
_ENTITIES: dict[str, list[str]] = {}
for _name, _meaning in html5.items():
    _ENTITIES.setdefault(_meaning, []).append(_name.removesuffix(";"))


class Mask:
    """The forms of one secret."""

    def __init__(self, secret: str) -> None:
        """Work the forms out; the secret is not empty and in ASCII, as headers are."""
        self.secret = secret
        self._forms = [_compiled(secret), *map(re.compile, _encoded_forms(secret))]
        self._longest = len(secret) * _LONGEST_ESCAPE

    def spans(self, text: str) -> Iterator[Span]:
        """Where the secret is; the places may overlap."""
        for form in self._forms:
            # A search keeps other threads from running, so that a long text is searched in pieces.
            for start in range(0, len(text), _PIECE):
                for found in form.finditer(text, start, start + _PIECE + self._longest):
                    yield _whole(text, found.span()) if form is not self._forms[0] else found.span()
        yield from self._beginning(text)

    def _beginning(self, text: str) -> Iterator[Span]:
        """The secret's first part at the end of a text that was cut off."""
        for length in range(len(self.secret) - 1, _SHORTEST - 1, -1):
            if text.endswith(self.secret[:length]):
                yield len(text) - length, len(text)
                return


def hidden(text: str, masks: Iterable[tuple[str, Mask]]) -> str:
    """The text with what stands before each mask in the places of its secret."""
    found = [(*span, place) for place, mask in masks for span in mask.spans(text)]
    parts: list[str] = []
    end = 0
    # The longest first: one secret may be a part of another.
    for start, stop, place in sorted(found, key=lambda one: (one[0], -one[1])):
        if start >= end:
            parts += (text[end:start], place)
        end = max(end, stop)
    return "".join((*parts, text[end:]))


def _compiled(secret: str) -> re.Pattern[str]:
    """The secret as written, each character in any of its escapes."""
    first = re.escape(secret[0].lower() + secret[0].upper())
    parts = (_written(run[0], len(run)) for run in re.findall(r"\\+|[^\\]", secret, re.DOTALL))
    # Most places of a text are passed over by their first character.
    return re.compile(rf"(?=[{first}\\%&=+])(?i:{''.join(parts)})")


def _written(character: str, times: int = 1) -> str:
    """A character, or a run of backslashes. Quantifiers give nothing back: any other way would be as slow as it is long."""
    code = ord(character)
    escaped = "|".join(
        (
            rf"\\{{1,8}}+(?:u00{code:02x}|u\{{0*{code:x}\}}|x{code:02x}|0?{code:03o})",
            f"%(?:25){{0,4}}{code:02x}",
            f"&(?:amp;){{0,4}}(?:#0{{0,6}}{code};?|#x0{{0,6}}{code:x};?{''.join(f'|{one};?' for one in _entities(character))})",
            f"={code:02x}",
        )
    )
    if character == "\\":
        return rf"(?:\\{{{times},{8 * times}}}+|(?:{escaped}){{{times}}})"
    before = r"\\{0,8}+" if character in "\"'/" else ""
    in_forms = r"|\+" if character == " " else ""
    return f"(?:{before}{re.escape(character)}|{escaped}{in_forms})"


def _entities(character: str) -> list[str]:
    return sorted({re.escape(name) for name in _ENTITIES.get(character, ())})


def _encoded_forms(secret: str) -> Iterator[str]:
    data = secret.encode()
    if len(data) >= _SHORTEST:
        yield f"(?i:{'[ :-]?'.join(f'{one:02x}' for one in data)})"
    for shift in range(3):
        core = _core(data, shift)
        if len(core) >= _SHORTEST:
            yield _LINE_BREAK.join(_digit(one) for one in core)


def _core(data: bytes, shift: int) -> str:
    """The base64 digits that depend on nothing before or after the data, which begins `shift` bytes into a group of three."""
    before = (shift * 8 + 5) // 6
    whole = (shift + len(data)) * 8 // 6
    return b64encode(bytes(shift) + data).decode()[before:whole]


def _digit(digit: str) -> str:
    if digit not in _URL_SAFE:
        return digit
    return f"(?i:{_URL_SAFE[digit]}|{_written(digit)})"


def _whole(text: str, span: Span) -> Span:
    """With the digits at both ends that belong to the secret in part, and the padding."""
    start, end = span
    start -= start > 0 and text[start - 1] in _BASE64
    end += end < len(text) and text[end] in _BASE64
    while end < len(text) and text[end] == "=":
        end += 1
    return start, end
