"""Every request of every program: token, pacing, retries, errors and redirects in one place."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urljoin, urlsplit

import backoff
import msgspec
import requests

from clearbooks import replies
from clearbooks.auth import TokenSource
from clearbooks.contract import BUSINESS_HEADER
from clearbooks.errors import (
    ApiError,
    MethodNotAllowedError,
    NotAuthorisedError,
    NotRunningError,
    UnavailableError,
    UncertainError,
)
from clearbooks.exact_json import encode
from clearbooks.faults import read_faults
from clearbooks.http_session import open_session
from clearbooks.loopback import not_running
from clearbooks.pacing import open_pacer
from clearbooks.replies import Reply
from clearbooks.threads import RequestThreads

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from clearbooks.contract import Operation
    from clearbooks.errors import Fault
    from clearbooks.pacing import Pacer
    from clearbooks.settings import Connection

logger = logging.getLogger(__name__)

_NO_CONTENT = 204
_TOO_MANY = 429
_UNAUTHORISED = 401
_SERVER_ERROR = 500
_PASSING = frozenset({408, 425})
# Answers to a write that do not tell: a gateway gave up waiting, or "see what came of it".
_UNTOLD = frozenset({301, 302, 303, 408})
_TRIES_WHEN_LIMITED = 25
# Tokens in a row that a request may see refused; after some of them it waits before the next.
_MOST_REFUSALS = 20
_REFUSALS_AT_ONCE = 3
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 10
MOST_BACKOFF = 30.0
_CONNECT_TIMEOUT = 30.0
_UPDATE_METHODS = ("PUT", "PATCH")


class _Again(Exception):  # noqa: N818 - never leaves this module
    """The request may be sent again; `error` is what to raise once tries are used up."""

    def __init__(self, error: ApiError) -> None:
        self.error = error


class Client:
    """A connection to the API for one application. Safe for threads; close it after use.

    Args:
        connection: Settings.
        tokens: Replaces the token source (for tests).
        pacer: Replaces the shared pacer (for tests).

    Attributes:
        executor: Threads for requests that are made ahead.
        workers: How many threads it has: more than requests may be under way.
        requests: How many were made; `requests_of` has those of each business.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        tokens: TokenSource | None = None,
        pacer: Pacer | None = None,
    ) -> None:
        self.connection = connection
        self.contract = connection.contract
        self.tokens = tokens or TokenSource(connection)
        self.pacer = pacer or open_pacer(connection)
        self._updates: dict[str, str] = {}
        self._host = _host(connection.api_url)
        self._session = open_session(connection)
        self.requests, self.requests_of = 0, Counter[int]()
        self._count = threading.Lock()
        # The one place that all requests pass, whichever thread they are made in.
        self._in_flight = threading.BoundedSemaphore(connection.max_in_flight)
        # While one decodes an answer, another sends the next request in its place.
        self.workers = connection.max_in_flight + -(-connection.max_in_flight // 4)
        self.executor = RequestThreads(self.workers)

    def close(self) -> None:
        """Close the pooled connections, and keep new tokens and what the pacer found."""
        self.executor.shutdown(wait=False, cancel_futures=True)
        self.tokens.settle()
        self._session.close()
        self.pacer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def get(
        self,
        operation_id: str,
        params: Mapping[str, Any] | None = None,
        *,
        business_id: int | None = None,
    ) -> Reply:
        """Read; sent again on 429, 5xx, timeouts, resets, and bodies that are not whole JSON.

        Args:
            operation_id: Operation of the contract.
            params: Path and query parameters by name; None values are left out.
            business_id: Sent as `X-Business-ID`.

        Raises:
            ForbiddenError, NotFoundError, RejectedError: the API refused; SubscriptionError where
                the plan of the business lacks what was asked for.
            UnavailableError: the API could not be reached or kept failing.
            NotAuthorisedError: there is no valid token.
            WaitLimitError: `max_wait` seconds went by without one good answer.
        """
        return self._retrying(
            lambda: self._send(
                self.contract.operations[operation_id], params or {}, None, business_id
            )
        )

    def write(
        self,
        operation_id: str,
        params: Mapping[str, Any] | None = None,
        body: Any = None,
        *,
        business_id: int | None = None,
    ) -> Reply:
        """Create, update or delete; sent again only where it surely was not carried out.

        `body` is JSON-like with `Decimal` amounts, or bytes for an attachment. Where a server
        answers an update with 405, the other update method is used from then on, if it is allowed.

        Raises:
            UncertainError: sent, and no answer tells whether it was carried out.
            ApiError: as for `get`; nothing was carried out.
        """
        operation = self.contract.operations[operation_id]
        tried = self._method(operation)
        try:
            return self._retrying(lambda: self._send(operation, params or {}, body, business_id))
        except MethodNotAllowedError as error:
            # Others may have found it out meanwhile; and not every server says what it allows.
            allowed = error.allowed or _UPDATE_METHODS
            other = next((m for m in _UPDATE_METHODS if m in allowed and m != tried), None)
            if not operation_id.startswith("update") or other is None:
                raise
            self._updates[operation_id] = other
            logger.info("updates of %s go by %s", operation_id, other)
            return self._retrying(lambda: self._send(operation, params or {}, body, business_id))

    def _method(self, operation: Operation) -> str:
        return self._updates.get(operation.id, operation.method)

    def _retrying(self, send: Callable[[], Reply]) -> Reply:
        retry = backoff.on_exception(
            backoff.expo,
            _Again,
            max_tries=self.connection.max_tries,
            max_value=MOST_BACKOFF,
            jitter=backoff.full_jitter,
            logger=None,
            on_backoff=self._before_retry,
        )
        try:
            return retry(send)()
        except _Again as again:
            raise again.error from None

    def _before_retry(self, details: Mapping[str, Any]) -> None:
        # What is raised here ends the tries.
        error, wait = details["exception"].error, details["wait"]
        self.pacer.limit.check(wait, str(error))
        logger.info("%s; trying again in %.1f s", error, wait)

    def _send(
        self,
        operation: Operation,
        params: Mapping[str, Any],
        body: Any,
        business_id: int | None,
    ) -> Reply:
        """One request, with renewals of the token and the redirects it meets."""
        method = self._method(operation)
        url = self.connection.api_url + operation.url(params)
        headers = {} if business_id is None else {BUSINESS_HEADER: str(business_id)}
        data: bytes | None = None
        if isinstance(body, bytes):
            data, headers["Content-Type"] = body, "application/octet-stream"
        elif body is not None:
            data, headers["Content-Type"] = encode(body), "application/json"
        refusals = redirects = 0
        while redirects < _MOST_REDIRECTS:
            reply, token = self._exchange(operation, method, url, headers, data)
            status = reply.status_code
            if status == _UNAUTHORISED:
                # Not carried out. Other programs may renew or revoke as often as requests go
                # out, so that a new token is as good as the last; a server that refuses them
                # all is left after a while.
                refusals += 1
                if refusals > _MOST_REFUSALS or self.tokens.refused(token) is None:
                    break
                if refusals > _REFUSALS_AT_ONCE:
                    time.sleep(backoff.full_jitter(min(0.1 * 2 ** (refusals - 4), 1.0)))
                continue
            redirects += 1
            if status in _REDIRECTS and "Location" in reply.headers and method == "GET":
                url = self._redirected(operation, url, reply.headers["Location"])
                continue
            return self._judge(operation, method, reply, business_id)
        if status == _UNAUTHORISED:
            words = "; ".join(fault.message for fault in read_faults(reply.content))
            raise NotAuthorisedError(
                f"{operation.id}: HTTP 401 - the access token was refused"
                + (f" ({words})" if words else "")
                + "; authorise the application again"
            )
        raise ApiError(operation.id, status, hint="too many redirects")

    def _exchange(
        self,
        operation: Operation,
        method: str,
        url: str,
        headers: dict[str, str],
        data: bytes | None,
    ) -> tuple[requests.Response, str]:
        """The answer, and the token that was sent; sent again where the rate was limited.

        Raises:
            WaitLimitError: it was limited, or would be, for longer than `max_wait`.
        """
        found: list[Fault] = []
        limit, tries, answers = self.pacer.limit, 0, self.pacer.limit.answers
        # Where nobody gets a good answer `max_wait` rules; else it is this endpoint alone.
        while tries < _TRIES_WHEN_LIMITED or limit.answers == answers:
            tries += 1
            try:
                # Before the pacer: a request leaves at the moment that the pacer gave it.
                with self._in_flight:
                    sent = self.pacer.wait()
                    # Only now: a token may end while a request waits for its turn.
                    token = self.tokens.access_token()
                    with self._count:
                        self.requests += 1
                        self.requests_of[int(headers.get(BUSINESS_HEADER, 0))] += 1
                    reply = self._session.request(
                        method,
                        url,
                        headers={**headers, "Authorization": f"Bearer {token}"},
                        data=data,
                        timeout=(_CONNECT_TIMEOUT, self.connection.request_timeout),
                        allow_redirects=False,
                    )
            except requests.RequestException as error:
                # The exception's text may hold the address, and so a person's name: left out.
                kind = type(error).__name__
                if hint := not_running(url, error):
                    raise NotRunningError(operation.id, None, hint=hint) from None
                if method == "GET" or replies.surely_not_sent(error):
                    raise _Again(
                        UnavailableError(operation.id, None, hint=f"no answer ({kind})")
                    ) from None
                raise UncertainError(
                    operation.id, None, hint=f"sent, but no answer came ({kind})"
                ) from None
            if reply.status_code != _TOO_MANY:
                self.pacer.succeeded()
                return reply, token
            # Not carried out. The pacer makes everybody wait, longer each time in a row; and
            # nobody begins to wait for a quota that is used up until tomorrow.
            self.pacer.limited(sent, replies.retry_after(reply.headers))
            found = read_faults(reply.content)
            refusal = ApiError(operation.id, _TOO_MANY, found, "the API limits the rate")
            limit.check(replies.asked_wait(reply.headers) or 0.0, str(refusal))
        raise UnavailableError(operation.id, _TOO_MANY, found, "the API keeps limiting the rate")

    def _judge(
        self, operation: Operation, method: str, reply: requests.Response, business_id: int | None
    ) -> Reply:
        """A success answer, or the right exception."""
        status, body = reply.status_code, replies.content(reply)
        reading = method == "GET"
        if status >= _SERVER_ERROR or (reading and status in _PASSING):
            found = read_faults(body)
            if reading:
                raise _Again(UnavailableError(operation.id, status, found))
            raise UncertainError(operation.id, status, found, "it may have been carried out")
        if not reading and status in _UNTOLD:
            raise UncertainError(operation.id, status, hint="it may have been carried out")
        self.pacer.limit.answered()
        if not reply.ok or status in _REDIRECTS:
            raise replies.api_error(
                operation.id,
                status,
                reply.headers,
                body,
                scope=operation.scope,
                business=business_id,
            )
        if reading and status == _NO_CONTENT:
            # Nothing to list; an empty 200, on the other hand, is an answer that was cut off.
            body = b"[]"
        if body.strip() or reading:
            try:
                msgspec.json.decode(body, type=msgspec.Raw)
            except msgspec.MsgspecError:
                what = "truncated JSON" if replies.looks_like_json(body) else "not JSON"
                hint = f"the answer is {what}"
                if reading:
                    raise _Again(UnavailableError(operation.id, status, hint=hint)) from None
                raise UncertainError(operation.id, status, hint=hint) from None
        return Reply(status, reply.headers, body, reply.request.path_url or "")

    def _redirected(self, operation: Operation, url: str, location: str) -> str:
        """Where a redirect leads; a token never goes to another host."""
        target = urljoin(url, location)
        if _host(target) != self._host:
            raise ApiError(
                operation.id,
                None,
                hint=f"redirect to another host ({urlsplit(target).hostname}) refused",
            )
        return target


def _host(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port
