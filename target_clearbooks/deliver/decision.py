"""What is to become of a record, as values.

`decide` and `precheck` compute them, `execution` carries them out, `recorder` puts them down. Of
what `prepare` answers, `Rejected`, `Quarantined` and `Waiting` are decisions already.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from target_clearbooks.intent import Intent, Quarantined, Rejected, Waiting

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_clearbooks.store.ledger_map import Applied
    from target_clearbooks.store.outbox import Row


@dataclass(frozen=True, slots=True)
class Unchanged:
    """Nothing is to be done.

    Attributes:
        applied: What the map says of the record, where it is to remember this spelling of it.
    """

    applied: Applied | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """It stands in the ledger as it should.

    Attributes:
        record: What the ledger holds, as far as it is known.
        outcome: The word under which it is counted: `adopted`, `written`, `updated`, `voided`.
        intent: The intent, where it is another one than before.
    """

    record: Mapping[str, Any]
    outcome: str
    intent: Intent | None = None


@dataclass(frozen=True, slots=True)
class Send:
    """It is to be written.

    Attributes:
        intent: The write.
        snapshot: What the ledger held just before it, to be compared with after a lost reply; None
            where that is still to be read.
    """

    intent: Intent
    snapshot: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """Something that is written for the sake of a record, before it.

    Attributes:
        stream: Its stream.
        source_key: Its key.
        record: As a source would send it.
        intent: The write, where it does not follow from the record.
        takes_back: Whether it takes back what stands, so that the record can be written anew. It
            goes ahead of records of its key that wait, and its failure is that of the record.
        kept: What is to be written again once the record is settled; see `recorder`.
    """

    stream: str
    source_key: str
    record: Mapping[str, Any]
    intent: Intent | None = None
    takes_back: bool = False
    kept: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class First:
    """Steps come first; then it is decided again."""

    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Gone:
    """What stood for it was taken back in the ledger by a person: it is decided again, as new."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Others under way come first; then it is decided again."""


@dataclass(frozen=True, slots=True)
class Leave:
    """An earlier write of the same key is still in doubt: nothing is sent on top of it."""

    row: Row


Decision = Unchanged | Done | Send | First | Gone | Hold | Leave | Rejected | Quarantined | Waiting
