"""What stands between preparing a record and sending it: intents and outcomes.

`prepare` turns a record into an `Intent` or says why not; `deliver` puts the intent on disk,
sends it once and settles every doubt. Neither knows how the other works.
"""

from __future__ import annotations

import base64
import enum
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import msgspec

SourceKey = str
"""Identity of a record at its source: `externalId`, or its key properties as a JSON array."""

Reference = tuple[str, SourceKey]
"""A record that another one needs: `(stream, source key)`."""


DELETED_AT = "_sdc_deleted_at"
"""The field by which a tap says that a record has left its source."""

SOURCE_FILE, SOURCE_LINE = "_sdc_source_file", "_sdc_source_lineno"
# Where a record stands in a file is no part of it: it moves as others come before it.
_PLACE = frozenset({SOURCE_FILE, SOURCE_LINE})


class WriteOperation(enum.StrEnum):
    """What is to be done. A bank statement is `post`: sent, and never looked at again."""

    CREATE = "create"
    UPDATE = "update"
    VOID = "void"
    DELETE = "delete"
    POST = "post"

    @property
    def verb(self) -> str:
        """The operation of the contract that carries it out."""
        return {WriteOperation.POST: "create", WriteOperation.VOID: "delete"}.get(self, self.value)


OUTCOMES: Mapping[WriteOperation, str] = {
    WriteOperation.CREATE: "written",
    WriteOperation.POST: "written",
    WriteOperation.UPDATE: "updated",
    WriteOperation.VOID: "voided",
    WriteOperation.DELETE: "voided",
}
"""The word under which an operation that was carried out is counted."""


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
        looked_in: Streams in which something was found by what it is called: one that is on its
            way may be called the same.
        record: The record as given.
        adopted: How `remote_id` was found, where the map did not hold it: `externalId`, `email` …
        changed: For an update: the fields of `body` that are sent; None for all of them.
        warnings: What a person should know although it is written.
        adjusted: VAT that is set by hand, so that a document comes to what the record says.
        expected: Totals that the record names (`gross`, `net`, `vat`), to be compared with what
            the API answers.
        total: What the lines of a document come to, with VAT, as far as it is known.
    """

    business_id: int
    stream: str
    operation: WriteOperation
    source_key: SourceKey
    body: Any = None
    params: Mapping[str, Any] = field(default_factory=dict)
    remote_id: int | str | None = None
    marker: str | None = None
    depends_on: tuple[Reference, ...] = ()
    looked_in: frozenset[str] = frozenset()
    record: Mapping[str, Any] = field(default_factory=dict)
    adopted: str | None = None
    changed: frozenset[str] | None = None
    warnings: tuple[str, ...] = ()
    adjusted: tuple[str, ...] = ()
    expected: Mapping[str, Decimal] = field(default_factory=dict)
    total: Decimal | None = None

    @property
    def removes(self) -> bool:
        """Whether it takes a record back."""
        return self.operation in (WriteOperation.VOID, WriteOperation.DELETE)

    @property
    def hash(self) -> str:
        """Hash of what is wanted: the operation, where it goes and its body."""
        target = {"operation": "void" if self.body is None else "write", **self.params}
        return content_hash([target, self.body])


@dataclass(frozen=True, slots=True)
class Rejected:
    """Not written.

    Attributes:
        reasons: Why.
        kind: `invalid` (never sent), `rejected` (sent) or `blocked`.
        on: Records of which the refusal would take a reason away, while they are under way.
    """

    reasons: tuple[str, ...]
    kind: str = "invalid"
    on: tuple[Reference, ...] = ()


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A person has to decide: several records would fit, and none is guessed.

    Attributes:
        reasons: Why.
        candidates: What would fit, as `as_candidate` has it; with the `field` whose name fits
            several, or `record` where it is the record itself.
        kind: The class in the reject file.
        intent: The write of which the ledger does not tell whether it was carried out.
    """

    reasons: tuple[str, ...]
    candidates: tuple[Mapping[str, Any], ...] = ()
    kind: str = "blocked"
    intent: Intent | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """References that the ledger does not hold yet; the record is prepared again once it does."""

    on: tuple[Reference, ...]
    reasons: tuple[str, ...]
    kind: str = "blocked"


@dataclass(frozen=True, slots=True)
class Missing:
    """Contacts that `create_missing` has written first; then the record is prepared again.

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


_MOST_DIGITS = 100
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


def in_range(number: Decimal) -> bool:
    """Whether a number is finite, and has no more digits than could stand in a ledger."""
    return number.is_finite() and abs(number.adjusted()) <= _MOST_DIGITS


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return value  # most fields are text, and whether something is a Mapping takes long to ask
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items() if k not in _PLACE}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, bytes):
        return "sha256:" + hashlib.sha256(value).hexdigest()
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        return _plain_number(Decimal(str(value)))
    return value


def _plain_number(number: Decimal) -> str:
    if not in_range(number):
        return str(number)  # written out, its digits would fill the memory
    return f"{number.normalize():f}" if number else "0"
