"""Answers: a success, which error an answer is, and what an exception says of the request."""

from __future__ import annotations

import codecs
import email.utils
import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import requests
import urllib3.exceptions as u3

from clearbooks.errors import (
    ApiError,
    ForbiddenError,
    MethodNotAllowedError,
    NotFoundError,
    RejectedError,
    SubscriptionError,
)
from clearbooks.exact_json import loads
from clearbooks.faults import read_faults

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

_PAYMENT_REQUIRED = 402
_FORBIDDEN = 403
_NOT_FOUND = frozenset({404, 410})
_METHOD_NOT_ALLOWED = 405
_CLIENT_ERRORS = range(400, 500)
MAX_RETRY_AFTER = 3600.0
# What the API says where the plan of a business lacks a feature. Its status is stated nowhere.
_NO_SUBSCRIPTION = "BUSINESS_NO_SUBSCRIPTION"
_WRAPPERS = ("items", "data", "results")

_NEVER_CONNECTED = (
    u3.NewConnectionError,
    u3.ConnectTimeoutError,
    u3.NameResolutionError,
)


@dataclass(frozen=True, slots=True)
class Reply:
    """A success answer. `body` is known to be whole JSON, or empty."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    path: str

    def json(self) -> Any:
        """The body with numbers as `int` and `Decimal`; None where it is empty."""
        return loads(self.body) if self.body else None

    def record(self) -> dict[str, Any]:
        """The one object of the body, also where it comes wrapped in an array of one."""
        data = self.json()
        if isinstance(data, list) and len(data) == 1:
            data = data[0]
        if not isinstance(data, dict):
            raise msgspec.ValidationError("expected one JSON object")
        return data

    @property
    def total(self) -> int | None:
        """`X-Pagination-Total-Count`: records in the whole listing, where it was sent."""
        return self._number("X-Pagination-Total-Count")

    @property
    def limit(self) -> int | None:
        """`X-Pagination-Limit`: records on a full page, where it was sent."""
        return self._number("X-Pagination-Limit")

    @property
    def pages(self) -> int | None:
        """`X-Pagination-Total-Pages`, where it was sent."""
        return self._number("X-Pagination-Total-Pages")

    def _number(self, header: str) -> int | None:
        value = self.headers.get(header, "").strip()
        return int(value) if value.isdigit() else None


def records(
    data: Any, operation: str, fields: Container[str] = ("id", "key")
) -> list[dict[str, Any]]:
    """The objects of a list, also where it is wrapped, or where a list of one is its only object.

    Args:
        data: The JSON of an answer; None is an empty list.
        operation: For the message.
        fields: Names of which one makes an object a record, and not an error.

    Raises:
        ApiError: it holds something else. An error never counts as an empty list.
    """
    if isinstance(data, dict):
        wrappers = (k for k in _WRAPPERS if k in data and k not in fields)
        data = next((data[k] for k in wrappers if isinstance(data[k], (list, dict))), data)
    if isinstance(data, dict) and any(k in fields for k in data):
        data = [data]
    if data is None:
        return []
    found = [_bare(item) for item in data] if isinstance(data, list) else [data]
    kept = [item for item in found if isinstance(item, dict)]
    if not isinstance(data, list) or len(kept) < len(found):
        raise ApiError(operation, None, hint="the answer is JSON but no list of records")
    return kept


def _bare(item: Any) -> Any:
    while isinstance(item, list) and len(item) == 1:
        item = item[0]
    return item


def surely_not_sent(error: requests.RequestException) -> bool:
    """Whether no byte of the request can have reached the server."""
    if isinstance(error, requests.ConnectTimeout):
        return True
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        # The handshake failed. Other TLS errors may come after the request went out.
        return True
    seen: BaseException | None = error
    for _ in range(5):
        if seen is None:
            return False
        if isinstance(seen, _NEVER_CONNECTED):
            return True
        if isinstance(seen, u3.MaxRetryError):
            seen = seen.reason
            continue
        inner = getattr(seen, "original_error", seen.args[0] if seen.args else None)
        seen = inner if isinstance(inner, BaseException) else None
    return False


def content(reply: requests.Response) -> bytes:
    """The body of an answer, without the mark that some servers put before UTF-8."""
    return reply.content.removeprefix(codecs.BOM_UTF8)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait by the `Retry-After` header, an hour at most: then it is asked again."""
    seconds = asked_wait(headers)
    return None if seconds is None else min(seconds, MAX_RETRY_AFTER)


def asked_wait(headers: Mapping[str, str]) -> float | None:
    """What the `Retry-After` header says, in seconds; it holds seconds, or a date.

    A date is by the server's clock, which `Date` tells: that of this machine may differ.
    """
    value = headers.get("Retry-After", "").strip()
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        when = _moment(value)
        if when is None:
            return None
        seconds = when - (_moment(headers.get("Date", "")) or time.time())
    # `nan` and `inf` are numbers to Python, and no time to wait.
    return max(seconds, 0.0) if math.isfinite(seconds) else None


def _moment(date: str) -> float | None:
    """Seconds since the epoch of a date of HTTP."""
    try:
        return email.utils.parsedate_to_datetime(date).timestamp()
    except ValueError:
        return None


def api_error(
    operation: str,
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    scope: str = "",
    business: int | None = None,
) -> ApiError:
    """The exception for an answer that is not a success, in the API's own words.

    Args:
        operation: The operation ID.
        status: HTTP status.
        headers: Of the answer.
        body: Of the answer.
        scope: What the operation needs.
        business: The business that it was about, where it was about one.
    """
    found = read_faults(body)
    plan = any(fault.code.strip().upper() == _NO_SUBSCRIPTION for fault in found)
    if status == _PAYMENT_REQUIRED or (plan and status in _CLIENT_ERRORS):
        whose = "the business" if business is None else f"business {business}"
        hint = (
            f"the Clear Books plan (subscription) of {whose} has ended or does not include this; "
            "renew or change the plan in Clear Books, then run again"
        )
        return SubscriptionError(operation, status, found, hint)
    if status == _FORBIDDEN:
        hint = f"the authorisation needs the scope {scope!r} and must cover the business"
        return ForbiddenError(operation, status, found, hint)
    if status in _NOT_FOUND:
        return NotFoundError(operation, status, found)
    if status == _METHOD_NOT_ALLOWED:
        error = MethodNotAllowedError(operation, status, found)
        error.allowed = tuple(m.strip().upper() for m in headers.get("Allow", "").split(",") if m)
        return error
    if status in _CLIENT_ERRORS:
        return RejectedError(operation, status, found)
    return ApiError(operation, status, found)


def looks_like_json(body: bytes) -> bool:
    """Whether a body could be JSON; an HTML page sent with status 200 could not."""
    return body.lstrip()[:1] in b'[{"-0123456789tfn' and bool(body.strip())
