"""The two that an allocation joins: an invoice, and the payment or credit note that clears it."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from target_clearbooks.writable import WRITABLE, Kind, streams_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

ENDS = ("invoiceId", "paymentId", "creditNoteId")
"""Fields of an allocation that hold the ID of what it joins."""

Pair = tuple[int, str, int]
"""What one joins: ID of the invoice, `allocationType`, ID of the payment or credit note."""


@cache
def ends_of(stream: str) -> Mapping[str, tuple[str, ...]]:
    """What allocations of a stream join: their fields, and the streams whose IDs these hold.

    >>> ends_of("sales_allocations")["creditNoteId"]
    ('sales_credit_notes',)
    """
    row = WRITABLE[stream]
    if row.kind is not Kind.ALLOCATION:
        return {}
    joined = row.invoices, streams_of(Kind.PAYMENT), (row.credit_notes,)
    return dict(zip(ENDS, joined, strict=True))


@cache
def allocation_ends(stream: str) -> tuple[tuple[str, str], ...]:
    """Where allocations name records of a stream: the stream of the allocations and their field.

    >>> allocation_ends("bills")
    (('purchase_allocations', 'invoiceId'),)
    """
    return tuple(
        (allocations, end)
        for allocations in WRITABLE
        for end, streams in ends_of(allocations).items()
        if stream in streams
    )


def pair_of(body: Mapping[str, Any]) -> Pair:
    """What the body of an allocation joins."""
    kind = str(body["allocationType"])
    return (int(body["invoiceId"]), kind, int(body[f"{kind}Id"]))


def joining(pair: Pair, amount: Decimal) -> dict[str, Any]:
    """The body of an allocation that joins a pair."""
    invoice, kind, source = pair
    return {"invoiceId": invoice, "allocationType": kind, f"{kind}Id": source, "amount": amount}
