"""Where a request may go: https to public addresses, and whatever the worker's operator lists."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import SplitResult, quote, urlsplit

from advanced_workflow.activities.builtin.failures import HttpFailure, refused
from advanced_workflow.workflows.errors import WorkflowError

ALLOWED_HOSTS_SETTING = "ADW_HTTP_ALLOWED_HOSTS"
MAX_RESPONSE_BYTES = 1024 * 1024
MAX_URL_LENGTH = 8 * 1024

_PORTS = {"https": 443, "http": 80}
_AUTHORITY = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]{1,254})(?::(?P<port>[0-9]{1,5}))?")
_LABEL = re.compile(r"[a-z0-9_-]{1,63}")
# The standard parser drops some of these without a word, and clients disagree about a backslash.
_UNSAFE = re.compile(r"[\x00-\x20\\\x7f\ud800-\udfff]")
# What a client may leave as it is in a path or query; `%` too, for what the definition encoded itself.
_LEFT_AS_IT_IS = "!$%&'()*+,-./:;=?@[]_~"

# `is_global` of the standard library changes between releases and counts some of these as global.
_NOT_PUBLIC_4 = (
    IPv4Network("192.0.0.0/24"),  # protocol assignments
    IPv4Network("192.88.99.0/24"),  # relays of 6to4
    IPv4Network("168.63.129.16/32"),  # one cloud's own services, reachable from its machines only
)
_UNICAST_6 = IPv6Network("2000::/3")
_NOT_PUBLIC_6 = (
    IPv6Network("2001::/23"),  # protocol assignments, Teredo among them
    IPv6Network("2002::/16"),  # 6to4, which leads to any IPv4 address
    IPv6Network("3fff::/20"),  # documentation
)
_NAT64 = IPv6Network("64:ff9b::/96")


class HttpPolicyInvalid(WorkflowError):
    """An entry of `ADW_HTTP_ALLOWED_HOSTS` is no host; give `HOST` or `HOST:PORT`, IPv6 addresses in brackets."""

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
            if _endpoint(entry) is None:
                raise HttpPolicyInvalid(
                    f"{ALLOWED_HOSTS_SETTING}: {entry!r} is not a host; give HOST or HOST:PORT, such as "
                    "hooks.internal:8080 or [fd00::1]:8080."
                )

    def lists(self, host: str, port: int) -> bool:
        """Whether the operator listed this host, with this port or without one."""
        return any(_endpoint(entry) in (Endpoint(host, None), Endpoint(host, port)) for entry in self.allowed_hosts)


@dataclass(frozen=True, slots=True)
class Target:
    """A URL that may be called, in the parts the connection is made of; nothing reads the URL a second time."""

    scheme: str
    host: str
    port: int
    path: str
    """Path and query, percent-encoded."""
    listed: bool

    @property
    def authority(self) -> str:
        """The `Host` header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def target_of(url: str, policy: HttpPolicy) -> Target:
    """Read a URL; raises the failure `HttpRefused` unless the policy allows it."""
    parts = _split(url)
    found = _endpoint(parts.netloc)
    if found is None:
        raise refused("the url's host is not a host name or address in ASCII; give https://HOST[:PORT]/PATH.")
    port = found.port or _PORTS[parts.scheme]
    listed = policy.lists(found.host, port)
    if parts.scheme != "https" and not listed:
        raise refused(
            f"host {found.host!r} may be called by https only; to allow http, list it in {ALLOWED_HOSTS_SETTING} "
            "on the worker."
        )
    path = quote((parts.path or "/") + (f"?{parts.query}" if parts.query else ""), safe=_LEFT_AS_IT_IS)
    return Target(parts.scheme, found.host, port, path, listed)


def require_allowed(target: Target, addresses: Iterable[str]) -> None:
    """Raise the failure `HttpRefused` when one of the host's addresses is not public and the host is not listed."""
    if target.listed:
        return
    for address in addresses:
        if not is_public(address):
            raise refused(
                f"host {target.host!r} has the address {address}, which is not public; if it may be called, list it "
                f"in {ALLOWED_HOSTS_SETTING} on the worker."
            )


def literal(host: str) -> str | None:
    """The host itself when it is an address, so that nothing needs to be looked up."""
    try:
        return str(ip_address(host))
    except ValueError:
        return None


def is_public(address: str) -> bool:
    """Whether the address belongs to one host on the internet, also where it wraps an IPv4 address."""
    found = ip_address(address)
    if isinstance(found, IPv6Address):
        wrapped = _wrapped(found)
        return _is_public_6(found) if wrapped is None else _is_public_4(wrapped)
    return _is_public_4(found)


def _wrapped(address: IPv6Address) -> IPv4Address | None:
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped


def _is_public_4(address: IPv4Address) -> bool:
    special = address.is_multicast or any(address in network for network in _NOT_PUBLIC_4)
    return address.is_global and not special


def _is_public_6(address: IPv6Address) -> bool:
    if address.scope_id is not None or address not in _UNICAST_6:
        return False
    return address.is_global and not any(address in network for network in _NOT_PUBLIC_6)


def _split(url: str) -> SplitResult:
    if len(url) > MAX_URL_LENGTH:
        raise HttpFailure("HttpTooLarge", f"the url has {len(url):,} characters and the limit is {MAX_URL_LENGTH:,}.")
    if _UNSAFE.search(url):
        raise refused("the url has a blank, a control character or a backslash; percent-encode it.")
    if "{{secret:" in url:
        raise refused("the url holds {{secret:...}}; secrets are filled in in header values only.")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise refused("the url cannot be read; give https://HOST[:PORT]/PATH.") from None
    if parts.scheme not in _PORTS:
        raise refused(f"the url's scheme is {parts.scheme!r}; give https://HOST[:PORT]/PATH.")
    if "@" in parts.netloc:
        raise refused("the url holds a user or password; use the header Authorization with {{secret:NAME}}.")
    return parts


def _endpoint(authority: str) -> Endpoint | None:
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
