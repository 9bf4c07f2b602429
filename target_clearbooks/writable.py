"""The streams that can be written, a row each: every fact that tells one from another.

Names of streams and of their paths, fields and scopes are the contract's (`schemas/`); what
stands here is how the target goes about a stream. Code asks a row and not a stream's name.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Kind(enum.Enum):
    """What the records of a stream are, and so how they are prepared."""

    BUSINESS = "business"
    ACCOUNT_CODE = "account code"
    BANK_ACCOUNT = "bank account"
    CONTACT = "contact"
    STOCK_ITEM = "stock item"
    DOCUMENT = "document"
    PAYMENT = "payment"
    ALLOCATION = "allocation"
    ATTACHMENT = "attachment"
    BANK_FEED = "bank feed"
    BANK_STATEMENT = "bank statement"
    JOURNAL = "journal"


class Side(enum.StrEnum):
    """The side of the ledger that a stream belongs to, as the API names it in paths."""

    SALES = "sales"
    PURCHASES = "purchases"


class Settle(enum.Enum):
    """How it is found out whether a create whose reply was lost was carried out."""

    LIST = "list"  # the newest of the list, past the highest ID before the create
    CONVERGE = "converge"  # the wanted sum against what is there; post what is missing
    COUNT = "count"  # equal transactions of that date, against how many there were
    AGAIN = "again"  # the server ignores what it has already: send again
    NEVER = "never"  # nothing to look at: a person decides


@dataclass(frozen=True, slots=True, kw_only=True)
class Writable:
    """A stream that can be written.

    Attributes:
        stream: Its name, also that of the contract's resource.
        kind: What its records are.
        rank: Place in the order of dependencies: what has a lower rank is written first.
        keys: What identifies a record in the ledger, best first; fields joined by `+` go together.
        side: Sales or purchases, of a contact, document, allocation or attachment.
        settle: How a lost reply to a create is settled.
        marker: Field that carries the marker; None where there is no place for one.
        id_name: Path parameter that holds the ID of one record.
        voids: Whether `_operation: "void"` is understood.
        contact: Field of the body with the ID of the other party.
        creates: Whether records can be created, and not only updated.
        updates: Whether what was written can be changed.
        ids_ascend: Whether a newer record has a higher ID.
        long: Whether its list may be too long to be read for a few records.
        credit_notes: For allocations: the stream of the credit notes that they may take from.
        invoices: For allocations: the streams of the documents that they may pay.
    """

    stream: str
    kind: Kind
    rank: int
    keys: tuple[str, ...]
    side: Side | None = None
    settle: Settle = Settle.LIST
    marker: str | None = None
    id_name: str = ""
    voids: bool = False
    contact: str | None = None
    creates: bool = True
    updates: bool = True
    ids_ascend: bool = True
    long: bool = False
    credit_notes: str = ""
    invoices: tuple[str, ...] = ()


CONTACT_KEYS = ("externalId", "vatNumber", "companyNumber", "email", "name")


def _contact(stream: str, side: Side, id_name: str) -> Writable:
    return Writable(
        stream=stream, kind=Kind.CONTACT, rank=2, keys=CONTACT_KEYS, side=side, id_name=id_name
    )


def _document(stream: str, side: Side) -> Writable:
    sales = side is Side.SALES
    contact = "customerId" if sales else "supplierId"
    return Writable(
        stream=stream,
        kind=Kind.DOCUMENT,
        rank=3,
        keys=("reference", f"documentNumber+{contact}+date"),
        side=side,
        marker="reference",
        id_name="salesId" if sales else "purchaseId",
        voids=True,
        contact=contact,
        long=True,
    )


def _allocation(side: Side, credit_notes: str, *invoices: str) -> Writable:
    return Writable(
        stream="sales_allocations" if side is Side.SALES else "purchase_allocations",
        kind=Kind.ALLOCATION,
        rank=5,
        keys=("invoiceId+paymentId", "invoiceId+creditNoteId"),
        side=side,
        settle=Settle.CONVERGE,
        id_name="allocationId",
        voids=True,
        credit_notes=credit_notes,
        invoices=invoices,
    )


def _attachment(stream: str, side: Side, document: str) -> Writable:
    return Writable(
        stream=stream, kind=Kind.ATTACHMENT, rank=6, keys=(f"{document}+name+size",), side=side,
        id_name="attachmentId",
    )  # fmt: skip


_ROWS = (
    Writable(
        stream="businesses", kind=Kind.BUSINESS, rank=0, keys=("id",), id_name="businessId",
        creates=False,
    ),
    Writable(
        stream="account_codes", kind=Kind.ACCOUNT_CODE, rank=1, keys=("name+heading",),
        id_name="accountCodeId", ids_ascend=False,  # a code is made of its heading
    ),
    Writable(
        stream="bank_accounts", kind=Kind.BANK_ACCOUNT, rank=1,
        keys=("sortCode+accountNumber", "iban", "name"), id_name="bankAccountId",
    ),
    _contact("customers", Side.SALES, "customerId"),
    _contact("suppliers", Side.PURCHASES, "supplierId"),
    Writable(
        stream="stock_items", kind=Kind.STOCK_ITEM, rank=2, keys=("sku", "name"),
        id_name="stockItemId",
    ),
    _document("sales_invoices", Side.SALES),
    _document("sales_credit_notes", Side.SALES),
    _document("quotes", Side.SALES),
    _document("bills", Side.PURCHASES),
    _document("purchase_credit_notes", Side.PURCHASES),
    _document("expenses", Side.PURCHASES),
    Writable(
        stream="payments", kind=Kind.PAYMENT, rank=4,
        keys=("description", "date+amount+contactId+bankAccountId"), marker="description",
        id_name="paymentId", voids=True, contact="contactId", long=True,
    ),
    _allocation(Side.SALES, "sales_credit_notes", "sales_invoices"),
    _allocation(Side.PURCHASES, "purchase_credit_notes", "bills", "expenses"),
    _attachment("sales_attachments", Side.SALES, "salesId"),
    _attachment("purchase_attachments", Side.PURCHASES, "purchaseId"),
    Writable(
        stream="bank_feeds", kind=Kind.BANK_FEED, rank=7,
        keys=("accountId", "sortCode+accountNumber"), settle=Settle.NEVER, updates=False,
    ),
    Writable(
        stream="bank_statements", kind=Kind.BANK_STATEMENT, rank=8, keys=("transactionId",),
        settle=Settle.AGAIN,
    ),
    Writable(
        stream="journals", kind=Kind.JOURNAL, rank=9, keys=("accountingDate+lines",),
        settle=Settle.COUNT, updates=False,
    ),
)  # fmt: skip

WRITABLE: Mapping[str, Writable] = {row.stream: row for row in _ROWS}


def streams_of(*kinds: Kind, side: Side | None = None) -> tuple[str, ...]:
    """Streams of some kinds, in the table's order; those of one side where it is given."""
    return tuple(row.stream for row in _ROWS if row.kind in kinds and side in (None, row.side))
