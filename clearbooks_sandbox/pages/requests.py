"""The newest requests, and each of them with what was sent and answered."""

from __future__ import annotations

import codecs
import re
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

import msgspec

from clearbooks.contract import load_contract
from clearbooks_sandbox.pages.filters import Field, Filter
from clearbooks_sandbox.pages.render import page
from clearbooks_sandbox.pages.sections import allocations_of
from clearbooks_sandbox.pages.table import Column, Table
from clearbooks_sandbox.pages.view import listing, missing
from clearbooks_sandbox.reply import decode

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
# The page of what an operation has written, below its business, by what follows the verb in the
# operation's ID: `{id}` is that of the answer, the others are parameters of the path.
_RECORDS = {
    "AccountCode": "account_codes/{id}",
    "Allocation": "{allocations}?q={id}",
    "BankAccount": "bank",
    "BankFeeds": "bank",
    "BankStatements": "bank",
    "Business": "",
    "Customer": "contacts/{id}",
    "Journal": "journals/{id}",
    "Payment": "payments/{id}",
    "PurchaseAttachment": "documents/{purchaseId}",
    "PurchaseDocument": "documents/{id}",
    "SalesAttachment": "documents/{salesId}",
    "SalesDocument": "documents/{id}",
    "StockItem": "stock_items?q={id}",
    "Supplier": "contacts/{id}",
}
# A document that was voided still has a page.
_VOIDED = {"SalesDocument": "documents/{salesId}", "PurchaseDocument": "documents/{purchaseId}"}


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
    return row | _record(entry, exchange)


def _record(entry: LoggedRequest, exchange: Exchange | None) -> Row:
    """Name and path of the record that a request has written; empty where it wrote none."""
    verb = next((v for v in ("create", "update", "delete") if entry.operation.startswith(v)), "")
    what = entry.operation.removeprefix(verb)
    template = (_VOIDED if verb == "delete" else _RECORDS).get(what)
    carried_out = HTTPStatus.OK <= entry.status < HTTPStatus.MULTIPLE_CHOICES
    if not verb or template is None or not carried_out:
        return {}
    pattern = load_contract().operations[entry.operation].path
    values = dict(zip(pattern.split("/"), entry.path.split("/"), strict=True))
    values = {name[1:-1]: value for name, value in values.items() if name.startswith("{")}
    if "invoiceType" in values:
        values["allocations"] = allocations_of(values["invoiceType"])
    values |= {"id": number} if (number := _answered(exchange).get("id")) else {}
    try:
        path = template.format_map(values)
    except KeyError:
        return {}
    name = re.sub(r"(?=[A-Z])", " ", what).strip().capitalize()
    name += f" {values['id']}" if "{id}" in template else ""
    business = entry.business or values["businessId"]
    return {"record": name, "recordPath": f"{business}/{path}"}


def _answered(exchange: Exchange | None) -> Row:
    """The record in an answer; empty where there is none, or it was not kept whole."""
    if not exchange or not exchange.answered or not exchange.answered.body:
        return {}
    try:
        found = decode(exchange.answered.body)
    except msgspec.DecodeError:
        return {}
    if isinstance(found, list) and len(found) == 1:
        (found,) = found
    return found if isinstance(found, dict) else {}


def _shown(part: Message) -> Row:
    """Headers and body of a request or an answer, as people read them."""
    headers = [{"name": name, "value": value} for name, value in part.headers.items()]
    cut = part.body is not None and len(part.body) < part.size
    return {
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
