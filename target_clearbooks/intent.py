"""What stands between preparing a record and sending it: intents, outcomes, what may be written.

`prepare` turns a record into an `Intent` or says why not; the engine puts the intent on disk,
sends it once and settles every doubt. Neither knows how the other works.
"""

from __future__ import annotations

import base64
import enum
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from target_clearbooks.settings import CONTACT_KEYS

if TYPE_CHECKING:
    from clearbooks.client import Client
    from target_clearbooks.settings import TargetSettings

SourceKey = str
"""Identity of a record at its source: `externalId`, or its key properties as a JSON array."""

Reference = tuple[str, SourceKey]
"""A record that another one needs: `(stream, source key)`."""


class Settle(enum.Enum):
    """How it is found out whether a create whose reply was lost was carried out."""

    LIST = "list"  # the newest of the list, past the fence
    CONVERGE = "converge"  # the wanted sum against what is there; post what is missing
    COUNT = "count"  # equal transactions of that date, against how many there were
    AGAIN = "again"  # the server ignores what it has already: send again
    NEVER = "never"  # nothing to look at: a person decides


@dataclass(frozen=True, slots=True)
class Writable:
    """A stream that can be written.

    Attributes:
        stream: Its name, also that of the contract's resource.
        rank: Place in the order of dependencies: what has a lower rank is written first.
        keys: What identifies a record in the ledger, best first; fields joined by `+` go together.
        settle: How a lost reply to a create is settled.
        marker: Field that carries the marker; None where there is no place for one.
        id_name: Path parameter that holds the ID of one record.
        voids: Whether `_operation: "void"` is understood.
        contact: Field of the body with the ID of the other party.
        creates: False where records can only be updated.
    """

    stream: str
    rank: int
    keys: tuple[str, ...]
    settle: Settle = Settle.LIST
    marker: str | None = None
    id_name: str = ""
    voids: bool = False
    contact: str | None = None
    creates: bool = True


def _sales(stream: str) -> Writable:
    return Writable(
        stream, 3, ("reference", "documentNumber+customerId+date"),
        marker="reference", id_name="salesId", voids=True, contact="customerId",
    )  # fmt: skip


def _purchases(stream: str) -> Writable:
    return Writable(
        stream, 3, ("reference", "documentNumber+supplierId+date"),
        marker="reference", id_name="purchaseId", voids=True, contact="supplierId",
    )  # fmt: skip


_ROWS = (
    Writable("businesses", 0, ("id",), id_name="businessId", creates=False),
    Writable("account_codes", 1, ("name+heading",), id_name="accountCodeId"),
    Writable("bank_accounts", 1, ("sortCode+accountNumber", "iban", "name"),
             id_name="bankAccountId"),
    Writable("customers", 2, CONTACT_KEYS, id_name="customerId"),
    Writable("suppliers", 2, CONTACT_KEYS, id_name="supplierId"),
    Writable("stock_items", 2, ("sku", "name"), id_name="stockItemId"),
    _sales("sales_invoices"),
    _sales("sales_credit_notes"),
    _sales("quotes"),
    _purchases("bills"),
    _purchases("purchase_credit_notes"),
    _purchases("expenses"),
    Writable("payments", 4, ("description", "date+amount+contactId+bankAccountId"),
             marker="description", id_name="paymentId", voids=True, contact="contactId"),
    Writable("sales_allocations", 5, ("invoiceId+paymentId", "invoiceId+creditNoteId"),
             Settle.CONVERGE, id_name="allocationId", voids=True),
    Writable("purchase_allocations", 5, ("invoiceId+paymentId", "invoiceId+creditNoteId"),
             Settle.CONVERGE, id_name="allocationId", voids=True),
    Writable("sales_attachments", 6, ("salesId+name+size",), id_name="attachmentId"),
    Writable("purchase_attachments", 6, ("purchaseId+name+size",), id_name="attachmentId"),
    Writable("bank_feeds", 7, ("accountId", "sortCode+accountNumber"), Settle.NEVER),
    Writable("bank_statements", 8, ("transactionId",), Settle.AGAIN),
    Writable("journals", 9, ("accountingDate+lines",), Settle.COUNT),
)  # fmt: skip

WRITABLE: Mapping[str, Writable] = {row.stream: row for row in _ROWS}


class Operation(enum.StrEnum):
    """What is to be done. A bank statement is `post`: sent, and never looked at again."""

    CREATE = "create"
    UPDATE = "update"
    VOID = "void"
    DELETE = "delete"
    POST = "post"


@dataclass(frozen=True, slots=True)
class Intent:
    """One write, resolved and checked, before anything is sent.

    Attributes:
        business_id: The business it is for.
        stream: Key of `WRITABLE`.
        operation: `delete` only where `allow_delete` is set.
        source_key: Identity of the record at its source.
        body: What is sent: JSON-like with `Decimal` amounts, IDs for names, the marker in its
            field; bytes for an attachment; None for `void` and `delete`. One item, also where
            the API wants `{"items": [...]}`.
        params: Path parameters besides the record's own ID, such as `{"salesType": "invoices"}`.
        remote_id: For all but `create` and `post`: the ID of the record in the ledger.
        marker: What tells the record in the ledger: the `reference` that the record brings, else
            `make_marker`; in a payment's `description` it stands after the text, behind a space.
            None where the stream has no place for one, or the setting `marker` is `off`.
        depends_on: References of the record that the map resolved; they may be on their way.
        record: The record as given.
        adopted: How `remote_id` was found, where the map did not hold it: `externalId`, `email` …
        warnings: What a person should know although it is written.
        expected: Totals that the record names (`gross`, `net`, `vat`), to be compared with what
            the API answers.
    """

    business_id: int
    stream: str
    operation: Operation
    source_key: SourceKey
    body: Any = None
    params: Mapping[str, Any] = field(default_factory=dict)
    remote_id: int | str | None = None
    marker: str | None = None
    depends_on: tuple[Reference, ...] = ()
    record: Mapping[str, Any] = field(default_factory=dict)
    adopted: str | None = None
    warnings: tuple[str, ...] = ()
    expected: Mapping[str, Decimal] = field(default_factory=dict)

    @property
    def hash(self) -> str:
        """Hash of what is wanted: the operation, where it goes and its body."""
        target = {"operation": "void" if self.body is None else "write", **self.params}
        return content_hash([target, self.body])


@dataclass(frozen=True, slots=True)
class Rejected:
    """Not written. `kind` is `invalid` (never sent), `rejected` (sent) or `blocked`."""

    reasons: tuple[str, ...]
    kind: str = "invalid"


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A person has to decide: several records would fit, and none is guessed."""

    reasons: tuple[str, ...]
    candidates: tuple[Mapping[str, Any], ...] = ()
    kind: str = "blocked"


@dataclass(frozen=True, slots=True)
class Waiting:
    """References that the ledger does not hold (yet). The engine prepares again when they came."""

    on: tuple[Reference, ...]
    reasons: tuple[str, ...]
    kind: str = "blocked"


@dataclass(frozen=True, slots=True)
class Missing:
    """Contacts that `create_missing` lets the engine write first; then it prepares again.

    Attributes:
        parents: `(stream, record)`; each record carries its source key in `externalId`.
    """

    parents: tuple[tuple[str, Mapping[str, Any]], ...]


Outcome = Rejected | Quarantined | Waiting | Missing


@dataclass(frozen=True, slots=True)
class Mapped:
    """A row of the map."""

    stream: str
    source_key: SourceKey
    remote_id: int | str
    lineage: tuple[int | str, ...] = ()
    voided: bool = False


class LedgerMap(Protocol):
    """What became of records before. Planned records have negative IDs in a dry run."""

    def find(self, stream: str, source_key: SourceKey) -> Mapped | None:
        """What a source key became, if anything."""

    def owner(self, stream: str, remote_id: int | str) -> SourceKey | None:
        """Whose a record of the ledger is, also by an earlier revision."""


class Lookups(Protocol):
    """The ledger as this run has read it. Reads once, keeps, and takes in what the run writes.

    Every error of the API passes through: an answer that is no list never means "not found".
    """

    def rows(self, stream: str, **params: Any) -> Sequence[Mapping[str, Any]]:
        """Every record of a short list, such as `account_codes`, `customers` or `bank_accounts`.

        `params` are parameters of the list operation: `vatType="sales"`, `vatTreatment=`, `date=`.
        The same sequence object is answered until it grows, so an index over it may be kept.
        """

    def documents(self, stream: str, name: str, value: Any) -> Sequence[Mapping[str, Any]]:
        """Documents or payments of a long list whose field `name` equals `value`.

        `name` is one of `id`, `documentNumber`, `reference` and, for payments, `description`.
        The fields of `DIGEST` are answered, money as `Decimal`. A record under a negative ID is
        planned only: it has the fields of its body, neither `gross` nor `due`.
        """


DIGEST = (
    "id", "documentNumber", "formattedDocumentNumber", "reference", "description", "date",
    "status", "currency", "exchangeRate", "customerId", "supplierId", "contactId",
    "bankAccountId", "amount", "net", "vat", "gross", "due",
)  # fmt: skip
"""Fields kept of every document and payment."""


class Preparer(Protocol):
    """From record to intent, offline but for the lists it looks things up in.

    Implementations are made as
    `Preparer(client, lookups, ledger_map, settings, business_id)`, and know of
    `target_clearbooks.attachments.read(record, settings)` for the bytes of an attachment.
    """

    def __init__(
        self,
        client: Client,
        lookups: Lookups,
        ledger_map: LedgerMap,
        settings: TargetSettings,
        business_id: int,
    ) -> None: ...

    def prepare(
        self, stream: str, record: Mapping[str, Any], source_key: SourceKey
    ) -> Intent | Outcome:
        """The intent, or every reason against it at once.

        A record whose source key the map holds becomes an `update` (or `void`) of what it
        became; a contact that the ladder of `match` finds an `update` with `adopted`; every other
        a `create`. Whether a document of the ledger already carries the marker is not asked here:
        the engine knows. Allocations are always `create` with the whole sum wanted.

        Raises:
            ClearBooksError: a list could not be read; nothing is decided from that.
        """


_MARKER_PREFIX = "CB-"
_MARKER_LENGTH = 8


def make_marker(business_id: int, stream: str, source_key: SourceKey) -> str:
    """`CB-` and 8 base32 characters that only this source key of this business has."""
    text = msgspec.json.encode([business_id, stream, source_key])
    digest = hmac.digest(b"clearbooks-connectors marker", text, "sha256")
    return _MARKER_PREFIX + base64.b32encode(digest[:5]).decode()


def is_marker(word: str) -> bool:
    """Whether a word of a reference or description is such a marker."""
    rest = word.removeprefix(_MARKER_PREFIX)
    return rest != word and len(rest) == _MARKER_LENGTH and rest.isalnum()


def canonical(value: Any) -> bytes:
    """The one spelling of a JSON-like value: keys sorted, numbers as plain decimal strings."""
    return msgspec.json.encode(_plain(value), order="sorted")


def content_hash(value: Any) -> str:
    """SHA-256 over the canonical spelling; bytes are hashed as they are."""
    return hashlib.sha256(canonical(value)).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, bytes):
        return "sha256:" + hashlib.sha256(value).hexdigest()
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        number = Decimal(str(value))
        return f"{number.normalize():f}" if number else "0"
    return value
