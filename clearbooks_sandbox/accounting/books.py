"""Reading the books of one business, for the web pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clearbooks_sandbox.accounting.chart import ROLES
from clearbooks_sandbox.accounting.money import amount
from clearbooks_sandbox.reply import decode

if TYPE_CHECKING:
    import sqlite3
    from datetime import date
    from decimal import Decimal
    from threading import RLock


Row = dict[str, Any]
# Stream name of the contract -> table and condition of its records.
_COUNTED = {
    "account_codes": ("account_codes", "1"),
    "bank_accounts": ("bank_accounts", "1"),
    "customers": ("contacts", "kind = 'customers'"),
    "suppliers": ("contacts", "kind = 'suppliers'"),
    "sales_invoices": ("documents", "side = 'sales' AND kind = 'invoices'"),
    "sales_credit_notes": ("documents", "side = 'sales' AND kind = 'creditNotes'"),
    "quotes": ("documents", "kind = 'quotes'"),
    "bills": ("documents", "kind = 'bills'"),
    "purchase_credit_notes": ("documents", "side = 'purchases' AND kind = 'creditNotes'"),
    "expenses": ("documents", "kind = 'expenses'"),
    "payments": ("payments", "1"),
    "sales_allocations": ("allocations", "side = 'sales'"),
    "purchase_allocations": ("allocations", "side = 'purchases'"),
    "stock_items": ("stock_items", "1"),
    "transactions": ("transactions", "1"),
}


@dataclass(frozen=True, slots=True)
class TrialBalanceRow:
    """An account's balance: debit positive, credit negative."""

    account_code: int
    name: str
    balance: Decimal

    @property
    def debit(self) -> Decimal | None:
        """The balance where it is a debit."""
        return self.balance if self.balance > 0 else None

    @property
    def credit(self) -> Decimal | None:
        """The balance without its sign where it is a credit."""
        return -self.balance if self.balance < 0 else None


class Books:
    """The books of one business. Records are dicts with the API's field names.

    Lists answer newest first, at most `limit` from `offset`. Amounts are `Decimal`, dates are
    ISO text, a field without a value is absent.
    """

    def __init__(self, db: sqlite3.Connection, lock: RLock, business_id: int) -> None:
        self._db = db
        self._lock = lock
        self.business_id = business_id

    def _rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        with self._lock:
            found: list[tuple[Any, ...]] = self._db.execute(
                sql, (self.business_id, *values)
            ).fetchall()
        return found

    def _one(self, sql: str, record_id: int) -> tuple[Any, ...]:
        rows = self._rows(sql, record_id)
        if not rows:
            raise KeyError(record_id)
        return rows[0]

    def _names(self, table: str) -> dict[int, str]:
        rows = self._rows(f"SELECT id, json FROM {table} WHERE business = ?")
        return {number: decode(data)["name"] for number, data in rows}

    def business(self) -> Row:
        """The business itself."""
        found: Row = decode(self._rows("SELECT json FROM businesses WHERE id = ?")[0][0])
        return found

    def features(self) -> list[str]:
        """Names of the features that are on, out of `FEATURES`."""
        found: list[str] = decode(self._rows("SELECT features FROM businesses WHERE id = ?")[0][0])
        return found

    def contacts(self, kind: str, *, limit: int = 200, offset: int = 0) -> list[Row]:
        """`customers` or `suppliers`, each with `balance` (what is owed, home currency)."""
        rows = self._rows(
            "SELECT json, kind FROM contacts WHERE business = ? AND kind = ? AND hidden = 0 "
            "ORDER BY id DESC LIMIT ? OFFSET ?",
            kind,
            limit,
            offset,
        )
        return [self._contact(*row) for row in rows]

    def contact(self, contact_id: int) -> Row:
        """A contact with `kind` and `balance`.

        Raises:
            KeyError: no such contact.
        """
        sql = (
            "SELECT json, kind FROM contacts WHERE business = ? AND id = ? AND hidden = 0 "
            "ORDER BY kind"
        )
        return self._contact(*self._one(sql, contact_id))

    def _contact(self, data: bytes, kind: str) -> Row:
        record: Row = decode(data)
        control = ROLES["debtors" if kind == "customers" else "creditors"]
        owed = self._rows(
            "SELECT coalesce(sum(amount), 0) FROM lines "
            "WHERE business = ? AND account = ? AND contact = ?",
            control,
            record["id"],
        )[0][0]
        # What a supplier is owed stands as a credit.
        return record | {"kind": kind, "balance": amount(owed if kind == "customers" else -owed)}

    def documents(
        self,
        side: str,
        kind: str | None = None,
        *,
        contact_id: int | None = None,
        voided: bool = False,
        limit: int = 200,
        offset: int = 0,
    ) -> list[Row]:
        """Documents of `sales` or `purchases`, each with `side`, `kind` and `contactName`.

        `kind` is `invoices`, `creditNotes`, `quotes`, `bills` or `expenses`.
        """
        rows = self._rows(
            "SELECT json, side, kind, contact FROM documents WHERE business = ? AND side = ? "
            "AND (? OR hidden = 0) AND kind = coalesce(?, kind) "
            "AND contact = coalesce(?, contact) ORDER BY id DESC LIMIT ? OFFSET ?",
            side,
            voided,
            kind,
            contact_id,
            limit,
            offset,
        )
        return [self._document(*row) for row in rows]

    def _document(self, data: bytes, side: str, kind: str, contact: int) -> Row:
        record: Row = decode(data)
        return record | {"side": side, "kind": kind, "contactName": self._contact_name(contact)}

    def _contact_name(self, contact: int) -> str:
        row = self._one("SELECT json FROM contacts WHERE business = ? AND id = ?", contact)
        return str(decode(row[0])["name"])

    def document(self, document_id: int) -> Row:
        """A document of either side.

        With `side`, `kind`, `contactName`, `deducted` (CIS), `allocations`, `attachments`,
        `transactions`, and `previousId` and `currentId` where there are other revisions.

        Raises:
            KeyError: no such document.
        """
        row = self._one(
            "SELECT json, side, kind, contact, previous, successor, payable FROM documents "
            "WHERE business = ? AND id = ?",
            document_id,
        )
        record = self._document(*row[:4])
        record["deducted"] = record["gross"] - amount(row[6])
        record["allocations"] = [
            decode(found[0])
            for found in self._rows(
                "SELECT json FROM allocations WHERE business = ?1 "
                "AND (invoice = ?2 OR credit_note = ?2) AND hidden = 0 ORDER BY id",
                document_id,
            )
        ]
        record["attachments"] = self._json(
            "attachments", "document = ? AND hidden = 0", document_id
        )
        record["transactions"] = self._json(
            "transactions", "source = 'document' AND source_id = ?", document_id
        )
        if row[4]:
            record["previousId"] = row[4]
        newest = row[5]
        while newest:
            record["currentId"] = newest
            sql = "SELECT successor FROM documents WHERE business = ? AND id = ?"
            newest = self._one(sql, newest)[0]
        return record

    def _json(self, table: str, where: str, *values: object) -> list[Row]:
        rows = self._rows(
            f"SELECT json FROM {table} WHERE business = ? AND {where} ORDER BY id",
            *values,
        )
        return [decode(row[0]) for row in rows]

    def payments(
        self, *, contact_id: int | None = None, limit: int = 200, offset: int = 0
    ) -> list[Row]:
        """Payments, each with `contactName`, `bankAccountName` and `unallocated`."""
        rows = self._rows(
            "SELECT json, amount, settled FROM payments WHERE business = ? AND hidden = 0 "
            "AND contact = coalesce(?, contact) ORDER BY id DESC LIMIT ? OFFSET ?",
            contact_id,
            limit,
            offset,
        )
        banks = self._names("bank_accounts")
        return [self._payment(banks, *row) for row in rows]

    def _payment(self, banks: dict[int, str], data: bytes, whole: int, settled: int) -> Row:
        record: Row = decode(data)
        left = whole - settled if whole > 0 else whole + settled
        return record | {
            "contactName": self._contact_name(record["contactId"]),
            "bankAccountName": banks[record["bankAccountId"]],
            "unallocated": amount(left),
        }

    def payment(self, payment_id: int) -> Row:
        """A payment with `contactName`, `bankAccountName`, `unallocated`, `allocations`.

        An allocation is as in the API, with `side`, `documentNumber` and `kind` of the document.

        Raises:
            KeyError: no such payment.
        """
        row = self._one(
            "SELECT json, amount, settled FROM payments WHERE business = ? AND id = ? "
            "AND hidden = 0",
            payment_id,
        )
        record = self._payment(self._names("bank_accounts"), *row)
        record["allocations"] = [
            decode(data)
            | {
                "side": side,
                "kind": kind,
                "documentNumber": decode(document)["formattedDocumentNumber"],
            }
            for data, side, kind, document in self._rows(
                "SELECT a.json, d.side, d.kind, d.json FROM allocations a JOIN documents d "
                "ON d.business = a.business AND d.id = a.invoice "
                "WHERE a.business = ? AND a.payment = ? AND a.hidden = 0 ORDER BY a.id",
                payment_id,
            )
        ]
        return record

    def journals(self, *, limit: int = 200, offset: int = 0) -> list[Row]:
        """Journals; each line has `accountName`."""
        rows = self._rows(
            "SELECT json FROM journals WHERE business = ? ORDER BY id DESC LIMIT ? OFFSET ?",
            limit,
            offset,
        )
        names = self._names("account_codes")
        return [_with_names(decode(row[0]), names) for row in rows]

    def journal(self, journal_id: int) -> Row:
        """A journal; each line has `accountName`.

        Raises:
            KeyError: no such journal.
        """
        row = self._one("SELECT json FROM journals WHERE business = ? AND id = ?", journal_id)
        return _with_names(decode(row[0]), self._names("account_codes"))

    def trial_balance(self, at: date | None = None) -> list[TrialBalanceRow]:
        """Every account with postings up to and including `at` (all when None), by code.

        Control accounts of debtors and creditors are single rows. The balances sum to 0.
        """
        names = self._names("account_codes")
        rows = self._rows(
            "SELECT account, sum(amount) FROM lines WHERE business = ? AND date <= ? "
            "GROUP BY account ORDER BY account",
            at.isoformat() if at else "9999-12-31",
        )
        return [TrialBalanceRow(code, names[code], amount(whole)) for code, whole in rows]

    def account_codes(self) -> list[Row]:
        """The chart of accounts, by code."""
        return self._json("account_codes", "hidden = 0")

    def bank_accounts(self) -> list[Row]:
        """Bank accounts, each with `balance` in home currency."""
        rows = self._rows(
            "SELECT b.json, (SELECT coalesce(sum(amount), 0) FROM lines l "
            "WHERE l.business = b.business AND l.account = b.code) FROM bank_accounts b "
            "WHERE b.business = ? AND b.hidden = 0 ORDER BY b.id"
        )
        return [decode(data) | {"balance": amount(whole)} for data, whole in rows]

    def statements(self) -> list[Row]:
        """Bank statements: `id`, `accountId`, `feedId`, `month`, `lines`.

        A line has `transactionId`, `transactionDate`, `description` and `amount`.
        """
        found: dict[int, Row] = {
            row[0]: dict(zip(("id", "accountId", "feedId", "month"), row, strict=True))
            | {"lines": []}
            for row in self._rows(
                "SELECT id, account, feed, month FROM statements WHERE business = ? ORDER BY id"
            )
        }
        names = ("transactionId", "transactionDate", "description")
        for statement, *line, whole in self._rows(
            "SELECT statement, bank_id, date, description, amount FROM statement_lines "
            "WHERE business = ? ORDER BY date, rowid"
        ):
            record = dict(zip(names, line, strict=True)) | {"amount": amount(whole)}
            found[statement]["lines"].append(record)
        return list(found.values())

    def attachments(self) -> list[Row]:
        """Attachments as in the API, each with `documentId` and `sha256`."""
        rows = self._rows(
            "SELECT json, document, sha256 FROM attachments WHERE business = ? AND hidden = 0 "
            "ORDER BY id"
        )
        return [decode(data) | {"documentId": doc, "sha256": sha} for data, doc, sha in rows]

    def counts(self) -> dict[str, int]:
        """How many records of each kind there are, by the contract's stream names."""
        return {
            stream: self._rows(
                f"SELECT count(*) FROM {table} WHERE business = ? AND {where} AND hidden = 0"
            )[0][0]
            for stream, (table, where) in _COUNTED.items()
        }


def _with_names(journal: Row, names: dict[int, str]) -> Row:
    lines = [line | {"accountName": names[line["accountCodeId"]]} for line in journal["lines"]]
    return journal | {"lines": lines}
