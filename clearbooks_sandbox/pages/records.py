"""One record with what belongs to it: a contact, a document, a payment."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from clearbooks_sandbox.accounting.vat import name_of
from clearbooks_sandbox.pages import sources
from clearbooks_sandbox.pages.document_kinds import Kind, kind_of
from clearbooks_sandbox.pages.lists import ALLOCATIONS, allocated
from clearbooks_sandbox.pages.table import Column, Table
from clearbooks_sandbox.pages.view import base_of, books_page, find

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from clearbooks_sandbox.accounting.books import Books
    from clearbooks_sandbox.accounting.reader import Row

_SHOWN = 100
_DOCUMENTS = (
    Column("Number", "formattedDocumentNumber", link="documents/{id}", head=True),
    Column("Type", "singular"),
    Column("Date", "date", "day"),
    Column("Status", "status", "status"),
    Column("Gross", "gross", "money"),
    Column("Due", "due", "money"),
)
_PAYMENTS = (
    Column("Payment", "id", "id", "payments/{id}", head=True),
    Column("Date", "date", "day"),
    Column("Description", "description"),
    Column("Amount", "amount", "money"),
    Column("Not allocated", "unallocated", "money"),
)
_LINES = (
    Column("Description", "description", head=True),
    Column("Quantity", "quantity", "number"),
    Column("Unit price", "unitPrice", "price"),
    Column("Account", "accountLabel", link="account_codes/{accountCode}"),
    Column("VAT rate", "vatRateKey"),
    Column("Net", "net", "money", total=True),
    Column("VAT", "vatAmount", "money", total=True),
)
_REVISIONS = (
    Column("ID", "id", link="{path}", note="shown", head=True),
    Column("Date", "date", "day"),
    Column("Status", "status", "status"),
    Column("Gross", "gross", "money"),
)
_FILES = (
    Column("File", "name", head=True),
    Column("Uploaded", "dateUploaded", "day"),
    Column("Bytes", "bytes", "id"),
)


def contact(request: Request, books: Books) -> Response:
    """A customer or supplier with documents and payments."""
    contact_id = request.path_params["id"]
    found = find(books.contact, "contact", contact_id)
    side = "sales" if found["kind"] == "customers" else "purchases"
    documents = books.documents(side, contact_id=contact_id, limit=_SHOWN + 1)
    payments = books.payments(contact_id=contact_id, limit=_SHOWN + 1)
    shown = [row | {"singular": _kind(row).singular} for row in documents[:_SHOWN]]
    return books_page(
        "contact.html",
        books,
        found["kind"],
        contact=found,
        documents=Table(_DOCUMENTS, shown, base_of(books)),
        more_documents=len(documents) > _SHOWN,
        payments=Table(_PAYMENTS, payments[:_SHOWN], base_of(books)),
        more_payments=len(payments) > _SHOWN,
    )


def document(request: Request, books: Books) -> Response:
    """A document with everything that belongs to it."""
    found = find(books.document, "document", request.path_params["id"])
    kind, base, currency = _kind(found), base_of(books), {"currency": found.get("currency")}
    names = {row["id"]: row["name"] for row in books.account_codes()}
    foot = [
        ("Net and VAT", {"net": found["net"], "vatAmount": found["vat"]}),
        ("Gross", {"vatAmount": found["gross"]} | currency),
    ]
    if found["deducted"] and "due" in found:
        foot.append(("CIS deducted", {"vatAmount": found["deducted"]} | currency))
    files = [row | {"bytes": f"{row['size']:,}"} for row in found["attachments"]]
    postings = books.general_ledger.postings_of("document", found["id"])
    return books_page(
        "document.html",
        books,
        kind.stream,
        document=found,
        kind=kind,
        treatment=name_of(kind.side, found["vatTreatment"]),
        contact_id=found.get("customerId") or found.get("supplierId"),
        lines=Table(_LINES, [_priced(line, names) for line in found["lineItems"]], base, foot),
        allocations=_allocations(books, found, "Still due", found.get("due")),
        postings=sources.postings(postings, base, sources.DATE, sources.TRANSACTION),
        revisions=Table(_REVISIONS, _revisions(books, found), base),
        files=Table(_FILES, files, base),
    )


def payment(request: Request, books: Books) -> Response:
    """A payment with what it is allocated to."""
    found = find(books.payment, "payment", request.path_params["id"])
    postings = books.general_ledger.postings_of("payment", found["id"])
    return books_page(
        "payment.html",
        books,
        "payments",
        payment=found,
        allocations=_allocations(books, found, "Not allocated", found["unallocated"]),
        postings=sources.postings(postings, base_of(books), sources.DATE, sources.TRANSACTION),
    )


def _kind(row: Row) -> Kind:
    return kind_of(row["side"], row["kind"])


def _allocations(books: Books, record: Row, left: str, amount: Decimal | None) -> Table:
    """The allocations of a document or payment, with their sum and what is left."""
    currency = {"currency": record.get("currency")}
    rows = [allocated(row) for row in record["allocations"]]
    total = sum((row["amount"] for row in rows), start=Decimal(0))
    foot = [("Allocated", {"amount": total} | currency), (left, {"amount": amount} | currency)]
    return Table(ALLOCATIONS, rows, base_of(books), foot)


def _priced(line: Row, names: dict[int, str]) -> Row:
    net = (Decimal(line["unitPrice"]) * line["quantity"]).quantize(Decimal("0.01"), "ROUND_HALF_UP")
    name = names.get(line["accountCode"], "")
    return line | {"net": net, "accountLabel": f"{line['accountCode']} {name}"}


def _revisions(books: Books, document: Row) -> list[Row]:
    """Every revision of a document, oldest first."""
    found = {document["id"]: document | {"shown": "shown"}}
    for step in ("previousId", "currentId"):
        row = document
        while row.get(step) and row[step] not in found:
            row = books.document(row[step])
            found[row["id"]] = row | {"path": f"documents/{row['id']}"}
    return [found[number] for number in sorted(found)]
