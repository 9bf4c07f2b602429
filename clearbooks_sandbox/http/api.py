"""The API and the token endpoint over ASGI: routing, authorisation, limits, faults, the log."""

from __future__ import annotations

import asyncio
import math
import socket
import struct
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from clearbooks.contract import BUSINESS_HEADER
from clearbooks_sandbox.http.change_between_pages import ListingChanger, Page
from clearbooks_sandbox.http.oauth import TokenError
from clearbooks_sandbox.http.request_log import (
    Exchange,
    LoggedRequest,
    Message,
    RequestLog,
    message,
)
from clearbooks_sandbox.http.routes import Router
from clearbooks_sandbox.http.throttle import TokenBucket
from clearbooks_sandbox.options import API_PATH, TOKEN_PATH
from clearbooks_sandbox.reply import Fault, RefusedError, Reply, encode, error_reply

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from clearbooks.contract import Operation
    from clearbooks_sandbox.accounting.engine import AccountingEngine
    from clearbooks_sandbox.http.faults import FaultRule, Faults
    from clearbooks_sandbox.http.oauth import Grant, OAuth
    from clearbooks_sandbox.options import Options

TRANSPORT = "clearbooks.transport"
_SLICE = 0.1
_HTML = b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body>Sign in</body></html>\n"
# Faults that answer a request without carrying it out.
_NOT_CARRIED_OUT = ("drop-before", "error", "no-subscription", "html", "throttle")
_NO_SUBSCRIPTION = Fault(
    "businessNoSubscription", "The subscription of this business does not include this."
)


@dataclass(slots=True)
class ApiRequest:
    """A request; from `operation` on, what routing and authorisation found out about it.

    `answer` is the answer to it, before faults change that.
    """

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    operation: Operation | None = None
    params: dict[str, str] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    business: int | None = None
    answer: Reply | None = None


class Api:
    """Answers everything below `/v1`, and `/oauth/token`."""

    def __init__(
        self, engine: AccountingEngine, oauth: OAuth, faults: Faults, options: Options
    ) -> None:
        self.engine, self.oauth, self.faults, self.options = engine, oauth, faults, options
        self.requests = RequestLog()
        self.router = Router(engine.dialects)
        self.listing_changer = ListingChanger(engine)
        self._buckets: dict[str, TokenBucket] = {}
        self.closing = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        started, at = time.perf_counter(), time.time()
        request = await _read(scope, receive)
        await self._wait(self.options.latency_ms / 1000)
        active = self.faults.matching(request.method, request.path, _page(request))
        reply = await self._answer(request, active)
        ms = (time.perf_counter() - started) * 1000
        self._log(request, reply, ms, at, ", ".join(active))
        if reply is None:
            await _close_connection(scope)
        elif "cut" in active:
            await _send(send, reply, cut=True)
            await _close_connection(scope)
        else:
            await _send(send, reply)

    def _log(
        self, request: ApiRequest, reply: Reply | None, ms: float, at: float, fault: str
    ) -> None:
        secret = request.path == TOKEN_PATH
        self.requests.add(
            LoggedRequest(
                next(self.requests.numbers),
                request.method,
                request.path,
                request.query,
                reply.status if reply else 0,
                ms,
                request.business,
                request.operation.id if request.operation else "",
                at,
                fault,
            ),
            # Only the pages show them.
            Exchange(
                message(request.headers, request.body, secret=secret),
                _message(reply, secret=secret),
                None if request.answer is reply else _message(request.answer, secret=secret),
            )
            if self.options.pages
            else None,
        )

    async def _wait(self, seconds: float) -> None:
        """Wait, but not longer than the server runs."""
        end = time.monotonic() + seconds
        # The flag is set from another thread, which an event of the loop cannot be.
        while not self.closing and (left := end - time.monotonic()) > 0:  # noqa: ASYNC110
            await asyncio.sleep(min(left, _SLICE))

    async def _answer(self, request: ApiRequest, active: dict[str, FaultRule]) -> Reply | None:
        """The answer, or None where the connection is to be closed."""
        if "slow" in active:
            await self._wait(active["slow"].seconds)
        if self.closing:
            return None
        if "expire-tokens" in active:
            self.oauth.expire_access_tokens()
        for kind in _NOT_CARRIED_OUT:
            if kind in active:
                reply = _fault_reply(active[kind])
                if reply is None or reply.ok:
                    return reply
                return self.engine.dialects.rewrite_reply(None, reply)
        is_token = request.path == TOKEN_PATH
        request.answer = self._token(request) if is_token else self._api(request, active)
        if "slow-after" in active:
            await self._wait(active["slow-after"].seconds)
        return _with_faults(request.answer, active)

    def _token(self, request: ApiRequest) -> Reply:
        headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
        if request.method != "POST":
            answer = {"error": "invalid_request", "error_description": "Only POST is allowed here"}
            return Reply(405, headers | {"Allow": "POST"}, encode(answer))
        form = {k: v[-1] for k, v in parse_qs(request.body.decode("latin-1")).items()}
        try:
            return Reply(200, headers, encode(self.oauth.token(form)))
        except TokenError as error:
            answer = {"error": error.error, "error_description": error.description}
            return Reply(error.status, headers, encode(answer))

    def _api(self, request: ApiRequest, active: dict[str, FaultRule]) -> Reply:
        try:
            reply = self._carry_out(request, active)
        except RefusedError as error:
            reply = error.reply()
        return self.engine.dialects.rewrite_reply(request.operation, reply)

    def _carry_out(self, request: ApiRequest, active: dict[str, FaultRule]) -> Reply:
        operation, request.params = self.router.match(request.method, request.path)
        request.operation = operation
        grant = self._authorise(request)
        self._throttle(grant)
        covered = self.engine.business_ids()
        if grant.businesses is not None:
            covered = [number for number in covered if number in grant.businesses]
        request.business = _business(request, covered)
        _check_type(request)
        for kind in active:
            if kind.endswith("-between-pages") and operation.paged:
                page = Page(request.business, operation, request.params, request.values)
                self.listing_changer.change(kind, page)
        return self.engine.call(
            operation.id,
            business_id=request.business,
            params=request.params,
            query=request.values,
            body=request.body,
            covered=covered,
        )

    def _authorise(self, request: ApiRequest) -> Grant:
        assert request.operation  # noqa: S101 - routed before
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        grant = self.oauth.grant(token.strip()) if kind.lower() == "bearer" else None
        if grant is None:
            raise RefusedError(
                401,
                [Fault("unauthorised", "The access token is missing, unknown, expired or revoked")],
                {"WWW-Authenticate": 'Bearer error="invalid_token"'},
            )
        if request.operation.scope not in grant.scopes:
            raise RefusedError(
                403, [Fault("scope", f"This needs the scope {request.operation.scope}")]
            )
        return grant

    def _throttle(self, grant: Grant) -> None:
        if self.options.rate is None:
            return
        bucket = self._buckets.get(grant.client_id)
        if bucket is None or (bucket.rate, bucket.burst) != (self.options.rate, self.options.burst):
            bucket = TokenBucket(self.options.rate, self.options.burst)
            self._buckets[grant.client_id] = bucket
        wait = bucket.take()
        if wait:
            headers = {"Retry-After": str(math.ceil(wait))} if self.options.retry_after else {}
            raise RefusedError(429, [Fault("rateLimit", "Too many requests")], headers)


def _message(reply: Reply | None, *, secret: bool) -> Message | None:
    return message(reply.headers, reply.body, reply.status, secret=secret) if reply else None


def _with_faults(reply: Reply, active: dict[str, FaultRule]) -> Reply | None:
    """The reply after the faults that change it; None where the connection is to be closed."""
    if "drop-after" in active:
        return None
    if "error-after" in active:
        return _server_error(active["error-after"])
    if "html-after" in active:
        return Reply(200, {"Content-Type": "text/html"}, _HTML)
    if "truncate" in active:
        return Reply(reply.status, reply.headers, reply.body[: len(reply.body) // 2])
    return reply


def _fault_reply(rule: FaultRule) -> Reply | None:
    if rule.kind == "drop-before":
        return None
    if rule.kind == "html":
        return Reply(200, {"Content-Type": "text/html"}, _HTML)
    if rule.kind == "throttle":
        headers = {"Retry-After": rule.retry_after} if rule.retry_after else {}
        return error_reply(429, [Fault("rateLimit", "Too many requests")], headers)
    if rule.kind == "no-subscription":
        return error_reply(rule.status or 403, [_NO_SUBSCRIPTION])
    return _server_error(rule)


def _server_error(rule: FaultRule) -> Reply:
    return error_reply(rule.status or 500, [Fault("serverError", "A fault made on purpose")])


def _business(request: ApiRequest, covered: list[int]) -> int:
    """The business that a request is about; 0 where it is about none."""
    assert request.operation  # noqa: S101 - routed before
    sent = request.headers.get(BUSINESS_HEADER.lower())
    if sent is not None:
        if not sent.strip().lstrip("-").isdecimal():
            raise RefusedError(
                400, [Fault("business", f"{BUSINESS_HEADER}: {sent!r} is not an integer")]
            )
        if int(sent) not in covered:
            raise RefusedError(
                403, [Fault("business", f"The authorisation does not cover business {sent}")]
            )
        return int(sent)
    if request.operation.path.startswith("/businesses"):
        return 0
    if len(covered) != 1:
        raise RefusedError(
            400,
            [
                Fault(
                    "business",
                    f"The authorisation covers {len(covered)} businesses: "
                    f"{BUSINESS_HEADER} must name one of them",
                )
            ],
        )
    return covered[0]


def _check_type(request: ApiRequest) -> None:
    assert request.operation  # noqa: S101 - routed before
    sent = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    wrong = {
        None: False,
        "bytes": sent.startswith("multipart/"),
        "json": bool(sent) and not sent.endswith("json"),
        "items": bool(sent) and not sent.endswith("json"),
    }[request.operation.body]
    if wrong:
        wanted = (
            "application/octet-stream" if request.operation.body == "bytes" else "application/json"
        )
        raise RefusedError(
            415, [Fault("contentType", f"Content-Type must be {wanted}, not {sent}")]
        )


async def _read(scope: Scope, receive: Receive) -> ApiRequest:
    chunks, more = [], True
    while more:
        message = await receive()
        chunks.append(message.get("body", b""))
        more = message.get("more_body", False)
    raw = scope.get("raw_path") or scope["path"].encode()
    path = raw.partition(b"?")[0].decode("latin-1")
    query = scope["query_string"].decode("latin-1")
    values = parse_qs(query, keep_blank_values=True)
    return ApiRequest(
        method=scope["method"],
        path=path.removeprefix(API_PATH),
        query=query,
        headers={k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]},
        body=b"".join(chunks),
        values={name: value[0] if len(value) == 1 else value for name, value in values.items()},
    )


def _page(request: ApiRequest) -> int:
    page = str(request.values.get("page", 1))
    return int(page) if page.isdecimal() and len(page) < 10 else 1  # noqa: PLR2004


async def _send(send: Send, reply: Reply, *, cut: bool = False) -> None:
    headers = [(k.lower().encode(), v.encode("latin-1")) for k, v in reply.headers.items()]
    if reply.status != HTTPStatus.NO_CONTENT:
        headers.append((b"content-length", str(len(reply.body)).encode()))
    start = {"type": "http.response.start", "status": reply.status, "headers": headers}
    await send(start)
    body = reply.body[: len(reply.body) // 2] if cut else reply.body
    await send({"type": "http.response.body", "body": body, "more_body": cut})


async def _close_connection(scope: Scope) -> None:
    """Close the connection without an answer."""
    transport = scope.get(TRANSPORT)
    if transport is None:
        raise ConnectionResetError("dropped on purpose")
    # Without lingering the client sees a reset, as when a server dies.
    transport.get_extra_info("socket").setsockopt(
        socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
    )
    transport.abort()
    # Two turns of the loop, so that uvicorn knows before this request ends without an answer.
    await asyncio.sleep(0)
    await asyncio.sleep(0)
