"""A record on its way into the ledger, and what it touches on that way."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from target_clearbooks.allocation_ends import pair_of
from target_clearbooks.intent import DELETED_AT, Intent, WriteOperation
from target_clearbooks.ledger.matching import identities
from target_clearbooks.ledger.statement_lines import line_marks
from target_clearbooks.writable import WRITABLE, Kind, Settle

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping
    from decimal import Decimal

    from target_clearbooks.store.outbox import Row

MOST_SENDS = 2
"""A create whose reply was lost is sent once more in a run, at most."""


@dataclass(slots=True, eq=False)
class Task:
    """One record, from the moment it was read until it is settled.

    Attributes:
        number: Order in which tasks came.
        seq: Place of the record in the input; None where it did not come from there.
        hash: Hash of the record as given.
        row: Where it stands on disk.
        intent: What it came to.
        fixed: The intent is part of a plan and is not prepared again.
        snapshot: What the ledger held before the create.
        sends: How often it was sent in this run.
        most: How often it may be.
        due: When the ledger may be asked what became of it, by the monotonic clock.
        recovered: An earlier run left it in doubt.
        retried: It was prepared again after a refusal.
        parents: What was written for it first: streams and source keys.
        step_of: The record for the sake of which it takes something back.
        replaced: What stood for it was taken back, or is no more, so that it is written anew.
        kept: What is to be written again once it is taken back; see `decision.Step`.
        gone: What stood for it was taken back in the ledger by a person.
        failed: Why what stands for it could not be taken back.
        taken_back: IDs of the allocations in which it stood, as far as they were taken back.
        total: The whole sum that an allocation wants, of which only the rest is posted.
        key_properties: Of its stream, for the reject file.
        size: What it holds in memory, about: bytes of text and of a file to attach.
    """

    number: int
    stream: str
    source_key: str
    record: Mapping[str, Any]
    hash: str
    seq: int | None = None
    row: Row | None = None
    intent: Intent | None = None
    fixed: bool = False
    snapshot: dict[str, Any] = field(default_factory=dict)
    sends: int = 0
    most: int = MOST_SENDS
    due: float = 0.0
    recovered: bool = False
    retried: bool = False
    parents: set[tuple[str, str]] = field(default_factory=set)
    step_of: Task | None = None
    replaced: bool = False
    kept: Mapping[str, Any] = field(default_factory=dict)
    gone: bool = False
    failed: tuple[str, ...] = ()
    taken_back: set[int | str] = field(default_factory=set)
    total: Decimal | None = None
    key_properties: tuple[str, ...] = ()
    size: int = 0

    def __str__(self) -> str:
        """As the log names it."""
        return f"{self.stream} {self.source_key}"

    @property
    def rests_as(self) -> str:
        """State in which it is left to the next run, where the run ends before it is written.

        What came with the input comes again, since no STATE went out behind it. What an earlier
        run left does not, and is kept.
        """
        return "planned" if self.seq is not None or self.fixed else "waiting"

    @property
    def key(self) -> tuple[str, str, str]:
        """What the task claims from the beginning."""
        return claim_of(self.stream, self.source_key)

    @property
    def write_order(self) -> int:
        """Place of its stream in the order of dependencies."""
        return WRITABLE[self.stream].write_order

    @property
    def whole(self) -> Intent:
        """The intent with the whole sum that an allocation wants."""
        if self.total is None:
            return self.wanted
        return replace(self.wanted, body={**self.wanted.body, "amount": self.total})

    @property
    def wanted(self) -> Intent:
        """The intent, where there must be one."""
        assert self.intent is not None  # noqa: S101 - set before the task gets that far
        return self.intent

    @property
    def given(self) -> dict[str, Any]:
        """The record without what a tap adds, and without the business that it is for."""
        own = WRITABLE[self.stream].kind is Kind.BUSINESS
        return {
            name: value
            for name, value in self.record.items()
            if (name == DELETED_AT and value)
            or (not name.startswith("_sdc_") and (own or name != "businessId"))
        }

    @property
    def sent_row(self) -> Row:
        """The row, where it was sent and so stands on disk."""
        assert self.row is not None  # noqa: S101 - put down before the first byte left
        return self.row


def claim_of(stream: str, source_key: str) -> tuple[str, str, str]:
    """The claim on a source key."""
    return ("key", stream, source_key)


def claims(intent: Intent) -> list[Hashable]:
    """What nobody else may touch while the intent is under way."""
    if WRITABLE[intent.stream].kind is Kind.BANK_STATEMENT:
        return [("line", mark) for mark, _ in line_marks(intent.body)]
    if intent.operation is not WriteOperation.CREATE:
        # Who adopts a record of the ledger is the only one that does so at the time.
        return [("record", intent.stream, intent.remote_id)] if intent.adopted else []
    if WRITABLE[intent.stream].settle is Settle.CONVERGE:
        invoice, kind, source = pair_of(intent.body)
        side = intent.stream
        return [("end", side, "invoice", invoice), ("end", side, kind, source)]
    return [("identity", intent.stream, shared) for shared in identities(intent)]
