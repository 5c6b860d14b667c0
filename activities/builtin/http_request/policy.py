"""What the worker's operator allows requests: which hosts, and how long an answer."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv6Address

from advanced_workflow.workflows.errors import WorkflowError

ALLOWED_HOSTS_SETTING = "ADW_HTTP_ALLOWED_HOSTS"
MAX_RESPONSE_BYTES = 1024 * 1024

_AUTHORITY = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]{1,254})(?::(?P<port>[0-9]{1,5}))?")
_LABEL = re.compile(r"[a-z0-9_-]{1,63}")


class HttpPolicyInvalid(WorkflowError):
    """An entry of `ADW_HTTP_ALLOWED_HOSTS` is not a host; give `HOST` or `HOST:PORT`, IPv6 addresses in brackets."""

    code = "HttpPolicyInvalid"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A host, and its port where one is given. Names are in lower case, IPv6 addresses without brackets."""

    host: str
    port: int | None


@dataclass(frozen=True, slots=True)
class HttpPolicy:
    """What the worker's operator allows `webhook` steps."""

    allowed_hosts: tuple[str, ...] = ()
    """`HOST` or `HOST:PORT`, IPv6 in brackets: reachable by http too, and at addresses that are not public."""
    max_response_bytes: int = MAX_RESPONSE_BYTES
    """Longest answer that is taken."""

    def __post_init__(self) -> None:
        """Refuse an entry that could never match; raises `HttpPolicyInvalid`."""
        for entry in self.allowed_hosts:
            if endpoint_of(entry) is None:
                raise HttpPolicyInvalid(
                    f"{ALLOWED_HOSTS_SETTING}: {entry!r} is not a host; give HOST or HOST:PORT, such as "
                    "hooks.internal:8080 or [fd00::1]:8080."
                )

    def lists(self, host: str, port: int) -> bool:
        """Whether the operator listed this host, with this port or without one."""
        return any(endpoint_of(entry) in (Endpoint(host, None), Endpoint(host, port)) for entry in self.allowed_hosts)


def endpoint_of(authority: str) -> Endpoint | None:
    """Read `HOST` or `HOST:PORT`; None for anything else."""
    match = _AUTHORITY.fullmatch(authority)
    if match is None:
        return None
    host = _host(match["host"])
    port = int(match["port"]) if match["port"] else None
    return None if host is None or (port is not None and not 0 < port < 65536) else Endpoint(host, port)


def _host(text: str) -> str | None:
    if text.startswith("["):
        try:
            return IPv6Address(text[1:-1]).compressed
        except ValueError:
            return None
    name = text.lower().removesuffix(".")
    return name if all(_LABEL.fullmatch(label) for label in name.split(".")) else None
