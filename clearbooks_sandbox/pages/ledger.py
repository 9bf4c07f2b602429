"""The books of a business: one view a page."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from functools import wraps
from typing import TYPE_CHECKING, Any

from clearbooks_sandbox.accounting.chart import ROLES
from clearbooks_sandbox.accounting.features import FEATURES
from clearbooks_sandbox.accounting.vat import name_of
from clearbooks_sandbox.pages.document_kinds import KINDS, SECTIONS, Kind, kind_of
from clearbooks_sandbox.pages.listing import matching, paged, totals
from clearbooks_sandbox.pages.render import page

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from clearbooks_sandbox.accounting.books import Books, Row
    from clearbooks_sandbox.accounting.engine import AccountingEngine

    View = Callable[["LedgerPages", Request, Books], Response]

_ALL = 10**9
_CONTACT_DOCUMENTS = 100
_CONTACTS = ("customers", "suppliers")
# Filters of payments: value in the query -> label, and which payments are shown.
_FILTERS: dict[str, tuple[str, Callable[[Row], bool]]] = {
    "": ("All payments", lambda _: True),
    "in": ("Received", lambda row: row["amount"] > 0),
    "out": ("Paid", lambda row: row["amount"] < 0),
    "open": ("Not all allocated", lambda row: row["unallocated"] != 0),
}


class _MissingError(Exception):
    """What a path names is not there."""


def _missing(what: str, back: str) -> Response:
    return page(
        "message.html",
        status=404,
        title="Not found",
        text=f"There is no {what} here.",
        back=(back, "Back to the books"),
    )


def _find(read: Callable[[int], Row], what: str, number: int) -> Row:
    try:
        return read(number)
    except KeyError:
        raise _MissingError(f"{what} {number}") from None


def _of_business(view: View) -> Callable[[LedgerPages, Request], Response]:
    """Hand the view the books of the business in the path, or say that there are none."""

    @wraps(view)
    def found(self: LedgerPages, request: Request) -> Response:
        business_id = request.path_params["business"]
        try:
            books = self.engine.books(business_id)
        except KeyError:
            return _missing(f"business {business_id}", "/books/")
        try:
            return view(self, request, books)
        except _MissingError as error:
            return _missing(str(error), f"/books/{business_id}/")

    return found


class LedgerPages:
    """Views of the books, for the routes below `/books/{business}`."""

    def __init__(self, engine: AccountingEngine) -> None:
        self.engine = engine

    def businesses(self, request: Request) -> Response:
        """Every business with what is owed to and by it."""
        del request
        every = [self.engine.books(number) for number in self.engine.business_ids()]
        shown = [{"record": books.business(), **_owed(books)} for books in every]
        return page("businesses.html", businesses=shown)

    @_of_business
    def overview(self, request: Request, books: Books) -> Response:
        """Overview of a business: bank accounts, what is owed, counts."""
        del request
        linked = {name: label for name, label in SECTIONS if name}
        return _page(
            "business.html",
            books,
            "",
            bank_accounts=books.bank_accounts(),
            counts=books.counts(),
            linked=linked,
            features=[FEATURES[name] for name in books.features()],
            **_owed(books),
        )

    @_of_business
    def stream(self, request: Request, books: Books) -> Response:
        """A list that is named by its stream."""
        stream = request.path_params["stream"]
        if stream in _CONTACTS:
            return self._contacts(request, books, stream)
        if stream in KINDS:
            return self._documents(request, books, KINDS[stream])
        raise _MissingError(f"page {stream}")

    def _contacts(self, request: Request, books: Books, here: str) -> Response:
        query = {"q": request.query_params.get("q", "")}
        rows = matching(
            books.contacts(here, limit=_ALL), query["q"], "name", "email", "id", "externalId"
        )
        return _page(
            "contacts.html",
            books,
            here,
            title=here.capitalize(),
            query=query,
            path=request.url.path,
            listing=paged(rows, request.query_params.get("page", "")),
            total=sum((row["balance"] for row in rows), start=Decimal(0)),
        )

    @_of_business
    def contact(self, request: Request, books: Books) -> Response:
        """A customer or supplier with documents and payments."""
        contact_id = request.path_params["id"]
        contact = _find(books.contact, "contact", contact_id)
        side = "sales" if contact["kind"] == "customers" else "purchases"
        limit = _CONTACT_DOCUMENTS
        documents = books.documents(side, contact_id=contact_id, limit=limit + 1)
        payments = books.payments(contact_id=contact_id, limit=limit + 1)
        return _page(
            "contact.html",
            books,
            contact["kind"],
            contact=contact,
            documents=[_with_kind(row) for row in documents[:limit]],
            more_documents=len(documents) > limit,
            payments=payments[:limit],
            more_payments=len(payments) > limit,
        )

    def _documents(self, request: Request, books: Books, kind: Kind) -> Response:
        query = {name: request.query_params.get(name, "") for name in ("q", "status")}
        every = books.documents(kind.side, kind.kind, voided=True, limit=_ALL)
        wanted = query["status"]
        rows = [
            row
            for row in every
            if (row["status"] == wanted if wanted else row["status"] != "voided")
        ]
        rows = matching(
            rows, query["q"], "formattedDocumentNumber", "reference", "contactName", "description"
        )
        return _page(
            "documents.html",
            books,
            kind.stream,
            title=kind.title,
            contact_word="Customer" if kind.side == "sales" else "Supplier",
            query=query,
            statuses=sorted({row["status"] for row in every} | ({wanted} if wanted else set())),
            path=request.url.path,
            listing=paged(rows, request.query_params.get("page", "")),
            totals=totals(rows, "net", "vat", "gross", "due"),
        )

    @_of_business
    def document(self, request: Request, books: Books) -> Response:
        """A document with everything that belongs to it."""
        document = _find(books.document, "document", request.path_params["id"])
        kind = kind_of(document["side"], document["kind"])
        names = {row["id"]: row["name"] for row in books.account_codes()}
        allocated = sum((a["amount"] for a in document["allocations"]), start=Decimal(0))
        return _page(
            "document.html",
            books,
            kind.stream,
            document=document,
            number=document["formattedDocumentNumber"],
            title=kind.title,
            singular=kind.singular,
            treatment=name_of(kind.side, document["vatTreatment"]),
            contact_id=document.get("customerId") or document.get("supplierId"),
            lines=[_priced(line, names) for line in document["lineItems"]],
            allocated=allocated,
            revisions=_revisions(books, document),
        )

    @_of_business
    def payments(self, request: Request, books: Books) -> Response:
        """Payments, with what is left to allocate."""
        query = {name: request.query_params.get(name, "") for name in ("q", "show")}
        _, shown = _FILTERS.get(query["show"], _FILTERS[""])
        rows = [row for row in books.payments(limit=_ALL) if shown(row)]
        rows = matching(rows, query["q"], "contactName", "description", "id")
        return _page(
            "payments.html",
            books,
            "payments",
            query=query,
            shows=[(value, label) for value, (label, _) in _FILTERS.items()],
            path=request.url.path,
            listing=paged(rows, request.query_params.get("page", "")),
            totals=totals(rows, "amount", "unallocated"),
        )

    @_of_business
    def payment(self, request: Request, books: Books) -> Response:
        """A payment with what it is allocated to."""
        payment = _find(books.payment, "payment", request.path_params["id"])
        payment["allocations"] = [_with_kind(row) for row in payment["allocations"]]
        return _page(
            "payment.html",
            books,
            "payments",
            payment=payment,
            allocated=sum((a["amount"] for a in payment["allocations"]), start=Decimal(0)),
        )

    @_of_business
    def journals(self, request: Request, books: Books) -> Response:
        """Journals with their lines."""
        rows = books.journals(limit=_ALL)
        return _page(
            "journals.html",
            books,
            "journals",
            query={},
            path=request.url.path,
            listing=paged(rows, request.query_params.get("page", "")),
        )

    @_of_business
    def trial_balance(self, request: Request, books: Books) -> Response:
        """Every account's balance on a date."""
        wanted, at, problem = request.query_params.get("date", ""), None, None
        if wanted:
            try:
                at = date.fromisoformat(wanted)
            except ValueError:
                problem = f"{wanted} is not a date. Write it as 2010-12-31."
        rows = [row for row in books.trial_balance(at) if row.balance]
        return _page(
            "trial_balance.html",
            books,
            "trial_balance",
            status=400 if problem else 200,
            rows=rows,
            at=at,
            problem=problem,
            debit=sum((row.debit or 0 for row in rows), start=Decimal(0)),
            credit=sum((row.credit or 0 for row in rows), start=Decimal(0)),
        )

    @_of_business
    def bank(self, request: Request, books: Books) -> Response:
        """Bank accounts and the statements of their feeds."""
        del request
        accounts = books.bank_accounts()
        return _page(
            "bank.html",
            books,
            "bank",
            accounts=accounts,
            statements=[_statement(row, accounts) for row in books.statements()],
        )

    @_of_business
    def statement(self, request: Request, books: Books) -> Response:
        """The lines of one bank statement."""
        every = {row["id"]: row for row in books.statements()}
        row = _find(every.__getitem__, "statement", request.path_params["id"])
        statement = _statement(row, books.bank_accounts())
        return _page(
            "statement.html",
            books,
            "bank",
            statement=statement,
            query={},
            path=request.url.path,
            listing=paged(statement["lines"], request.query_params.get("page", "")),
        )


def _page(template: str, books: Books, here: str, **context: Any) -> Response:
    business = books.business()
    return page(template, business=business, here=here, sections=SECTIONS, **context)


def _owed(books: Books) -> dict[str, Decimal]:
    """What customers owe and what is owed to suppliers."""
    balances = {row.account_code: row.balance for row in books.trial_balance()}
    return {
        "debtors": balances.get(ROLES["debtors"], Decimal(0)),
        "creditors": -balances.get(ROLES["creditors"], Decimal(0)),
    }


def _with_kind(row: Row) -> Row:
    kind: Kind = kind_of(row["side"], row["kind"])
    return row | {"singular": kind.singular}


def _priced(line: Row, names: dict[int, str]) -> Row:
    net = (Decimal(line["unitPrice"]) * line["quantity"]).quantize(Decimal("0.01"), "ROUND_HALF_UP")
    return line | {"net": net, "accountName": names.get(line["accountCode"], "")}


def _revisions(books: Books, document: Row) -> list[Row]:
    """Every revision of a document, oldest first."""
    found = {document["id"]: document}
    for step in ("previousId", "currentId"):
        row = document
        while row.get(step) and row[step] not in found:
            row = books.document(row[step])
            found[row["id"]] = row
    return [found[number] for number in sorted(found)]


def _statement(row: Row, accounts: list[Row]) -> Row:
    account = next((a for a in accounts if a["id"] == row["accountId"]), {})
    amounts = [line["amount"] for line in row["lines"]]
    return row | {
        "title": f"{date.fromisoformat(row['month'] + '-01'):%B %Y}",
        "accountName": account.get("name", ""),
        "currency": account.get("currency"),
        "money_in": sum((a for a in amounts if a > 0), start=Decimal(0)),
        "money_out": -sum((a for a in amounts if a < 0), start=Decimal(0)),
    }
