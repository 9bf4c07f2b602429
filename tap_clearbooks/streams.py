"""The streams: a table. What a stream is comes from the contract; this says how it is read.

To add a stream: declare it in `schemas/openapi.yaml` (path, tag, `x-streams`) with its JSON
Schema, and add a line here that names the way its endpoint is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from clearbooks.contract import load_contract
from tap_clearbooks import sources

if TYPE_CHECKING:
    from clearbooks.contract import Resource
    from tap_clearbooks.sources import Source


@dataclass(frozen=True, slots=True)
class StreamSpec:
    """How one stream is read.

    Attributes:
        source: The way its endpoint is read.
        cursor: Replication key; None where only a full read tells what changed.
        waits: Whether it is not read again for a while, having no sign of a change.
        selected: Whether the stream is selected where a catalog says nothing; one that is not
            needs the setting `attachments` besides.
    """

    source: type[Source]
    cursor: str | None = None
    waits: bool = False
    selected: bool = True

    @property
    def resumable(self) -> bool:
        """Whether a whole reading that was stopped can go on: by ID, and nothing changes an ID."""
        return self.source is sources.Transactions


STREAMS: dict[str, StreamSpec] = {
    # One answer, no pages: the businesses of the authorisation.
    "businesses": StreamSpec(sources.Businesses),
    # Paged lists of master data, small and without dates: read whole.
    "account_codes": StreamSpec(sources.Listed, waits=True),
    "bank_accounts": StreamSpec(sources.Listed, waits=True),
    "customers": StreamSpec(sources.Listed, waits=True),
    "suppliers": StreamSpec(sources.Listed, waits=True),
    "stock_items": StreamSpec(sources.Listed, waits=True),
    # Made and taken back, never changed: what is new, or all where something is gone.
    "sales_allocations": StreamSpec(sources.Allocations, "id"),
    "purchase_allocations": StreamSpec(sources.Allocations, "id"),
    # Documents and payments: no filter by change, so what is new and what signs name.
    "sales_invoices": StreamSpec(sources.Dated, "date"),
    "sales_credit_notes": StreamSpec(sources.Dated, "date"),
    "quotes": StreamSpec(sources.Quotes, "date"),
    "bills": StreamSpec(sources.Dated, "date"),
    "purchase_credit_notes": StreamSpec(sources.Dated, "date"),
    "expenses": StreamSpec(sources.Dated, "date"),
    "payments": StreamSpec(sources.Dated, "date"),
    # One request for each document: only on request.
    "sales_attachments": StreamSpec(sources.Attachments, selected=False),
    "purchase_attachments": StreamSpec(sources.Attachments, selected=False),
    # Short answers without pages, for each side of the ledger and each treatment.
    "vat_treatments": StreamSpec(sources.VatTreatments, waits=True),
    "vat_rates": StreamSpec(sources.VatRates, waits=True),
    # IDs only grow: what is new has a greater one. All are read again once in `reread_days`, since
    # nothing would tell of a transaction that was rewritten in place.
    "transactions": StreamSpec(sources.Transactions, "id"),
    "transaction_lines": StreamSpec(sources.Transactions, "transactionId"),
    # Sums for each period; periods that can no longer change are not asked again.
    "account_balances": StreamSpec(sources.Balances, "accountingDateTo"),
}

# Those whose records a transaction may belong to, besides journals: no quote does.
POSTED = tuple(name for name, spec in STREAMS.items() if spec.source is sources.Dated)

# Streams that come out of the pages of another one at no extra request.
CARRIED_BY = {"transaction_lines": "transactions"}


def resource(name: str) -> Resource:
    """The contract's resource behind a stream."""
    return load_contract().resources[name]
