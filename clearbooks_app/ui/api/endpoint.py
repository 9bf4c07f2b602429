"""One operation of the API: declared once, for the router and for the OpenAPI document."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from clearbooks.errors import (
    ApiError,
    ClearBooksError,
    ForbiddenError,
    NotAuthorisedError,
    NotFoundError,
    RejectedError,
    SettingError,
    TokenStoreError,
    WaitLimitError,
)
from clearbooks.exact_json import encode_any
from clearbooks.run_database import HistoryError
from clearbooks_app.consent_server import DeniedError
from clearbooks_app.operations.listing import AbsentError
from clearbooks_app.operations.warehouse import WarehouseError
from clearbooks_app.ui.site import MissingError, RunningError
from target_clearbooks.store import BusyError, NoStoreError, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from clearbooks_app.ui.site import Site

logger = logging.getLogger("clearbooks-ui")

LONGEST_BODY = 8 * 1024 * 1024
# What an error is called, and the status that it is answered with; the first that fits.
_ERRORS: tuple[tuple[type[Exception], str, int], ...] = (
    (AbsentError, "absent", 404),
    (MissingError, "not_found", 404),
    (NoStoreError, "not_found", 404),
    (DeniedError, "denied", 409),
    (NotAuthorisedError, "not_connected", 409),
    (BusyError, "busy", 409),
    (RunningError, "busy", 409),
    (ForbiddenError, "forbidden", 403),
    (NotFoundError, "not_found", 404),
    (RejectedError, "refused", 422),
    (ApiError, "unavailable", 502),
    (WaitLimitError, "unavailable", 502),
    (SettingError, "invalid", 400),
    (TokenStoreError, "store", 503),
    (StoreError, "store", 503),
    (HistoryError, "store", 503),
    (WarehouseError, "unavailable", 503),
    (ClearBooksError, "failed", 400),
)


class Error(msgspec.Struct):
    """What went wrong: a code for programs, and a message for people."""

    code: str
    message: str


class ErrorAnswer(msgspec.Struct):
    """Every answer that is no success."""

    error: Error


class Nothing(msgspec.Struct, forbid_unknown_fields=True):
    """No parameters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One operation.

    Attributes:
        id: Its name.
        method: `GET`, `POST` or `DELETE`.
        path: With `{name}` for parameters in it.
        summary: One line.
        description: What else a caller should know.
        tag: The group in the document.
        params: Parameters of path and query, as fields.
        body: What is sent; None for nothing.
        result: What is answered.
        status: Of success.
        call: Does it. Gets the site, the parameters and the body.
    """

    id: str
    method: str
    path: str
    summary: str
    description: str = ""
    tag: str
    params: type[msgspec.Struct] = Nothing
    body: Any = None
    result: Any
    status: int = 200
    call: Callable[[Site, Any, Any], Any]

    async def answer(self, site: Site, request: Request) -> Response:
        """Answer a request."""
        names = [name for name, _ in request.query_params.multi_items()]
        if len(set(names)) < len(names):
            return failure("invalid", "a parameter is given twice", 422)
        try:
            params = msgspec.convert(
                {**request.query_params, **request.path_params}, self.params, strict=False
            )
            body = await self._body(request)
        except _BodyError as error:
            return failure(error.code, str(error), error.status)
        except msgspec.ValidationError as error:
            return failure("invalid", str(error), 422)
        try:
            result = await run_in_threadpool(self.call, site, params, body)
        except Exception as error:  # noqa: BLE001 - told below
            return told(error)
        return Response(encode_any(result), self.status, media_type="application/json")

    async def _body(self, request: Request) -> Any:
        if self.body is None:
            return None
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise _BodyError("the body should be application/json", "invalid", 415)
        data = b""
        async for part in request.stream():
            data += part
            if len(data) > LONGEST_BODY:
                raise _BodyError(f"the body is longer than {LONGEST_BODY} bytes", "too_long", 413)
        try:
            return msgspec.json.decode(data, type=self.body)
        except msgspec.ValidationError:
            raise
        except (msgspec.DecodeError, RecursionError, ValueError) as error:
            raise _BodyError(f"the body is no JSON: {error}", "invalid", 400) from None


class _BodyError(Exception):
    def __init__(self, words: str, code: str, status: int) -> None:
        super().__init__(words)
        self.code, self.status = code, status


def status_of(error: Exception) -> tuple[str, int]:
    """What an error is called, and the status that it is answered with."""
    return next(((c, s) for kind, c, s in _ERRORS if isinstance(error, kind)), ("fault", 500))


def told(error: Exception) -> Response:
    """The answer that an error makes."""
    code, status = status_of(error)
    if isinstance(error, ClearBooksError):
        return failure(code, str(error), status)
    # Its text may hold personal data, and so may a traceback.
    logger.error("a fault of this program: %s", type(error).__name__)
    return failure(code, f"a fault of this program ({type(error).__name__})", status)


def failure(code: str, message: str, status: int) -> Response:
    """An answer that is no success."""
    body = encode_any(ErrorAnswer(Error(code, message)))
    return Response(body, status, media_type="application/json")
