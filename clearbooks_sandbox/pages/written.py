"""The record that a request has written, and its page."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING

import msgspec

from clearbooks.contract import load_contract
from clearbooks_sandbox.pages.sections import allocations_of
from clearbooks_sandbox.reply import decode

if TYPE_CHECKING:
    from clearbooks_sandbox.accounting.reader import Row
    from clearbooks_sandbox.http.request_log import Exchange, LoggedRequest

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


def record_written(entry: LoggedRequest, exchange: Exchange | None) -> Row:
    """Its name as `record` and its page below `/books/` as `recordPath`; empty where there is none.

    What was written by a request whose answer was lost is found, too.
    """
    verb = next((v for v in ("create", "update", "delete") if entry.operation.startswith(v)), "")
    what = entry.operation.removeprefix(verb)
    template = (_VOIDED if verb == "delete" else _RECORDS).get(what)
    answer = exchange and (exchange.lost or exchange.answered)
    if not verb or template is None or not answer:
        return {}
    if not HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
        return {}
    pattern = load_contract().operations[entry.operation].path
    values = dict(zip(pattern.split("/"), entry.path.split("/"), strict=True))
    values = {name[1:-1]: value for name, value in values.items() if name.startswith("{")}
    if "invoiceType" in values:
        values["allocations"] = allocations_of(values["invoiceType"])
    values |= {"id": number} if (number := _id_of(answer.body)) else {}
    try:
        path = template.format_map(values)
    except KeyError:
        return {}
    name = re.sub(r"(?=[A-Z])", " ", what).strip().capitalize()
    name += f" {values['id']}" if "{id}" in template else ""
    return {"record": name, "recordPath": f"{entry.business or values['businessId']}/{path}"}


def _id_of(body: bytes | None) -> str:
    """The ID of the record in an answer; empty where there is none, or it was not kept whole."""
    try:
        found = decode(body or b"")
    except msgspec.DecodeError:
        return ""
    if isinstance(found, list) and len(found) == 1:
        (found,) = found
    return str(found.get("id", "")) if isinstance(found, dict) else ""
