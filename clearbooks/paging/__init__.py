"""A listing read whole and in order while it changes, and the proof that nothing was missed."""

from clearbooks.paging.in_flight import in_order
from clearbooks.paging.listing import Listing
from clearbooks.paging.pages import (
    ASCENDING,
    BEYOND_IDS,
    DESCENDING,
    Page,
    Part,
    Reads,
    Record,
    ids,
)

__all__ = [
    "ASCENDING",
    "BEYOND_IDS",
    "DESCENDING",
    "Listing",
    "Page",
    "Part",
    "Reads",
    "Record",
    "ids",
    "in_order",
]
