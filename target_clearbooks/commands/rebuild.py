"""Restoring the map from the ledger after the state store was lost."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING

from clearbooks.errors import ForbiddenError, SubscriptionError
from target_clearbooks.ledger.existing import find_marked
from target_clearbooks.store.ledger_map import LedgerMap
from target_clearbooks.writable import Kind, streams_of

if TYPE_CHECKING:
    from target_clearbooks.deliver.sending import Sender
    from target_clearbooks.store import Store

logger = logging.getLogger("target-clearbooks")


def rebuild(db: Store, sender: Sender) -> Counter[str]:
    """Read the ledger once, and keep what it tells of us.

    A contact carries its source key in `externalId`, and so comes back into the map at once. A
    document or payment carries a marker made of its source key: it is known again as soon as the
    source sends the record.
    """
    ledger_map = LedgerMap(db, sender.business_id)
    known: list[tuple[str, str, int]] = []
    for stream in streams_of(Kind.CONTACT):
        try:
            for part in sender.listed(stream).ascending():
                known += [
                    (stream, str(c["externalId"]), c["id"])
                    for c in part.records
                    if c.get("externalId")
                ]
        except SubscriptionError as error:
            logger.warning("%s is left out: %s", stream, error)
        except ForbiddenError:
            continue
    marks = [(stream, marker, record["id"]) for stream, record, marker in find_marked(sender)]
    found: Counter[str] = Counter()
    # Everything is read before anything is kept: others may be using the store meanwhile.
    with db.transaction():
        for stream, key, number in known:
            if ledger_map.find(stream, key) is None:
                ledger_map.set(stream, key, number, run=None)
                found[stream] += 1
        for stream, marker, number in marks:
            if ledger_map.owner(stream, number) is None:
                ledger_map.mark(stream, marker, number)
                found[stream] += 1
    return found
