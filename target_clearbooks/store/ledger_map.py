"""The map: which source key became which record of the ledger, with every revision it had."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from clearbooks.exact_json import dumps, loads
from target_clearbooks.intent import Mapped
from target_clearbooks.source_key import earlier_spellings, is_generated, referred
from target_clearbooks.store.allocated import Allocated
from target_clearbooks.store.format import OPEN, marks, upsert

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from target_clearbooks.store import Store

_SET = upsert(
    "map", ("business", "stream", "source_key"),
    ("remote_type", "remote_id", "lineage", "hash", "record_hash", "voided", "run", "updated",
     "likeness"),
)  # fmt: skip
_SET_OVERTAKEN = upsert("overtaken", ("business", "stream", "source_key"), ("hashes",))
# Of one key so many are remembered.
_MOST_OVERTAKEN = 20
_SET_SOURCE = upsert("sources", ("business",), ("source",))
# Stand before a source key where a marker would, which holds no colon.
_NEW, _NAMED = "new:", "named:"


@dataclass(frozen=True, slots=True)
class Applied:
    """What a row of the map says beside the identity.

    Attributes:
        mapped: The identity.
        hash: Hash of the content that was applied; None where a person named the record.
        record_hash: Hash of the record that it came from.
        likeness: What is compared of another record under the same key (`ledger.likeness`); None
            where version 0.1 has written it.
    """

    mapped: Mapped
    hash: str | None
    record_hash: str | None
    likeness: Mapping[str, Any] | None = field(default_factory=dict)


class LedgerMap:
    """The map of one business. In a dry run, planned records stand in it under negative IDs.

    Args:
        db: The state store.
        business_id: The business.
        source: The setting `source`: namespace of the keys that references give.

    Attributes:
        allocated: What the source keys want allocated.
    """

    def __init__(self, db: Store, business_id: int, source: str = "") -> None:
        self.db = db
        self.business_id = business_id
        self._source = source
        self.allocated = Allocated(db, business_id)

    # Under which key something is known

    def keys_of(self, external_id: Any) -> tuple[str, ...]:
        """The source keys that the `externalId` of a reference may mean."""
        return referred(external_id, self._source)

    def refer(self, stream: str, external_id: Any) -> Mapped | None:
        """What the record that a reference names by its `externalId` became, if anything."""
        _, found = self.look_up(stream, *self.keys_of(external_id))
        return found.mapped if found else None

    def look_up(self, stream: str, *keys: str) -> tuple[str, Applied | None]:
        """The first of these keys by which something is known, and what was applied for it."""
        found = self.applied(stream, keys[0])
        if found is not None:
            return keys[0], found
        key = self.known_as(stream, *keys)
        return key, None if key == keys[0] else self.applied(stream, key)

    def known_as(self, stream: str, *keys: str) -> str:
        """The first of these keys by which something is known, in the spelling it was written in.

        That may be a spelling of version 0.1, or a key of before the setting `source` was set; see
        `own_keys_of`. The first key where nothing is known.
        """
        spellings = list(dict.fromkeys(each for key in keys for each in self._spellings(key)))
        if len(spellings) == 1:
            return keys[0]
        values = (self.business_id, stream, *spellings)
        rows = self.db.execute(
            "SELECT source_key FROM map WHERE business = ? AND stream = ? "
            f"AND source_key IN ({marks(spellings)}) UNION SELECT source_key FROM intents "
            f"WHERE business = ? AND stream = ? AND source_key IN ({marks(spellings)}) AND {OPEN}",
            (*values, *values),
        )
        known = {row[0] for row in rows}
        return next((key for key in spellings if key in known), keys[0])

    def without_source(self, key: str) -> str:
        """A key as it was before the setting `source` was set."""
        return key.removeprefix(f"{self._source}:") if self._source else key

    def _spellings(self, key: str) -> Iterator[str]:
        yield key
        bare = key.removeprefix(f"{self.first_source}:") if self.first_source else key
        if bare != key:
            yield bare
        yield from earlier_spellings(bare)

    @cached_property
    def first_source(self) -> str | None:
        """The source whose records were written before there was a setting `source`."""
        row = self.db.execute(
            "SELECT source FROM sources WHERE business = ?", (self.business_id,)
        ).fetchone()
        return str(row[0]) if row else None

    def own_keys_of(self, source: str) -> None:
        """Keep that the keys without a namespace are those of this source."""
        self.db.execute(_SET_SOURCE, (self.business_id, source))
        self.__dict__.pop("first_source", None)

    def applied(self, stream: str, source_key: str) -> Applied | None:
        """What was last applied for a source key."""
        row = self.db.execute(
            "SELECT remote_id, lineage, voided, hash, record_hash, likeness FROM map "
            "WHERE business = ? AND stream = ? AND source_key = ?",
            (self.business_id, stream, source_key),
        ).fetchone()
        if row is None:
            return None
        mapped = Mapped(stream, source_key, loads(row[0]), tuple(loads(row[1])), bool(row[2]))
        return Applied(mapped, row[3], row[4], loads(row[5]) if row[5] else None)

    def find(self, stream: str, source_key: str) -> Mapped | None:
        """What a source key became, if anything."""
        found = self.applied(stream, source_key)
        return found.mapped if found else None

    def is_voided(self, stream: str, source_key: str) -> bool:
        """Whether what a source key became was taken back."""
        found = self.find(stream, source_key)
        return found is not None and found.voided

    def owners(self, stream: str, remote_id: int | str) -> list[str]:
        """Whose a record of the ledger is: one key as a rule, several where they share a contact.

        Keys that `create_missing` made up are left out where a record has one of its own.
        """
        rows = self.db.execute(
            "SELECT source_key FROM lineage WHERE business = ? AND stream = ? AND remote_id = ? "
            "ORDER BY source_key",
            (self.business_id, stream, dumps(remote_id)),
        )
        keys = [str(row[0]) for row in rows]
        return [key for key in keys if not is_generated(key)] or keys

    def owner(self, stream: str, remote_id: int | str) -> str | None:
        """Whose a record of the ledger is, also by an earlier revision."""
        return next(iter(self.owners(stream, remote_id)), None)

    def are_one(self, stream: str, old: Any, new: Any) -> bool:
        """Whether two IDs are revisions of one record, as far as is known."""
        owners = set(self.owners(stream, old))
        return not owners.isdisjoint(self.owners(stream, new))

    def sample(self, streams: Sequence[str], number: int) -> list[tuple[str, int | str]]:
        """Stream and ID of records that should stand in the ledger: the newest, and the oldest."""
        found = [
            self.db.execute(
                "SELECT stream, remote_id FROM map WHERE business = ? AND voided = 0 "
                f"AND stream IN ({marks(streams)}) ORDER BY updated {order} LIMIT ?",
                (self.business_id, *streams, number),
            ).fetchall()
            for order in ("DESC", "ASC")
        ]
        return [(stream, loads(text)) for stream, text in dict.fromkeys(found[0] + found[1])]

    def set(
        self,
        stream: str,
        source_key: str,
        remote_id: int | str,
        *,
        run: str | None,
        content: str | None = None,
        record: str | None = None,
        voided: bool = False,
        likeness: Mapping[str, Any] | None = None,
        remote_type: str | None = None,
    ) -> Mapped:
        """Say what a source key is now; earlier revisions stay in its lineage."""
        before = self.find(stream, source_key)
        lineage = before.lineage if before else ()
        if remote_id not in lineage:
            lineage = (*lineage, remote_id)
        self.db.execute(
            _SET,
            (self.business_id, stream, source_key, remote_type or stream, dumps(remote_id),
             dumps(list(lineage)), content, record, voided, run, time.time(),
             None if likeness is None else dumps(dict(likeness))),
        )  # fmt: skip
        self.db.execute(
            "INSERT INTO lineage VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (self.business_id, stream, dumps(remote_id), source_key),
        )
        return Mapped(stream, source_key, remote_id, lineage, voided)

    def moved(self, stream: str, source_key: str, new: int | str) -> None:
        """Take in that somebody made a newer revision in the ledger."""
        found = self.applied(stream, source_key)
        if found is not None:
            self.set(
                stream,
                source_key,
                new,
                run=None,
                content=found.hash,
                record=found.record_hash,
                voided=found.mapped.voided,
                likeness=found.likeness,
            )

    def reopen(self, stream: str, source_key: str) -> None:
        """Take in that the ledger lost what was written, so that no record counts as written."""
        self.db.execute(
            "UPDATE map SET record_hash = NULL "
            "WHERE business = ? AND stream = ? AND source_key = ?",
            (self.business_id, stream, source_key),
        )

    def unset(self, stream: str, source_key: str) -> bool:
        """Forget a source key; whether it was there."""
        self.allocated.unwant(stream, source_key)
        self.db.execute(
            "DELETE FROM lineage WHERE business = ? AND stream = ? AND source_key = ?",
            (self.business_id, stream, source_key),
        )
        gone = self.db.execute(
            "DELETE FROM map WHERE business = ? AND stream = ? AND source_key = ?",
            (self.business_id, stream, source_key),
        )
        return gone.rowcount > 0

    def rows(self, stream: str, source_key: str | None = None) -> Iterator[tuple[Any, ...]]:
        """Source key, remote ID, lineage, voided, run and time of a stream's rows."""
        one = "" if source_key is None else "AND source_key = ?"
        cursor = self.db.execute(
            "SELECT source_key, remote_id, lineage, voided, run, updated FROM map "
            f"WHERE business = ? AND stream = ? {one} ORDER BY source_key",
            (self.business_id, stream, *(() if source_key is None else (source_key,))),
        )
        for row in cursor:
            yield (row[0], loads(row[1]), loads(row[2]), bool(row[3]), row[4], row[5])

    # Of several records of one key in a run the last counts

    def overtake(self, stream: str, source_key: str, record_hash: str) -> None:
        """Keep that a record was overtaken: a later one of its key came in the same run."""
        kept = [each for each in self.overtaken(stream, source_key) if each != record_hash]
        newest = [*kept, record_hash][-_MOST_OVERTAKEN:]
        self.db.execute(_SET_OVERTAKEN, (self.business_id, stream, source_key, dumps(newest)))

    def overtaken(self, stream: str, source_key: str) -> list[str]:
        """Hashes of the records of a key that a later one of their run has overtaken."""
        row = self.db.execute(
            "SELECT hashes FROM overtaken WHERE business = ? AND stream = ? AND source_key = ?",
            (self.business_id, stream, source_key),
        ).fetchone()
        return list(loads(row[0])) if row else []

    # What a person has said

    def say_new(self, stream: str, source_key: str) -> None:
        """Keep that a record is none of those that the ledger held before."""
        self.mark(stream, _NEW + source_key, 0)

    def said_new(self, stream: str, source_key: str) -> bool:
        """Whether a person has said so."""
        return bool(self.marked(stream, _NEW + source_key))

    # What other records have named

    def name(self, stream: str, source_key: str, remote_id: int | str) -> None:
        """Keep what a record meant by a key of which no record was written."""
        self.mark(stream, _NAMED + source_key, remote_id)

    def named(self, stream: str, source_key: str) -> Any:
        """The ID that records meant by such a key; None where they meant several, or none did."""
        found = self.marked(stream, _NAMED + source_key)
        return found[0] if len(found) == 1 else None

    # Markers found by a rebuild

    def mark(self, stream: str, marker: str, remote_id: int | str) -> None:
        """Keep that a record of the ledger carries a marker, or what a statement line holds."""
        self.db.execute(
            "INSERT INTO marks VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (self.business_id, stream, marker, dumps(remote_id)),
        )

    def marked(self, stream: str, marker: str) -> list[Any]:
        """What was kept by `mark`: records when the map was rebuilt, contents of a line."""
        rows = self.db.execute(
            "SELECT remote_id FROM marks WHERE business = ? AND stream = ? AND marker = ?",
            (self.business_id, stream, marker),
        )
        return [loads(row[0]) for row in rows]
