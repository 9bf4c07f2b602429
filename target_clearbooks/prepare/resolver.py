"""Names in records of one business resolved to IDs: what every kind of record is prepared with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_clearbooks.prepare.aliases import Aliases
from target_clearbooks.prepare.contacts import Contacts
from target_clearbooks.prepare.lines import Lines
from target_clearbooks.prepare.references import References
from target_clearbooks.prepare.vat import Vat

if TYPE_CHECKING:
    from target_clearbooks.ledger.lookups import Lookups
    from target_clearbooks.settings import TargetSettings
    from target_clearbooks.store.ledger_map import LedgerMap


class Resolver:
    """Finds in the ledger, the map and the settings what records name.

    Args:
        lookups: The ledger's lists.
        ledger_map: What became of records before.
        settings: Those that preparing depends on.
        business_id: The business that is written into.

    Attributes:
        aliases: The source's own names.
        references: Accounts, bank accounts, stock items and documents.
        contacts: Customers and suppliers.
        vat: VAT treatments and rates.
        lines: Lines of documents.
    """

    def __init__(
        self,
        lookups: Lookups,
        ledger_map: LedgerMap,
        settings: TargetSettings,
        business_id: int,
    ) -> None:
        self.lookups = lookups
        self.map = ledger_map
        self.settings = settings
        self.business_id = business_id
        self.aliases = Aliases(settings.references)
        self.references = References(lookups, ledger_map)
        self.contacts = Contacts(lookups, ledger_map, settings)
        self.vat = Vat(lookups)
        self.lines = Lines(
            self.references,
            self.vat,
            self.aliases,
            default_vat_rate=settings.default_vat_rate,
        )
