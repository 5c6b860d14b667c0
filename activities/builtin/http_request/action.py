"""The built-in action of `webhook` steps: sends one HTTP request, only to where the worker's operator allows it.

The host is looked up once, its addresses are checked, and the connection goes to one of those. Redirects are not followed,
proxies of the environment are not used, and every size and time has a bound.
"""

from __future__ import annotations

import asyncio
import ssl
from datetime import timedelta
from functools import cached_property
from typing import Any

import httpcore
from pydantic import JsonValue, ValidationError
from temporalio import activity

from advanced_workflow.activities.action import context
from advanced_workflow.activities.action.errors import refusal
from advanced_workflow.activities.action.heartbeat import heartbeats
from advanced_workflow.activities.builtin.http_request.doubt import Doubt
from advanced_workflow.activities.builtin.http_request.failures import HttpFailure, refused
from advanced_workflow.activities.builtin.http_request.headers import header_of
from advanced_workflow.activities.builtin.http_request.network import (
    CONNECT_SECONDS,
    PinnedBackend,
    Resolver,
    checked_addresses,
    reason,
    resolve,
    system_trust,
)
from advanced_workflow.activities.builtin.http_request.policy import Caller, HttpPolicy
from advanced_workflow.activities.builtin.http_request.response import failure_of, output_of
from advanced_workflow.activities.builtin.http_request.secrets import Secrets
from advanced_workflow.activities.builtin.http_request.target import Target, target_of
from advanced_workflow.workflows.contract import (
    AD_HOC_WORKFLOW_TYPE,
    HTTP_ACTION,
    PAYLOAD_LIMIT_BYTES,
    HttpRequest,
    HttpResponse,
)
from advanced_workflow.workflows.contract.paths import StepPath
from advanced_workflow.workflows.errors import DataInvalid, InputInvalid
from advanced_workflow.workflows.plain.misfits import places
from advanced_workflow.workflows.plain.strict_json import encode

METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})
MAX_REQUEST_BYTES = PAYLOAD_LIMIT_BYTES
"""Longest body that is sent."""
# OSError: TLS reports some refusals of the server only after the handshake, as its own error.
_CONNECTION_ERRORS = (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, OSError)


class HttpRequests:
    """The action of one worker, with what its operator allows."""

    def __init__(
        self, policy: HttpPolicy, *, resolver: Resolver = resolve, trust: ssl.SSLContext | None = None
    ) -> None:
        """`resolver` looks up names, `trust` holds the certificates that are trusted; both are the system's."""
        self._policy = policy
        self._resolver = resolver
        self._given_trust = trust

    @activity.defn(name=HTTP_ACTION)
    async def send(self, request: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON; the model below checks it
        """Take an `HttpRequest`, give an `HttpResponse`; failures are `HttpFailure`.

        Header values may hold `{{secret:NAME}}`, which is replaced by the worker's environment variable `ADW_SECRET_NAME` where
        the request goes to a host that `ADW_SECRETS` names for it; where the server repeats a secret, the place is put back.
        """
        wanted = _request(request)
        with heartbeats():
            doubt = Doubt(wanted.method)
            try:
                return (await self._in_time(wanted, doubt)).model_dump(mode="json")
            except HttpFailure as failure:
                # The heartbeat with the note for the next attempt leaves first.
                await asyncio.sleep(0)
                raise (failure.in_doubt() if doubt.exists else failure) from None

    async def _in_time(self, request: HttpRequest, doubt: Doubt) -> HttpResponse:
        info = activity.info()
        limit = info.start_to_close_timeout or info.schedule_to_close_timeout or timedelta(minutes=5)
        target = target_of(request.url, self._policy, ad_hoc=info.workflow_type == AD_HOC_WORKFLOW_TYPE)
        try:
            async with asyncio.timeout(limit.total_seconds()):
                return await self._send(request, target, doubt)
        except TimeoutError:
            raise _broken(target, f"no complete answer within {limit.total_seconds():g} s", doubt) from None

    async def _send(self, request: HttpRequest, target: Target, doubt: Doubt) -> HttpResponse:
        secrets = Secrets(self._policy, target, _caller(request))
        prepared = _prepared(request, target, secrets, doubt)
        addresses = await checked_addresses(target, self._resolver)
        connection = httpcore.AsyncHTTPConnection(
            prepared.url.origin,
            ssl_context=self._trust if target.scheme == "https" else None,
            network_backend=PinnedBackend(addresses),
        )
        try:
            async with connection:
                response = await connection.handle_async_request(prepared)
                if response.status < 400:
                    return await output_of(response, target.host, self._policy.max_response_bytes, secrets)
                if response.status < 500:
                    doubt.denied()
                raise await failure_of(response, target.host, secrets)
        except _CONNECTION_ERRORS as error:
            raise _broken(target, secrets.hide(reason(error)), doubt) from None

    @cached_property
    def _trust(self) -> ssl.SSLContext:
        return self._given_trust or system_trust()


def _caller(request: HttpRequest) -> Caller:
    info = activity.info()
    return Caller(info.workflow_type or "", request.tool or StepPath(info.activity_id).parts[-1].step_id)


def _request(data: object) -> HttpRequest:
    try:
        return HttpRequest.model_validate(data)
    except ValidationError as error:
        raise refusal(
            InputInvalid(f"action {HTTP_ACTION!r}: input does not fit: {places(error, 'the input')}.")
        ) from None


def _prepared(request: HttpRequest, target: Target, secrets: Secrets, doubt: Doubt) -> httpcore.Request:
    if request.method not in METHODS:
        raise refused(f"method {request.method!r} is not sent; use one of {', '.join(sorted(METHODS))}.")
    body = _body(request.body)
    header = header_of(
        request.headers,
        secrets,
        authority=target.authority,
        body=body,
        idempotency_key=context.idempotency_key(),
    )

    async def trace(event: str, _info: dict[str, Any]) -> None:
        if event == "http11.send_request_headers.started":
            doubt.sending()

    return httpcore.Request(
        request.method,
        httpcore.URL(scheme=target.scheme, host=target.host, port=target.port, target=target.path),
        headers=header,
        content=body,
        extensions={"timeout": {"connect": CONNECT_SECONDS}, "trace": trace},
    )


def _body(value: JsonValue) -> bytes | None:
    if value is None:
        return None
    try:
        body = encode(value, "the body", sort_keys=False)
    except DataInvalid as error:
        raise refused(str(error)) from None
    if len(body) > MAX_REQUEST_BYTES:
        raise HttpFailure("HttpTooLarge", f"the body is {len(body):,} bytes and the limit is {MAX_REQUEST_BYTES:,}.")
    return body


def _broken(target: Target, why: str, doubt: Doubt) -> HttpFailure:
    if doubt.sent:
        return HttpFailure(
            "HttpInterrupted",
            f"the request to host {target.host!r} was sent and its answer did not arrive completely: {why}.",
            retryable=True,
        )
    return HttpFailure("HttpUnreachable", f"host {target.host!r} cannot be reached: {why}.", retryable=True)
