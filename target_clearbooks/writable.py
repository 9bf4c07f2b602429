"""The streams that can be written, a row each: every fact that tells one from another.

Names of streams and of their paths, fields and scopes are the contract's (`schemas/`); what
stands here is how the target goes about a stream. Code asks a row and not a stream's name.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Kind(enum.Enum):
    """What the records of a stream are, and so how they are prepared.

    A `PLAIN` record is read into the contract's shape and sent: it names nothing else of the
    ledger, and nothing of it is checked beyond its schema.
    """

    PLAIN = "plain record"
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


class FieldType(enum.Enum):
    """What a field holds that the target understands beside those of the contract."""

    REFERENCE = "reference"  # a name, a number or an object, resolved to an ID
    NAME = "name"  # a name, a key or a number, resolved to a key or number
    AMOUNT = "amount"
    TEXT = "text"
    BOOLEAN = "boolean"


@dataclass(frozen=True, slots=True)
class Extras:
    """What a record may hold beside the fields of the contract, and instead of their values.

    Attributes:
        fields: Fields of its own, and what each holds.
        inside: The same for the objects of a field, such as `lineItems`.
        named: Contract fields that may hold a name instead of a number or key.
    """

    fields: Mapping[str, FieldType] = field(default_factory=dict)
    inside: Mapping[str, Extras] = field(default_factory=dict)
    named: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Writable:
    """A stream that can be written.

    Attributes:
        stream: Its name, also that of the contract's resource.
        kind: What its records are.
        write_order: Place in the order of dependencies: what has a lower one is written first.
        keys: What identifies a record in the ledger, best first; fields joined by `+` go together.
        noun: What fields of other records call one of them: `customer`, `creditNote`.
        side: Sales or purchases, of a contact, document, allocation or attachment.
        settle: How a lost reply to a create is settled.
        marker: Field that carries the marker, `reference` or `description`: by these the lists of
            the ledger are searched. None where there is no place for one.
        id_name: Path parameter that holds the ID of one record.
        voids: Whether `_operation: "void"` is understood; of a journal it is a reversal.
        contact: Field of the body with the ID of the other party.
        creates: Whether records can be created, and not only updated.
        updates: Whether what was written can be changed.
        adopts: Whether what stands in the ledger is found by `keys` in the whole list, and updated.
        ids_ascend: Whether a newer record has a higher ID.
        long: Whether its list may be too long to be read for a few records.
        grows: Whether its list grows with the business, so that it is kept on disk.
        found_by: Fields by which a reference of another record may name one.
        extras: What a record may hold beside the contract's fields.
        made: Fields that a create needs and the target makes, and of what: one of these is given.
        flat: List field whose items may come as records of their own, one item each.
        credit_notes: For allocations: the stream of the credit notes that they may take from.
        invoices: For allocations: the streams of the documents that they may pay.
    """

    stream: str
    kind: Kind
    write_order: int
    keys: tuple[str, ...]
    noun: str = ""
    side: Side | None = None
    settle: Settle = Settle.LIST
    marker: str | None = None
    id_name: str = ""
    voids: bool = False
    contact: str | None = None
    creates: bool = True
    updates: bool = True
    adopts: bool = False
    ids_ascend: bool = True
    long: bool = False
    grows: bool = False
    found_by: tuple[str, ...] = ()
    extras: Extras = Extras()
    made: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    flat: str = ""
    credit_notes: str = ""
    invoices: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """The noun as a sentence has it: `credit note`."""
        return re.sub("[A-Z]", lambda match: f" {match.group().lower()}", self.noun)


CONTACT_KEYS = ("externalId", "vatNumber", "companyNumber", "email", "name")
TOTALS = ("gross", "net", "vat")
STATEMENT_TOTALS = ("openingBalance", "closingBalance", "count")
"""What a record may say that it comes to, of a document and of a statement, to be compared."""

_LINE = Extras(
    fields={
        "vatRate": FieldType.NAME,
        "stockItem": FieldType.REFERENCE,
        **dict.fromkeys(("grossUnitPrice", "gross", "net"), FieldType.AMOUNT),
    },
    named=frozenset({"accountCode", "vatRateKey"}),
)


def _references(*names: str) -> dict[str, FieldType]:
    return dict.fromkeys(names, FieldType.REFERENCE)


def _contact(stream: str, noun: str, side: Side) -> Writable:
    return Writable(
        stream=stream,
        kind=Kind.CONTACT,
        write_order=2,
        keys=CONTACT_KEYS,
        noun=noun,
        side=side,
        id_name=f"{noun}Id",
        grows=True,
    )


def _document(stream: str, noun: str, side: Side) -> Writable:
    sales = side is Side.SALES
    names = ("customer", "contact", "bankAccount") if sales else ("supplier", "contact")
    contact = f"{names[0]}Id"
    return Writable(
        stream=stream,
        kind=Kind.DOCUMENT,
        write_order=3,
        keys=("reference", f"documentNumber+{contact}+date"),
        noun=noun,
        side=side,
        marker="reference",
        id_name="salesId" if sales else "purchaseId",
        voids=True,
        contact=contact,
        long=True,
        found_by=("id", "documentNumber", "reference"),
        extras=Extras(
            fields=_references(*names) | dict.fromkeys(TOTALS, FieldType.AMOUNT),
            inside={"lineItems": _LINE},
            named=frozenset({"vatTreatment"}),
        ),
    )


def _allocation(stream: str, side: Side, credit_notes: str, *invoices: str) -> Writable:
    nouns = () if side is Side.SALES else ("bill", "expense")
    return Writable(
        stream=stream,
        kind=Kind.ALLOCATION,
        write_order=5,
        keys=("invoiceId+paymentId", "invoiceId+creditNoteId"),
        side=side,
        settle=Settle.CONVERGE,
        id_name="allocationId",
        voids=True,
        extras=Extras(
            fields=_references("payment", "creditNote", "invoice", *nouns)
            | {"atMost": FieldType.AMOUNT}
        ),
        made={"allocationType": ("payment", "creditNote"), "amount": ()},
        credit_notes=credit_notes,
        invoices=invoices,
    )


def _attachment(stream: str, side: Side, document: str) -> Writable:
    return Writable(
        stream=stream,
        kind=Kind.ATTACHMENT,
        write_order=6,
        keys=(f"{document}+name+size",),
        side=side,
        id_name="attachmentId",
    )


_ROWS = (
    Writable(
        stream="businesses",
        kind=Kind.BUSINESS,
        write_order=0,
        keys=("id",),
        id_name="businessId",
        creates=False,
    ),
    Writable(
        stream="account_codes",
        kind=Kind.ACCOUNT_CODE,
        write_order=1,
        keys=("name+heading",),
        noun="accountCode",
        id_name="accountCodeId",
        adopts=True,
        ids_ascend=False,  # a code is made of its heading
        extras=Extras(named=frozenset({"defaultVatRate"})),
    ),
    Writable(
        stream="bank_accounts",
        kind=Kind.BANK_ACCOUNT,
        write_order=1,
        keys=("sortCode+accountNumber", "iban", "name"),
        noun="bankAccount",
        id_name="bankAccountId",
        adopts=True,
    ),
    _contact("customers", "customer", Side.SALES),
    _contact("suppliers", "supplier", Side.PURCHASES),
    Writable(
        stream="stock_items",
        kind=Kind.STOCK_ITEM,
        write_order=2,
        keys=("sku", "name"),
        noun="stockItem",
        id_name="stockItemId",
        adopts=True,
        grows=True,
        extras=Extras(
            fields=dict.fromkeys(("salesVatRate", "purchaseVatRate"), FieldType.NAME),
            named=frozenset(
                f"{side}{name}"
                for side in ("sales", "purchase")
                for name in ("AccountCode", "VatRateKey")
            ),
        ),
    ),
    _document("sales_invoices", "invoice", Side.SALES),
    _document("sales_credit_notes", "creditNote", Side.SALES),
    _document("quotes", "quote", Side.SALES),
    _document("bills", "bill", Side.PURCHASES),
    _document("purchase_credit_notes", "creditNote", Side.PURCHASES),
    _document("expenses", "expense", Side.PURCHASES),
    Writable(
        stream="payments",
        kind=Kind.PAYMENT,
        write_order=4,
        keys=("description", "date+amount+contactId+bankAccountId"),
        noun="payment",
        marker="description",
        id_name="paymentId",
        voids=True,
        contact="contactId",
        long=True,
        found_by=("id", "description"),
        made={"description": ()},
        extras=Extras(
            fields={
                **_references("contact", "customer", "supplier", "bankAccount", "paymentMethod"),
                "currency": FieldType.TEXT,
                "refund": FieldType.BOOLEAN,
            }
        ),
    ),
    _allocation("sales_allocations", Side.SALES, "sales_credit_notes", "sales_invoices"),
    _allocation(
        "purchase_allocations", Side.PURCHASES, "purchase_credit_notes", "bills", "expenses"
    ),
    _attachment("sales_attachments", Side.SALES, "salesId"),
    _attachment("purchase_attachments", Side.PURCHASES, "purchaseId"),
    Writable(
        stream="bank_feeds",
        kind=Kind.BANK_FEED,
        write_order=7,
        keys=("accountId", "sortCode+accountNumber"),
        noun="bankFeed",
        settle=Settle.NEVER,
        updates=False,
        extras=Extras(fields=_references("bankAccount")),
    ),
    Writable(
        stream="bank_statements",
        kind=Kind.BANK_STATEMENT,
        write_order=8,
        keys=("transactionId",),
        settle=Settle.AGAIN,
        extras=Extras(
            fields=_references("feed", "bankFeed")
            | dict.fromkeys(STATEMENT_TOTALS, FieldType.AMOUNT)
        ),
        flat="statementLines",
    ),
    Writable(
        stream="journals",
        kind=Kind.JOURNAL,
        write_order=9,
        keys=("accountingDate+lines",),
        settle=Settle.COUNT,
        voids=True,
        updates=False,
        extras=Extras(
            inside={
                "lines": Extras(
                    fields={
                        "accountCode": FieldType.NAME,
                        "bankAccount": FieldType.REFERENCE,
                        **dict.fromkeys(("debit", "credit"), FieldType.AMOUNT),
                    },
                    named=frozenset({"accountCodeId"}),
                )
            }
        ),
    ),
)

WRITABLE: Mapping[str, Writable] = {row.stream: row for row in _ROWS}


@cache
def streams_of(*kinds: Kind, side: Side | None = None) -> tuple[str, ...]:
    """Streams of some kinds, in the table's order; those of one side where it is given."""
    return tuple(
        row.stream for row in WRITABLE.values() if row.kind in kinds and side in (None, row.side)
    )
