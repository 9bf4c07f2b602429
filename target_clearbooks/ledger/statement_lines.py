"""Lines of bank statements, as the server knows them: the first of an ID counts, for good."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_clearbooks.ledger.amounts import decimal, money

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LINES = "statementLines"


def line_marks(body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Of each line what identifies it, its feed and ID, and its contents in words."""
    for line in body.get(LINES, ()):
        # A plan holds whole pounds as whole numbers.
        amount = money(decimal(line["amount"]))
        words = f"{amount} of {line['transactionDate']}, {line['description']!r}"
        yield f"{body['feedId']} {line['transactionId']}", words
