"""Reading the general ledger of one business, for the web pages: transactions and postings."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Any

from clearbooks_sandbox.accounting.money import amount
from clearbooks_sandbox.accounting.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Iterable

    from clearbooks_sandbox.accounting.reader import Row

_SOURCE = ("source", "sourceId", "reverses", "side", "kind", "documentNumber", "deleted")
# The columns of `_SOURCE`, for a transaction `t`.
_SOURCE_SQL = (
    "t.source, t.source_id, t.reverses, coalesce(d.side, a.side), d.kind, "
    "json_extract(CAST(d.json AS TEXT), '$.formattedDocumentNumber'), "
    "coalesce(p.hidden, a.hidden, 0)"
)
_SOURCES = (
    "LEFT JOIN documents d ON t.source = 'document' AND d.business = t.business "
    "AND d.id = t.source_id "
    "LEFT JOIN payments p ON t.source = 'payment' AND p.business = t.business "
    "AND p.id = t.source_id "
    "LEFT JOIN allocations a ON t.source = 'allocation' AND a.business = t.business "
    "AND a.id = t.source_id "
)


class GeneralLedger(Reader):
    """Transactions and postings.

    Each comes with what it was posted for: `source` (`document`, `payment`, `allocation` or
    `journal`) and `sourceId`; `side`, `kind` and `documentNumber` of a document, `side` of an
    allocation; `deleted` where the source is gone, and `reverses`, the ID of the transaction that
    it takes back.
    """

    def transactions(self) -> list[Row]:
        """Transactions, newest first: `id`, `accountingDate`, and `amount`, the sum of debits."""
        rows = self.rows(
            "SELECT t.id, t.date, (SELECT sum(amount) FROM lines l WHERE l.business = t.business "
            f"AND l.id = t.id AND l.amount > 0), {_SOURCE_SQL} FROM transactions t {_SOURCES}"
            "WHERE t.business = ? ORDER BY t.id DESC"
        )
        return [
            {"id": number, "accountingDate": date, "amount": amount(whole), **_source(rest)}
            for number, date, whole, *rest in rows
        ]

    def transaction(self, transaction_id: int) -> list[Row]:
        """The postings of a transaction.

        Raises:
            KeyError: no such transaction.
        """
        found = self._postings("l.id = ?2", transaction_id)
        if not found:
            raise KeyError(transaction_id)
        return found

    def postings_of(self, source: str, source_id: int) -> list[Row]:
        """The postings that were made for a `document` or `payment`, reversals among them."""
        return self._postings("t.source = ?2 AND t.source_id = ?3", source, source_id)

    def account(self, account_code: int) -> list[Row]:
        """The postings of an account by date, each with the account's `balance` after it."""
        found = self._postings("l.account = ?2", account_code)
        sums = accumulate(row["amount"] for row in found)
        return [row | {"balance": balance} for row, balance in zip(found, sums, strict=True)]

    def _postings(self, where: str, *values: object) -> list[Row]:
        rows = self.rows(
            f"SELECT l.id, l.date, l.account, l.amount, {_SOURCE_SQL} "
            "FROM transactions t JOIN lines l ON l.business = t.business AND l.id = t.id "
            # The plus sign keeps SQLite from reading all lines by date, so as not to sort some.
            f"{_SOURCES}WHERE t.business = ?1 AND l.business = ?1 AND {where} "
            "ORDER BY +l.date, l.id, l.ordinal",
            *values,
        )
        names = self.names("account_codes")
        return [
            {
                "transactionId": number,
                "accountingDate": date,
                "accountCodeId": account,
                "accountName": names[account],
                "amount": amount(pennies),
                "debit" if pennies > 0 else "credit": amount(abs(pennies)),
                **_source(rest),
            }
            for number, date, account, pennies, *rest in rows
        ]


def _source(values: Iterable[Any]) -> Row:
    """What a transaction was posted for, without the fields that have no value."""
    found = dict(zip(_SOURCE, values, strict=True))
    return {name: value for name, value in found.items() if value}
