"""Whether a ledger is still the one that the state store knows."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from clearbooks.errors import ApiError, SettingError
from target_clearbooks.writable import WRITABLE, Kind

if TYPE_CHECKING:
    from target_clearbooks.deliver.sending import Sender
    from target_clearbooks.store.ledger_map import LedgerMap

logger = logging.getLogger("target-clearbooks")

# How many of the newest, and of the oldest, records of a store are looked up in the ledger.
_SAMPLE = 3
# One record may have been deleted by a person; several, new and old, were not.
_PROOF = 2


class SameLedger:
    """Looks once whether the ledger holds what the state store says was written into it.

    Args:
        sender: Reads single records.
        ledger_map: What was written.
    """

    def __init__(self, sender: Sender, ledger_map: LedgerMap) -> None:
        self._sender = sender
        self._map = ledger_map
        self._looked = False

    def check(self) -> None:
        """Stop where the ledger holds nothing of what the state store says was written into it.

        It was emptied, or is another one under the same number, such as a sandbox begun anew:
        every record would count as written. One record that is found proves the contrary, so that
        this costs a single request as a rule.

        Raises:
            SettingError: nothing of it is there.
        """
        if not self._looked:
            self._look()
            self._looked = True

    def _look(self) -> None:
        gone: list[str] = []
        streams = [
            row.stream for row in WRITABLE.values() if row.marker or row.kind is Kind.CONTACT
        ]
        for stream, number in self._map.sample(streams, _SAMPLE):
            try:
                found = self._sender.get(stream, {}, number)
            except ApiError as error:
                logger.info("%s %s cannot be looked up: %s", stream, number, error)
                continue
            if found is not None:
                return
            gone.append(f"{stream} {number}")
        if len(gone) >= _PROOF:
            raise SettingError(
                f"state_store: {self._map.db.location} knows what was written into business "
                f"{self._sender.business_id}, and the ledger holds none of it (looked for "
                f"{', '.join(gone)}): it was emptied, or is another one, such as a sandbox begun "
                "anew. Give each ledger a state_store of its own, or move this one away to write "
                "everything again"
            )
        if gone:
            logger.warning("%s was written earlier and is not in the ledger any more", gone[0])
