"""What the worker's operator allows requests: which hosts, and how long an answer."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from ipaddress import IPv6Address

from advanced_workflow.workflows.errors import WorkflowError

ALLOWED_HOSTS_SETTING = "ADW_HTTP_ALLOWED_HOSTS"
AD_HOC_HOSTS_SETTING = "ADW_AD_HOC_HOSTS"
SECRETS_SETTING = "ADW_SECRETS"
PORTS = {"https": 443, "http": 80}
MAX_RESPONSE_BYTES = 1024 * 1024

_AUTHORITY = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]{1,254})(?::(?P<port>[0-9]{1,5}))?")
_BINDING = re.compile(
    r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)=(?:(?P<scheme>https?)://)?(?P<authority>[^@]+)"
    r"(?:@(?P<workflow>[A-Za-z0-9_.-]+)(?:/(?P<step>[A-Za-z_][A-Za-z0-9_-]*(?:\.[A-Za-z_][A-Za-z0-9_-]*)*))?)?"
)
_LABEL = re.compile(r"[a-z0-9_-]{1,63}")


class HttpPolicyInvalid(WorkflowError):
    """An entry of `ADW_HTTP_ALLOWED_HOSTS`, `ADW_AD_HOC_HOSTS` or `ADW_SECRETS` is not a host, or does not bind a secret to one."""

    code = "HttpPolicyInvalid"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A host, and its port where one is given. Names are in lower case, IPv6 addresses without brackets."""

    host: str
    port: int | None


@dataclass(frozen=True, slots=True)
class Caller:
    """The step whose request it is, by its workflow type, as the server says it, and its id: of a tool `STEP.TOOL`."""

    workflow: str
    step: str


@dataclass(frozen=True, slots=True)
class Binding:
    """Where a secret may go: exactly one host and port, by one scheme; and for whom, where not for all."""

    name: str
    scheme: str
    host: str
    port: int
    workflow: str | None = None
    step: str | None = None

    def is_for(self, caller: Caller) -> bool:
        """Whether the step may use it."""
        return self.workflow in (None, caller.workflow) and self.step in (None, caller.step)


@dataclass(frozen=True, slots=True)
class HttpPolicy:
    """What the worker's operator allows `webhook` steps."""

    allowed_hosts: tuple[str, ...] = ()
    """`HOST` or `HOST:PORT`, IPv6 in brackets: reachable by http too, and at addresses that are not public."""
    max_response_bytes: int = MAX_RESPONSE_BYTES
    """Longest answer that is taken."""

    secrets: tuple[str, ...] = ()
    """`NAME=HOST` or `NAME=HOST:PORT`: the secret may go there by https; by http only where `http://` stands before the host.
    `@WORKFLOW` or `@WORKFLOW/STEP` behind it: only for runs of that type, or for that step of them; `STEP.TOOL` for a tool of an agent
    or a worker of an orchestrator.
    No entry covers another port or the hosts below; a secret without an entry goes nowhere."""
    ad_hoc_hosts: tuple[str, ...] | None = None
    """Hosts that runs may call which brought their definition with them; None where they may call what others may."""

    def __post_init__(self) -> None:
        """Refuse an entry that could never match; raises `HttpPolicyInvalid`."""
        for setting, entries in (
            (ALLOWED_HOSTS_SETTING, self.allowed_hosts),
            (AD_HOC_HOSTS_SETTING, self.ad_hoc_hosts or ()),
        ):
            for entry in entries:
                if endpoint_of(entry) is None:
                    raise HttpPolicyInvalid(
                        f"{setting}: {entry!r} is not a host; give HOST or HOST:PORT, such as hooks.internal:8080 or "
                        "[fd00::1]:8080."
                    )
        for entry in self.secrets:
            if binding_of(entry) is None:
                raise HttpPolicyInvalid(
                    f"{SECRETS_SETTING}: {entry!r} does not say where a secret may go; give NAME=HOST or NAME=HOST:PORT, "
                    "and @WORKFLOW, @WORKFLOW/STEP or @WORKFLOW/STEP.TOOL where not all may use it."
                )

    def lists(self, host: str, port: int) -> bool:
        """Whether the operator listed this host, with this port or without one."""
        return _lists(self.allowed_hosts, host, port)

    def lists_for_ad_hoc(self, host: str, port: int) -> bool:
        """Whether a run may call this host that brought its definition with it."""
        return self.ad_hoc_hosts is None or _lists(self.ad_hoc_hosts, host, port)

    def secret_goes_to(self, place: Binding, caller: Caller) -> bool:
        """Whether the operator bound this secret to this place, and to whoever asks."""
        found = [one for one in map(binding_of, self.secrets) if one is not None and one.is_for(caller)]
        return any(replace(one, workflow=None, step=None) == place for one in found)


def _lists(entries: tuple[str, ...], host: str, port: int) -> bool:
    return any(endpoint_of(entry) in (Endpoint(host, None), Endpoint(host, port)) for entry in entries)


def binding_of(entry: str) -> Binding | None:
    """Read `NAME=[SCHEME://]HOST[:PORT][@WORKFLOW[/STEP]]`; None for anything else."""
    match = _BINDING.fullmatch(entry)
    endpoint = endpoint_of(match["authority"]) if match else None
    if match is None or endpoint is None:
        return None
    scheme = match["scheme"] or "https"
    port = endpoint.port or PORTS[scheme]
    return Binding(match["name"], scheme, endpoint.host, port, match["workflow"], match["step"])


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
