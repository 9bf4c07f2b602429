"""The newest requests, and each of them with what was sent and answered."""

from __future__ import annotations

import codecs
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from clearbooks_sandbox.pages.filters import Field, Filter
from clearbooks_sandbox.pages.render import page
from clearbooks_sandbox.pages.table import Column, Table
from clearbooks_sandbox.pages.view import listing, missing
from clearbooks_sandbox.pages.written import record_written

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from clearbooks_sandbox.accounting.reader import Row
    from clearbooks_sandbox.http.request_log import Exchange, LoggedRequest, Message, RequestLog

KEPT = 1000
_SIZE = 100
_BASE = "/books/"
_TONES = {2: "good", 3: "plain", 4: "warn"}
_COLUMNS = (
    Column("Time", "time", "second"),
    Column("Method", "method"),
    Column("Path", "address", "code", "requests/{number}", head=True),
    Column("Business", "business", "id"),
    Column("Status", "state", "status", note="fault"),
    Column("ms", "ms", "id"),
    Column("Record", "record", link="{recordPath}"),
)
_STATES = {
    "": "Every status",
    "2": "2xx, carried out",
    "3": "3xx, moved",
    "4": "4xx, refused",
    "5": "5xx, failed",
    "0": "Dropped",
}
_FIELDS = (
    Field("path", "Path or operation"),
    Field(
        "method",
        "Method",
        "select",
        (("", "Every method"), *((m, m) for m in ("GET", "POST", "PUT", "PATCH", "DELETE"))),
    ),
    Field("state", "Status", "select", tuple(_STATES.items())),
    Field("text", "Text in a body"),
)
_HEADERS = (Column("Header", "name", head=True), Column("Value", "value", "code"))


class RequestPages:
    """Shows the newest requests of the log."""

    def __init__(self, requests: RequestLog) -> None:
        self.requests = requests

    def newest(self, request: Request) -> Response:
        """Time, method, path, status and record of each, newest first."""
        entered = Filter(_FIELDS, request.query_params)
        exchanges = self.requests.exchanges()
        rows = [
            {"entry": entry, "exchange": exchanges.get(entry.number)}
            for entry in self.requests.newest(KEPT)
            if _fits(entry, exchanges.get(entry.number), entered.query)
        ]
        return page(
            "records.html",
            title="Last requests",
            empty="Nobody has asked anything yet.",
            lead=f"What the API and the token endpoint were asked: the newest {KEPT:,}. "
            "Tokens are not kept, nor are the bodies of the token endpoint.",
            **listing(
                request,
                _BASE,
                _COLUMNS,
                rows,
                entered,
                size=_SIZE,
                complete=lambda row: _row(**row),
            ),
        )

    def one(self, request: Request) -> Response:
        """A request with its headers and body, and those of the answer."""
        number = request.path_params["id"]
        entry = next((e for e in self.requests.newest(KEPT) if e.number == number), None)
        if entry is None:
            return missing(f"request {number}, or not any more,", f"{_BASE}requests")
        exchange = self.requests.exchanges().get(number)
        return page(
            "request.html",
            base=_BASE,
            entry=_row(entry, exchange),
            kept=exchange is not None,
            sent=exchange and _shown(exchange.sent),
            answered=exchange and exchange.answered and _shown(exchange.answered),
            lost=exchange and exchange.lost and _shown(exchange.lost),
        )


def _fits(entry: LoggedRequest, exchange: Exchange | None, wanted: Mapping[str, str]) -> bool:
    if wanted["method"] not in ("", entry.method):
        return False
    if wanted["state"] not in ("", str(entry.status // 100)):
        return False
    where = f"{entry.path}?{entry.query} {entry.operation} {entry.fault}".casefold()
    if wanted["path"].strip().casefold() not in where:
        return False
    text = wanted["text"].encode()
    return not text or any(text in (part.body or b"") for part in exchange or () if part)


def _row(entry: LoggedRequest, exchange: Exchange | None) -> Row:
    row = {
        "number": entry.number,
        "time": datetime.fromtimestamp(entry.at, UTC).astimezone().isoformat(),
        "method": entry.method,
        "address": entry.path + (f"?{entry.query}" if entry.query else ""),
        "business": entry.business or None,
        "state": entry.status or "dropped",
        "tone": _TONES.get(entry.status // 100, "bad"),
        "ms": f"{entry.ms:.1f}",
        "fault": entry.fault,
        "operation": entry.operation,
    }
    return row | record_written(entry, exchange)


def _shown(part: Message) -> Row:
    """Headers and body of a request or an answer, as people read them."""
    headers = [{"name": name, "value": value} for name, value in part.headers.items()]
    cut = part.body is not None and len(part.body) < part.size
    return {
        "status": part.status,
        "headers": Table(_HEADERS, headers, _BASE),
        "body": _text(part.body or b""),
        "note": "The body is not kept, since it holds secrets."
        if part.body is None and part.size
        else f"The body has {part.size:,} bytes; its first {len(part.body or b''):,} are kept."
        if cut
        else "",
    }


def _text(body: bytes) -> str:
    """A body as text; JSON with a line for each field."""
    try:
        return msgspec.json.format(body, indent=2).decode() if body else ""
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass
    try:
        # A body that was cut may end inside a character.
        return codecs.getincrementaldecoder("utf-8")().decode(body)
    except UnicodeDecodeError:
        return f"{len(body):,} bytes that are not text"
