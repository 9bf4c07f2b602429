"""Restoring the map from the ledger after the state store was lost."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from clearbooks.errors import ForbiddenError
from target_clearbooks.adopt import MARKED, find_marked
from target_clearbooks.ledger_map import LedgerMap
from target_clearbooks.prepare.listing import Lister
from target_clearbooks.store import transaction

if TYPE_CHECKING:
    import sqlite3

    from target_clearbooks.sending import Sender

CONTACTS = ("customers", "suppliers")


def rebuild(db: sqlite3.Connection, sender: Sender, in_flight: int) -> Counter[str]:
    """Read the ledger once, and keep what it tells of us.

    A contact carries its source key in `externalId`, and so comes back into the map at once. A
    document or payment carries a marker made of its source key: it is known again as soon as the
    source sends the record.
    """
    ledger_map = LedgerMap(db, sender.business_id)
    found: Counter[str] = Counter()
    lister = Lister(sender.client, sender.business_id, in_flight)
    with transaction(db):
        for stream in CONTACTS:
            try:
                contacts = lister.paged(sender.resource(stream).operations["list"].id, {})
            except ForbiddenError:
                continue
            for contact in contacts:
                key = contact.get("externalId")
                if key and ledger_map.find(stream, str(key)) is None:
                    ledger_map.set(stream, str(key), contact["id"], run=None)
                    found[stream] += 1
        for stream, record, marker in find_marked(sender, MARKED, in_flight):
            if ledger_map.owner(stream, record["id"]) is None:
                ledger_map.mark(stream, marker, record["id"])
                found[stream] += 1
        ledger_map.set_rebuilt("rebuild")
    return found
