"""What is wanted allocated follows what moves in the ledger."""

from __future__ import annotations

from contextlib import closing
from decimal import Decimal

import pytest

from target_clearbooks.store import open_store
from target_clearbooks.store.allocated import Allocated

# What is replaced, 5 by 9, in an allocation of 5 or 7 to 5 or 7; both ends have IDs of their own.
MOVES = [
    ("sales_invoices", "sales_allocations", (5, "payment", 5), (9, "payment", 5)),
    ("bills", "purchase_allocations", (5, "creditNote", 7), (9, "creditNote", 7)),
    ("sales_credit_notes", "sales_allocations", (5, "creditNote", 5), (5, "creditNote", 9)),
    ("payments", "purchase_allocations", (5, "payment", 5), (5, "payment", 9)),
    ("payments", "sales_allocations", (5, "creditNote", 5), (5, "creditNote", 5)),
    ("quotes", "sales_allocations", (5, "payment", 5), (5, "payment", 5)),
    ("bills", "sales_allocations", (5, "payment", 5), (5, "payment", 5)),
]


@pytest.mark.parametrize(("stream", "allocations", "before", "after"), MOVES)
def test_allocations_follow_a_new_revision(tmp_path, stream, allocations, before, after):
    with closing(open_store(str(tmp_path / "state.sqlite3"))) as db:
        allocated = Allocated(db, 1)
        allocated.want(allocations, "A", before, Decimal(10))
        allocated.replaced(stream, 5, 9)
        assert allocated.wanted(allocations, after, "B") == 10
