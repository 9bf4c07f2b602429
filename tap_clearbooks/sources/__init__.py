"""How each kind of endpoint is read: from the API to batches of records with their bookmarks."""

from tap_clearbooks.sources.base import Batch, Bookmark, ReadContext, Source, Window, joined
from tap_clearbooks.sources.followed import Allocations, Dated, Followed, Quotes
from tap_clearbooks.sources.ledger import Balances, Transactions
from tap_clearbooks.sources.lists import Attachments, Businesses, Listed
from tap_clearbooks.sources.vat import VatRates, VatTreatments

__all__ = [
    "Allocations",
    "Attachments",
    "Balances",
    "Batch",
    "Bookmark",
    "Businesses",
    "Dated",
    "Followed",
    "Listed",
    "Quotes",
    "ReadContext",
    "Source",
    "Transactions",
    "VatRates",
    "VatTreatments",
    "Window",
    "joined",
]
