"""Documents that stand in the ledger already: adopted, not written a second time."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from clearbooks.errors import ClearBooksError, ForbiddenError
from target_clearbooks.intent import WRITABLE, Intent, Operation
from target_clearbooks.prepare.status import is_voided
from target_clearbooks.records import listing
from target_clearbooks.same import standing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_clearbooks.intent import Lookups
    from target_clearbooks.ledger_map import LedgerMap
    from target_clearbooks.sending import Record, Sender

PREFIX = "CB-"
_LENGTH = len(PREFIX) + 8
MARKED = tuple(row.stream for row in WRITABLE.values() if row.marker)


class MarkedLedgerError(ClearBooksError):
    """The store is empty, and the ledger holds what an earlier store has written."""


def marker_in(record: Record, stream: str) -> str | None:
    """The marker of ours that a record of the ledger carries, if any."""
    text = str(record.get(WRITABLE[stream].marker or "") or "")
    for word in reversed(text.split()):
        if word.startswith(PREFIX) and len(word) == _LENGTH and word[3:].isalnum():
            return word
    return None


class Adopter:
    """Finds what an intent would make a second time.

    Args:
        sender: Reads single records.
        lookups: The lists of this run.
        ledger_map: Tells which records belong to other source keys.
    """

    def __init__(self, sender: Sender, lookups: Lookups, ledger_map: LedgerMap) -> None:
        self.sender = sender
        self.lookups = lookups
        self.map = ledger_map

    def standing(self, intent: Intent) -> list[Record]:
        """Whole records of the ledger that are what the intent wants."""
        writable = WRITABLE[intent.stream]
        if not writable.marker or not isinstance(intent.body, dict):
            return []
        ids: dict[Any, None] = {}
        if intent.marker:
            ids |= dict.fromkeys(self.map.marked(intent.stream, intent.marker))
        for name, value in self._searches(intent):
            for digest in self.lookups.documents(intent.stream, name, value):
                ids |= dict.fromkeys([digest["id"]])
        whole = {
            record["id"]: record
            for number in ids
            if self.map.owner(intent.stream, number) in (None, intent.source_key) and number > 0
            for record in [self.sender.get(intent.stream, intent.params, number)]
            if record is not None and not is_voided(record)
        }
        return [dict(record) for record in standing(whole.values(), intent)] or [
            dict(record) for record in standing(whole.values(), replace(intent, marker=None))
            if intent.body.get("documentNumber")
        ]  # fmt: skip

    def _searches(self, intent: Intent) -> Iterator[tuple[str, Any]]:
        name = WRITABLE[intent.stream].marker
        if intent.marker and name and intent.body.get(name):
            yield name, intent.body[name]
        if intent.body.get("documentNumber"):
            yield "documentNumber", intent.body["documentNumber"]

    @staticmethod
    def adopt(intent: Intent, record: Record) -> Intent:
        """The intent as an update of what stands there."""
        return replace(intent, operation=Operation.UPDATE, remote_id=record["id"], adopted="marker")


def find_marked(sender: Sender, streams: tuple[str, ...], in_flight: int) -> Iterator[
    tuple[str, Record, str]
]:  # fmt: skip
    """Records of the ledger that carry a marker of ours: stream, record, marker."""
    for stream in streams:
        resource = sender.resource(stream)
        listed = listing(
            sender.client, sender.business_id, resource.operations["list"].id, resource.fixed,
            in_flight,
        )  # fmt: skip
        try:
            for part in listed.ascending():
                for record in part.records:
                    marker = marker_in(record, stream)
                    if marker and not is_voided(record):
                        yield stream, record, marker
        except ForbiddenError:
            # Without the right to read it nothing can have been written with this application.
            continue


def refuse_if_marked(sender: Sender, in_flight: int) -> None:
    """Stop before anything is written where an earlier store has written into the ledger.

    Raises:
        MarkedLedgerError: it has.
    """
    for stream, record, marker in find_marked(sender, MARKED, in_flight):
        raise MarkedLedgerError(
            f"state_store: it is empty, but business {sender.business_id} holds records that the "
            f"target has written ({stream} {record['id']} carries {marker}); bring the old state "
            "store back, or run `clearbooks rebuild`, or set assume_new"
        )
