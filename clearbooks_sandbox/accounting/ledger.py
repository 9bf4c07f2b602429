"""The ledger: transactions whose lines sum to 0, and what is read from them.

A transaction is never changed. What is voided or deleted is reversed by a new transaction of the
same accounting date, so that IDs ascend and every period stays balanced. In the dialect
`voids-remove` the old transaction is taken away instead, and its ID is not given out again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from clearbooks_sandbox.accounting import money
from clearbooks_sandbox.accounting.paging import ListQuery
from clearbooks_sandbox.accounting.storage import next_value
from clearbooks_sandbox.reply import Reply

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping

    from clearbooks_sandbox.accounting.session import Session


class Line(NamedTuple):
    """A posting in pennies of home currency: debit positive, credit negative."""

    account: int
    amount: int
    contact: int | None = None


class UnbalancedError(AssertionError):
    """Lines that do not sum to 0: a bug in the sandbox."""


def post(
    db: sqlite3.Connection,
    business: int,
    date: str,
    lines: Iterable[Line],
    source: tuple[str, int],
    reverses: int | None = None,
) -> int | None:
    """Write a transaction; its ID, or None where no line has an amount.

    Raises:
        UnbalancedError: the lines do not sum to 0.
    """
    kept = [line for line in lines if line.amount]
    if sum(line.amount for line in kept):
        raise UnbalancedError(f"{source}: {kept}")
    if not kept:
        return None
    transaction = next_value(db, business, "transaction")
    listed = ",".join(
        f'{{"accountCodeId":{line.account},"amount":{money.json_text(line.amount)}}}'
        for line in kept
    )
    text = f'{{"id":{transaction},"accountingDate":"{date}","lines":[{listed}]}}'
    db.execute(
        "INSERT INTO transactions VALUES (?, ?, ?, ?, ?, ?, 0, ?)",
        (business, transaction, date, *source, reverses, text.encode()),
    )
    db.executemany(
        "INSERT INTO lines VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (business, transaction, n, date, line.account, line.amount, line.contact)
            for n, line in enumerate(kept)
        ],
    )
    return transaction


def cancel(s: Session, transaction: int | None) -> None:
    """Post the opposite of a transaction on the same accounting date, or take it away."""
    if transaction is None:
        return
    key = (s.business, transaction)
    if "voids-remove" in s.dialects:
        for table in ("transactions", "lines"):
            s.db.execute(f"DELETE FROM {table} WHERE business = ? AND id = ?", key)
        return
    row = s.db.execute(
        "SELECT date, source, source_id FROM transactions WHERE business = ? AND id = ?", key
    ).fetchone()
    lines = s.db.execute(
        "SELECT account, -amount, contact FROM lines WHERE business = ? AND id = ? "
        "ORDER BY ordinal",
        key,
    )
    opposite = [Line(*line) for line in lines]
    post(s.db, s.business, row[0], opposite, (row[1], row[2]), transaction)


def list_transactions(s: Session, params: Mapping[str, Any], query: Mapping[str, Any]) -> Reply:
    """`listTransactions`."""
    del params
    return s.pager.page(
        ListQuery(
            "transactions",
            {"business": s.business, "hidden": 0},
            {"id", "accountingDate"},
            {"id": "id", "accountingDate": "date"},
            _dates(query),
        ),
        query,
    )


def list_lines(s: Session, params: Mapping[str, Any], query: Mapping[str, Any]) -> Reply:
    """`listTransactionLines`."""
    del params
    columns = {
        "transactionId": "id",
        "accountingDate": "date",
        "accountCodeId": "account",
        "amount": "amount",
    }
    where = {
        "business": s.business,
        "id": query.get("transactionId"),
        "account": query.get("accountCodeId"),
    }
    return s.pager.page(
        ListQuery(
            "lines",
            where,
            columns,
            columns,
            _dates(query),
            key=("id", "ordinal"),
            select="id, date, account, amount",
            render=_line,
            default_sort="transactionId",
        ),
        query,
    )


def _line(row: tuple[int, str, int, int]) -> bytes:
    return (
        f'{{"transactionId":{row[0]},"accountingDate":"{row[1]}",'
        f'"accountCodeId":{row[2]},"amount":{money.json_text(row[3])}}}'
    ).encode()


def _dates(query: Mapping[str, Any]) -> dict[str, str | None]:
    return {
        "date >= ?": query.get("accountingDateFrom"),
        "date <= ?": query.get("accountingDateTo"),
    }


def account_balances(s: Session, params: Mapping[str, Any], query: Mapping[str, Any]) -> Reply:
    """`listAccountBalances`: sums between two dates, both included."""
    del params
    rows = s.db.execute(
        "SELECT account, sum(amount) FROM lines WHERE business = ? AND date BETWEEN ? AND ? "
        "GROUP BY account ORDER BY account",
        (s.business, query["accountingDateFrom"], query["accountingDateTo"]),
    )
    listed = ",".join(f'{{"accountCodeId":{a},"balance":{money.json_text(b)}}}' for a, b in rows)
    return Reply(200, {}, f"[{listed}]".encode())
