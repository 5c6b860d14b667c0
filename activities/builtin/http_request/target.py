"""Where a request may go: https to public addresses, and whatever the worker's operator lists."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import SplitResult, quote, urlsplit

from advanced_workflow.activities.builtin.http_request.addresses import is_public
from advanced_workflow.activities.builtin.http_request.failures import HttpFailure, refused
from advanced_workflow.activities.builtin.http_request.policy import (
    AD_HOC_HOSTS_SETTING,
    ALLOWED_HOSTS_SETTING,
    PORTS,
    HttpPolicy,
    endpoint_of,
)

MAX_URL_LENGTH = 8 * 1024

# The standard parser drops some of these without a word, and clients disagree about a backslash.
_UNSAFE = re.compile(r"[\x00-\x20\\\x7f\ud800-\udfff]")
# What a client may leave as it is in a path or query; `%` too, for what the definition encoded itself.
_LEFT_AS_IT_IS = "!$%&'()*+,-./:;=?@[]_~"


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
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        """Scheme and authority."""
        return f"{self.scheme}://{self.authority}"


def target_of(url: str, policy: HttpPolicy, *, ad_hoc: bool = False) -> Target:
    """Read a URL; raises the failure `HttpRefused` unless the policy allows it. `ad_hoc` is a run that brought its definition."""
    parts = _split(url)
    found = endpoint_of(parts.netloc)
    if found is None:
        raise refused("the url's host is not a host name or address in ASCII; give https://HOST[:PORT]/PATH.")
    port = found.port or PORTS[parts.scheme]
    listed = policy.lists(found.host, port)
    if parts.scheme != "https" and not listed:
        raise refused(
            f"host {found.host!r} may be called by https only; to allow http, list it in {ALLOWED_HOSTS_SETTING} "
            "on the worker."
        )
    if ad_hoc and not policy.lists_for_ad_hoc(found.host, port):
        raise refused(
            f"host {found.host!r} may not be called by a definition that comes with its run; list it in "
            f"{AD_HOC_HOSTS_SETTING} on the worker, or register the definition."
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
    if parts.scheme not in PORTS:
        raise refused(f"the url's scheme is {parts.scheme!r}; give https://HOST[:PORT]/PATH.")
    if "@" in parts.netloc:
        raise refused("the url holds a user or password; use the header Authorization with {{secret:NAME}}.")
    return parts
