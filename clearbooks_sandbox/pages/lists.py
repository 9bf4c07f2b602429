"""The listings of a business's records: what each reads, and its columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from clearbooks_sandbox.accounting.vat import BEGIN, END
from clearbooks_sandbox.pages.document_kinds import KINDS, Kind
from clearbooks_sandbox.pages.filters import SINCE, UNTIL, Field, within
from clearbooks_sandbox.pages.listing import matching
from clearbooks_sandbox.pages.sections import allocations_of, label
from clearbooks_sandbox.pages.sources import SOURCES, with_source
from clearbooks_sandbox.pages.table import Column

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from clearbooks_sandbox.accounting.books import Books
    from clearbooks_sandbox.accounting.reader import Row

    Entered = Mapping[str, str]

_ALL = 10**9


@dataclass(frozen=True, slots=True)
class RecordList:
    """A listing.

    Attributes:
        title: What it lists.
        columns: Its columns.
        read: Every record that fits what was entered into the filter.
        fields: The filter.
        lead: A sentence below the title.
    """

    title: str
    columns: tuple[Column, ...]
    read: Callable[[Books, Entered], list[Row]]
    fields: tuple[Field, ...]
    lead: str = ""


ALLOCATIONS = (
    Column("Allocation", "id", "id", head=True),
    Column("From", "fromName", link="{fromPath}"),
    Column("Document", "documentNumber", link="documents/{invoiceId}"),
    Column("Contact", "contactName"),
    Column("Amount", "amount", "money", total=True),
)
_ID = Column("ID", "id", "id")
_SIDE = Field(
    "side", "Side", "select", (("", "Both sides"), ("sales", "Sales"), ("purchases", "Purchases"))
)


# Customers and suppliers


def _contacts(kind: str, lead: str) -> RecordList:
    def read(books: Books, entered: Entered) -> list[Row]:
        rows = [
            row
            | {
                "country": row.get("address", {}).get("countryCode"),
                "state": "archived" if row.get("archived") else None,
            }
            for row in books.contacts(kind, limit=_ALL)
        ]
        return matching(rows, entered["q"], "name", "email", "id", "externalId")

    return RecordList(
        label(kind),
        (
            Column("Name", "name", link="contacts/{id}", note="state", head=True),
            Column("External ID", "externalId"),
            Column("Country", "country"),
            _ID,
            Column("Balance £", "balance", "home", total=True),
        ),
        read,
        (Field("q", "Name, e-mail or ID"),),
        f"{lead} Payments not yet allocated count against it.",
    )


# Documents, payments, allocations


def _documents(kind: Kind) -> RecordList:
    def read(books: Books, entered: Entered) -> list[Row]:
        wanted = entered["status"]
        every = books.documents(kind.side, kind.kind, voided=True, limit=_ALL)
        rows = [
            row | {"contactId": row.get("customerId") or row.get("supplierId")}
            for row in every
            if (row["status"] == wanted if wanted else row["status"] != "voided")
        ]
        fields = ("formattedDocumentNumber", "reference", "contactName", "description", "id")
        return matching(rows, entered["q"], *fields)

    every = (("", "All but voided"), *((s, s.capitalize()) for s in _STATUSES))
    return RecordList(
        kind.title,
        (
            Column("Number", "formattedDocumentNumber", link="documents/{id}", head=True),
            Column("Date", "date", "day"),
            Column(
                "Customer" if kind.side == "sales" else "Supplier",
                "contactName",
                link="contacts/{contactId}",
            ),
            Column("Reference", "reference"),
            Column("Status", "status", "status"),
            Column("Net", "net", "money", total=True),
            Column("VAT", "vat", "money", total=True),
            Column("Gross", "gross", "money", total=True),
            Column("Due", "due", "money", total=True),
        ),
        read,
        (Field("q", "Number, reference, name or ID"), Field("status", "Status", "select", every)),
    )


_STATUSES = ("draft", "approved", "paid", "voided")
# Which payments are shown: value in the query -> label, and whether one is.
_SHOWN: dict[str, tuple[str, Callable[[Row], bool]]] = {
    "": ("All payments", lambda _: True),
    "in": ("Received", lambda row: row["amount"] > 0),
    "out": ("Paid", lambda row: row["amount"] < 0),
    "open": ("Not all allocated", lambda row: row["unallocated"] != 0),
}


def _read_payments(books: Books, entered: Entered) -> list[Row]:
    _, shown = _SHOWN.get(entered["show"], _SHOWN[""])
    rows = [row for row in books.payments(limit=_ALL) if shown(row)]
    return matching(rows, entered["q"], "contactName", "description", "id")


_PAYMENTS = RecordList(
    "Payments",
    (
        Column("Payment", "id", "id", "payments/{id}", head=True),
        Column("Date", "date", "day"),
        Column("From or to", "contactName", link="contacts/{contactId}"),
        Column("Description", "description"),
        Column("Bank account", "bankAccountName"),
        Column("Amount", "amount", "money", total=True),
        Column("Not allocated", "unallocated", "money", total=True),
    ),
    _read_payments,
    (
        Field("q", "Name, description or ID"),
        Field("show", "Show", "select", tuple((v, label) for v, (label, _) in _SHOWN.items())),
    ),
    "Money received is positive, money paid is negative.",
)


def allocated(row: Row) -> Row:
    """An allocation with the name and the path of the payment or credit note."""
    if row["allocationType"] == "payment":
        number = row["paymentId"]
        return row | {"fromName": f"Payment {number}", "fromPath": f"payments/{number}"}
    return row | {
        "fromName": f"Credit note {row['creditNoteNumber']}",
        "fromPath": f"documents/{row['creditNoteId']}",
    }


def _allocations(side: str) -> RecordList:
    def read(books: Books, entered: Entered) -> list[Row]:
        rows = [allocated(row) for row in books.allocations(side)]
        return matching(rows, entered["q"], "id", "fromName", "documentNumber", "contactName")

    return RecordList(
        label(allocations_of(side)),
        ALLOCATIONS,
        read,
        (Field("q", "ID, document, payment or name"),),
        "Which payment or credit note clears which document.",
    )


# Account codes and transactions


def _read_accounts(books: Books, entered: Entered) -> list[Row]:
    balances = {row.account_code: row.balance for row in books.trial_balance()}
    rows = [
        row
        | {
            "balance": balances.get(row["id"], 0),
            "takes": ", ".join(side for side in ("sales", "purchases") if row.get(side)),
        }
        for row in books.account_codes()
    ]
    rows = [row for row in rows if row["balance"] or entered["show"] != "used"]
    return matching(rows, entered["q"], "id", "name")


_ACCOUNT_CODES = RecordList(
    "Account codes",
    (
        Column("Code", "id", "code", "account_codes/{id}"),
        Column("Account", "name", link="account_codes/{id}", head=True),
        Column("Takes", "takes"),
        Column("VAT rate", "defaultVatRate"),
        Column("Balance £", "balance", "home", total=True),
    ),
    _read_accounts,
    (
        Field("q", "Code or name"),
        Field(
            "show", "Show", "select", (("", "All account codes"), ("used", "Those with a balance"))
        ),
    ),
    "The chart of accounts. A debit balance is positive, a credit balance is negative.",
)


def _read_transactions(books: Books, entered: Entered) -> list[Row]:
    rows = [
        with_source(row)
        for row in books.general_ledger.transactions()
        if within(row["accountingDate"], entered) and entered["source"] in ("", row["source"])
    ]
    return matching(rows, entered["q"], "id", "sourceName")


_TRANSACTIONS = RecordList(
    "Transactions",
    (
        Column("Transaction", "id", "id", "transactions/{id}", head=True),
        Column("Date", "accountingDate", "day"),
        Column("Posted for", "sourceName", link="{sourcePath}"),
        Column("Amount £", "amount", "home", total=True),
    ),
    _read_transactions,
    (
        Field("q", "ID, or what it was posted for"),
        Field("source", "Posted for", "select", (("", "Everything"), *SOURCES.items())),
        SINCE,
        UNTIL,
    ),
    "Every transaction of the ledger. The amount is the sum of its debits.",
)


# Stock items and VAT


def _read_stock(books: Books, entered: Entered) -> list[Row]:
    return matching(books.stock_items(), entered["q"], "id", "name", "sku", "description")


_STOCK_ITEMS = RecordList(
    "Stock items",
    (
        _ID,
        Column("Name", "name", head=True),
        Column("SKU", "sku"),
        Column("Type", "type"),
        Column("Sales price", "salesUnitPrice", "price"),
        Column("Sales account", "salesAccountCode", "code", "account_codes/{salesAccountCode}"),
        Column("Sales VAT rate", "salesVatRateKey"),
        Column("Purchase price", "purchaseUnitPrice", "price"),
        Column(
            "Purchase account", "purchaseAccountCode", "code", "account_codes/{purchaseAccountCode}"
        ),
        Column("Purchase VAT rate", "purchaseVatRateKey"),
    ),
    _read_stock,
    (Field("q", "Name, SKU or ID"),),
)
_FORCE = (Column("From", "since", "day"), Column("Until", "until", "day"))


def _in_force(row: Row, entered: Entered) -> bool:
    return not entered["date"] or row["since"] <= entered["date"] <= row["until"]


def _dated(row: Row) -> Row:
    return {name: value for name, value in row.items() if value not in (BEGIN, END)}


def _read_treatments(books: Books, entered: Entered) -> list[Row]:
    return [
        _dated(row) | {"families": ", ".join(row["rates"])}
        for row in books.vat_treatments()
        if _in_force(row, entered) and entered["side"] in ("", row["side"])
    ]


def _read_rates(books: Books, entered: Entered) -> list[Row]:
    return [_dated(row) for row in books.vat_rates() if _in_force(row, entered)]


_ON = Field("date", "In force on", "date")
_VAT_TREATMENTS = RecordList(
    "VAT treatments",
    (
        Column("Side", "side", "words"),
        Column("Key", "key", "code"),
        Column("Name", "name", head=True),
        Column("Rates", "families"),
        Column("Buyer accounts for the VAT", "reverse", "yes"),
        *_FORCE,
    ),
    _read_treatments,
    (_SIDE, _ON),
    "What a document can have as its VAT treatment, and the kinds of rates that go with it.",
)
_VAT_RATES = RecordList(
    "VAT rates",
    (
        Column("Key", "key", "code"),
        Column("Name", "name", head=True),
        Column("Per cent", "percent", "number"),
        *_FORCE,
    ),
    _read_rates,
    (_ON,),
    "What a line of a document can have as its VAT rate.",
)

LISTS: dict[str, RecordList] = {
    "customers": _contacts("customers", "A balance is what the customer owes."),
    "suppliers": _contacts("suppliers", "A balance is what is owed to the supplier."),
    **{stream: _documents(kind) for stream, kind in KINDS.items()},
    "payments": _PAYMENTS,
    **{allocations_of(side): _allocations(side) for side in ("sales", "purchases")},
    "account_codes": _ACCOUNT_CODES,
    "transactions": _TRANSACTIONS,
    "stock_items": _STOCK_ITEMS,
    "vat_treatments": _VAT_TREATMENTS,
    "vat_rates": _VAT_RATES,
}
