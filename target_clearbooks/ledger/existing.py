"""Documents that stand in the ledger already: adopted, not written a second time.

What carries our marker, or the number or reference of the record together with its contents, is
the record. What has its contents alone, and stood in the ledger before the state store began, may
have been written by a store that was lost, or be another sale of that day: a person decides.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from clearbooks.errors import ForbiddenError, SubscriptionError
from target_clearbooks.intent import Intent, is_marker, make_marker
from target_clearbooks.ledger.matching import find_matches, identified, is_voided, resembles
from target_clearbooks.source_key import earlier_spellings
from target_clearbooks.writable import WRITABLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from target_clearbooks.deliver.sending import Sender
    from target_clearbooks.ledger.lookups import Lookups
    from target_clearbooks.ledger.records import Record
    from target_clearbooks.store.baseline import Baseline
    from target_clearbooks.store.ledger_map import LedgerMap

logger = logging.getLogger("target-clearbooks")


def marker_in(record: Mapping[str, Any], stream: str) -> str | None:
    """The marker of ours that a record of the ledger carries, if any."""
    text = str(record.get(WRITABLE[stream].marker or "") or "")
    for word in reversed(text.split()):
        if is_marker(word):
            return word
    return None


class ExistingRecords:
    """Finds what an intent would make a second time.

    Args:
        sender: Reads single records.
        lookups: The lists of this run.
        ledger_map: Tells which records belong to other source keys.
        baseline: What the ledger held before the state store began.
    """

    def __init__(
        self,
        sender: Sender,
        lookups: Lookups,
        ledger_map: LedgerMap,
        baseline: Baseline,
    ) -> None:
        self._noted: set[str] = set()
        self.sender = sender
        self.lookups = lookups
        self.map = ledger_map
        self.baseline = baseline

    def identified(self, intent: Intent) -> list[Record]:
        """Whole records of the ledger that bear the marker or the number of an intent."""
        writable = WRITABLE[intent.stream]
        if not writable.marker or not isinstance(intent.body, dict):
            return []
        ids: dict[Any, None] = {}
        marked = [intent, *_marked_before(intent)]
        for each in marked:
            if each.marker:
                ids |= dict.fromkeys(self.map.marked(each.stream, each.marker))
            for name, value in self._searches(each):
                for digest in self.lookups.documents(each.stream, name, value):
                    ids |= dict.fromkeys([digest["id"]])
        whole = self._whole(intent, ids)
        return [dict(record) for each in marked for record in find_matches(whole, each)] or [
            dict(record)
            for record in find_matches(whole, replace(intent, marker=None))
            if intent.body.get("documentNumber")
        ]

    def resembling(self, intent: Intent) -> tuple[list[Record], bool]:
        """What stood there before the state store began and may be what the intent wants.

        Whole records, and whether they bear its number or reference too, so that one alone is it.
        """
        contact = WRITABLE[intent.stream].contact
        if contact is None or not isinstance(intent.body, dict):
            return [], False
        ids = self.baseline.like(intent.stream, intent.body.get(contact), intent.body["date"])
        own = set(_markers(intent, intent.source_key))
        # Before `source` was set, the record may have been written, or another one of its key.
        bare = set(_markers(intent, self.map.without_source(intent.source_key)))
        found, sure = [], []
        for record in self._whole(intent, ids):
            marker = marker_in(record, intent.stream)
            if marker in own or (resembles(record, intent) and identified(record, intent)):
                sure.append(record)
            elif (marker is None or marker in bare) and resembles(record, intent):
                found.append(record)
            # Else it carries the marker of another record of the source.
        return sure or found, bool(sure)

    def take_baseline(self, intent: Intent) -> None:
        """Note what the ledger holds of a stream of documents, before the store's first create.

        Documents without markers cannot be told from those that another store wrote since, so
        for them the baseline is brought up to date once a run: what came after it, and is none of
        this store's, is added.
        """
        stream, contact = intent.stream, WRITABLE[intent.stream].contact
        if contact is None or stream in self._noted:
            return
        newest = self.baseline.newest(stream)
        if newest is None:
            rows = list(self.lookups.digests(stream))
            self._warn_of_marked(stream, rows)
        elif intent.marker is None:
            later = self.sender.listed(stream).newest_first(newest)
            rows = [row for row in later if self.map.owner(stream, row["id"]) is None]
        else:
            return
        self._noted.add(stream)
        found = max((row["id"] for row in rows), default=0)
        self.baseline.take(stream, max(found, newest or 0), rows, contact)

    def _warn_of_marked(self, stream: str, rows: list[Mapping[str, Any]]) -> None:
        marked = sum(marker_in(row, stream) is not None for row in rows)
        if marked:
            logger.warning(
                "state_store: it is new to business %s, whose %s hold %s that this program has "
                "written before; they are adopted as their records come. If the old state store "
                "still exists, stop and bring it back",
                self.sender.business_id,
                stream,
                marked,
            )

    def _whole(self, intent: Intent, ids: Iterable[int]) -> list[Record]:
        """The records with these IDs as they are now, but for voided ones and those of others."""
        whole = {
            record["id"]: record
            for number in ids
            if number > 0 and self._free(intent, number)
            for record in [self.sender.get(intent.stream, intent.params, number)]
            if record is not None and not is_voided(record) and self._free(intent, record["id"])
        }
        return list(whole.values())

    def _free(self, intent: Intent, number: int) -> bool:
        return self.map.owner(intent.stream, number) in (None, intent.source_key)

    def _searches(self, intent: Intent) -> Iterator[tuple[str, Any]]:
        name = WRITABLE[intent.stream].marker
        if intent.marker and name and intent.body.get(name):
            yield name, intent.body[name]
        if intent.body.get("documentNumber"):
            yield "documentNumber", intent.body["documentNumber"]


def _markers(intent: Intent, source_key: str) -> Iterator[str]:
    """The marker of a key, and those of the spellings that version 0.1 gave it."""
    for key in (source_key, *earlier_spellings(source_key)):
        yield make_marker(intent.business_id, intent.stream, key)


def _marked_before(intent: Intent) -> Iterator[Intent]:
    """The intent with the markers that version 0.1 may have given it."""
    own, *before = _markers(intent, intent.source_key)
    name = WRITABLE[intent.stream].marker
    if intent.marker == own and name:
        for marker in before:
            text = str(intent.body.get(name) or "").replace(own, marker)
            yield replace(intent, marker=marker, body={**intent.body, name: text})


def find_marked(sender: Sender) -> Iterator[tuple[str, Record, str]]:
    """Records of the ledger that carry a marker of ours: stream, record, marker."""
    for stream in (row.stream for row in WRITABLE.values() if row.marker):
        try:
            for part in sender.listed(stream).ascending():
                for record in part.records:
                    marker = marker_in(record, stream)
                    if marker and not is_voided(record):
                        yield stream, record, marker
        except SubscriptionError as error:
            logger.warning("%s is left out: %s", stream, error)
        except ForbiddenError:
            # Without the right to read it nothing can have been written with this application.
            continue
