"""The header of a request: what the definition says, checked, and what the worker adds."""

from __future__ import annotations

import re
from collections.abc import Mapping

from advanced_workflow.activities.builtin.http_request.failures import HttpFailure, refused
from advanced_workflow.activities.builtin.http_request.secrets import Secrets

USER_AGENT = "advanced-workflow"
MAX_HEADER_BYTES = 32 * 1024

Headers = list[tuple[bytes, bytes]]

_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_VALUE = re.compile(r"[\t\x20-\x7e]*")
_SET_BY_WORKER = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""They say how the message travels: a wrong one would let one request be read as two."""


def header_of(
    given: Mapping[str, str], secrets: Secrets, *, authority: str, body: bytes | None, idempotency_key: str
) -> Headers:
    """Build the header; raises the failure `HttpRefused`, `SecretMissing`, `SecretRefused` or `HttpTooLarge`."""
    headers = _checked(given, secrets)
    defaults = {"Idempotency-Key": idempotency_key, "User-Agent": USER_AGENT, "Accept": "*/*"}
    own = {"Host": authority, "Accept-Encoding": "identity", "Connection": "close"}
    if body is not None:
        defaults["Content-Type"] = "application/json"
        own["Content-Length"] = str(len(body))
    taken = {name.lower() for name in headers}
    added = {name: value for name, value in defaults.items() if name.lower() not in taken}
    built = [(name.encode(), value.encode()) for name, value in {**own, **added, **headers}.items()]
    size = sum(len(name) + len(value) for name, value in built)
    if size > MAX_HEADER_BYTES:
        raise HttpFailure("HttpTooLarge", f"the headers are {size:,} bytes and the limit is {MAX_HEADER_BYTES:,}.")
    return built


def _checked(given: Mapping[str, str], secrets: Secrets) -> dict[str, str]:
    names: set[str] = set()
    for name in given:
        _require_name(name)
        if name.lower() in names:
            raise refused(f"header {name!r} is given twice; keep one.")
        names.add(name.lower())
    return {name: _value(name, value, secrets) for name, value in given.items()}


def _require_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise refused(f"header {name!r} is not a header name; use letters, digits and hyphens.")
    if name.lower() in _SET_BY_WORKER:
        raise refused(f"header {name!r} is the worker's own; leave it out.")


def _value(name: str, value: str, secrets: Secrets) -> str:
    filled = secrets.fill(value).strip()
    if not _VALUE.fullmatch(filled):
        raise refused(f"header {name!r} has a line break, a control character or one outside ASCII; encode it.")
    return filled
