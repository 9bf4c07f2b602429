"""Reading the books of one business, for the web pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from clearbooks_sandbox.accounting.chart import ROLES
from clearbooks_sandbox.accounting.general_ledger import GeneralLedger
from clearbooks_sandbox.accounting.money import amount
from clearbooks_sandbox.accounting.reader import Reader
from clearbooks_sandbox.accounting.vat import RATES, TREATMENTS, treatments
from clearbooks_sandbox.reply import decode

if TYPE_CHECKING:
    from datetime import date
    from decimal import Decimal

    from clearbooks_sandbox.accounting.reader import Row

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


class Books(Reader):
    """The books of one business. Records are dicts with the API's field names.

    Lists answer newest first, at most `limit` from `offset`. Amounts are `Decimal`, dates are
    ISO text, a field without a value is absent.
    """

    @property
    def general_ledger(self) -> GeneralLedger:
        """Its transactions and postings."""
        return GeneralLedger(self.db, self.lock, self.business_id)

    def business(self) -> Row:
        """The business itself."""
        found: Row = decode(self.rows("SELECT json FROM businesses WHERE id = ?")[0][0])
        return found

    def features(self) -> list[str]:
        """Names of the features that are on, out of `FEATURES`."""
        found: list[str] = decode(self.rows("SELECT features FROM businesses WHERE id = ?")[0][0])
        return found

    def contacts(self, kind: str, *, limit: int = 200, offset: int = 0) -> list[Row]:
        """`customers` or `suppliers`, each with `balance` (what is owed, home currency)."""
        rows = self.rows(
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
        return self._contact(*self.one(sql, contact_id))

    def _contact(self, data: bytes, kind: str) -> Row:
        record: Row = decode(data)
        control = ROLES["debtors" if kind == "customers" else "creditors"]
        owed = self.rows(
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
        rows = self.rows(
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
        row = self.one("SELECT json FROM contacts WHERE business = ? AND id = ?", contact)
        return str(decode(row[0])["name"])

    def document(self, document_id: int) -> Row:
        """A document of either side.

        With `side`, `kind`, `contactName`, `deducted` (CIS), `allocations` (see `allocations`),
        `attachments`, and `previousId` and `currentId` where there are other revisions.

        Raises:
            KeyError: no such document.
        """
        row = self.one(
            "SELECT json, side, kind, contact, previous, successor, payable FROM documents "
            "WHERE business = ? AND id = ?",
            document_id,
        )
        record = self._document(*row[:4])
        record["deducted"] = record["gross"] - amount(row[6])
        ends = "(a.invoice = ?2 OR a.credit_note = ?2)"
        record["allocations"] = self._allocations(ends, document_id)
        record["attachments"] = self.records(
            "attachments", "document = ? AND hidden = 0", document_id
        )
        if row[4]:
            record["previousId"] = row[4]
        newest = row[5]
        while newest:
            record["currentId"] = newest
            sql = "SELECT successor FROM documents WHERE business = ? AND id = ?"
            newest = self.one(sql, newest)[0]
        return record

    def payments(
        self, *, contact_id: int | None = None, limit: int = 200, offset: int = 0
    ) -> list[Row]:
        """Payments, each with `contactName`, `bankAccountName` and `unallocated`."""
        rows = self.rows(
            "SELECT json, amount, settled FROM payments WHERE business = ? AND hidden = 0 "
            "AND contact = coalesce(?, contact) ORDER BY id DESC LIMIT ? OFFSET ?",
            contact_id,
            limit,
            offset,
        )
        banks = self.names("bank_accounts")
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

        Its allocations are those of `allocations`, oldest first.

        Raises:
            KeyError: no such payment.
        """
        row = self.one(
            "SELECT json, amount, settled FROM payments WHERE business = ? AND id = ? "
            "AND hidden = 0",
            payment_id,
        )
        record = self._payment(self.names("bank_accounts"), *row)
        record["allocations"] = self._allocations("a.payment = ?2", payment_id)
        return record

    def allocations(self, side: str) -> list[Row]:
        """Allocations of `sales` or `purchases`, newest first, as in the API.

        Each has `side`, `kind` and `documentNumber` of the invoice or bill with its `currency`
        and `contactName`, and where a credit note is allocated its `creditNoteNumber`.
        """
        return self._allocations("a.side = ?2", side)[::-1]

    def _allocations(self, where: str, value: object) -> list[Row]:
        names = ("side", "kind", "currency", "documentNumber", "contactName", "creditNoteNumber")
        rows = self.rows(
            f"SELECT a.json, d.side, d.kind, d.currency, {_text('d', 'formattedDocumentNumber')}, "
            f"{_text('c', 'name')}, {_text('n', 'formattedDocumentNumber')} FROM allocations a "
            "JOIN documents d ON d.business = a.business AND d.id = a.invoice "
            "JOIN contacts c ON c.business = d.business AND c.id = d.contact "
            "AND c.kind = iif(d.side = 'sales', 'customers', 'suppliers') "
            "LEFT JOIN documents n ON n.business = a.business AND n.id = a.credit_note "
            f"WHERE a.business = ?1 AND {where} AND a.hidden = 0 ORDER BY a.id",
            value,
        )
        return [decode(data) | dict(zip(names, rest, strict=True)) for data, *rest in rows]

    def journals(self, *, limit: int = 200, offset: int = 0) -> list[Row]:
        """Journals with their `transactionId`; each line has `accountName`."""
        rows = self.rows(
            "SELECT json, posting FROM journals WHERE business = ? "
            "ORDER BY id DESC LIMIT ? OFFSET ?",
            limit,
            offset,
        )
        names = self.names("account_codes")
        return [_journal(data, posting, names) for data, posting in rows]

    def journal(self, journal_id: int) -> Row:
        """A journal with its `transactionId`; each line has `accountName`.

        Raises:
            KeyError: no such journal.
        """
        sql = "SELECT json, posting FROM journals WHERE business = ? AND id = ?"
        data, posting = self.one(sql, journal_id)
        return _journal(data, posting, self.names("account_codes"))

    def trial_balance(self, at: date | None = None) -> list[TrialBalanceRow]:
        """Every account with postings up to and including `at` (all when None), by code.

        Control accounts of debtors and creditors are single rows. The balances sum to 0.
        """
        names = self.names("account_codes")
        rows = self.rows(
            "SELECT account, sum(amount) FROM lines WHERE business = ? AND date <= ? "
            "GROUP BY account ORDER BY account",
            at.isoformat() if at else "9999-12-31",
        )
        return [TrialBalanceRow(code, names[code], amount(whole)) for code, whole in rows]

    def account_codes(self) -> list[Row]:
        """The chart of accounts, by code."""
        return self.records("account_codes", "hidden = 0")

    def stock_items(self) -> list[Row]:
        """Stock items, by ID."""
        return self.records("stock_items", "hidden = 0")

    def vat_treatments(self) -> list[Row]:
        """VAT treatments that the business has: `side` and the fields of `vat.Treatment`."""
        (allowed, features), *_ = self.rows(
            "SELECT vat_treatments, features FROM businesses WHERE id = ?"
        )
        return [
            {"side": side, **treatment._asdict()}
            for side in TREATMENTS
            for treatment in treatments(side, allowed and decode(allowed), decode(features))
        ]

    def vat_rates(self) -> list[Row]:
        """VAT rates that are legal under a treatment of the business: the fields of `vat.Rate`."""
        families = {family for row in self.vat_treatments() for family in row["rates"]}
        return [rate._asdict() for rate in RATES if rate.key.partition(":")[2] in families]

    def bank_accounts(self) -> list[Row]:
        """Bank accounts, each with `balance` in home currency."""
        rows = self.rows(
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
            for row in self.rows(
                "SELECT id, account, feed, month FROM statements WHERE business = ? ORDER BY id"
            )
        }
        names = ("transactionId", "transactionDate", "description")
        for statement, *line, whole in self.rows(
            "SELECT statement, bank_id, date, description, amount FROM statement_lines "
            "WHERE business = ? ORDER BY date, rowid"
        ):
            record = dict(zip(names, line, strict=True)) | {"amount": amount(whole)}
            found[statement]["lines"].append(record)
        return list(found.values())

    def attachments(self) -> list[Row]:
        """Attachments as in the API, each with `documentId` and `sha256`."""
        rows = self.rows(
            "SELECT json, document, sha256 FROM attachments WHERE business = ? AND hidden = 0 "
            "ORDER BY id"
        )
        return [decode(data) | {"documentId": doc, "sha256": sha} for data, doc, sha in rows]

    def counts(self) -> dict[str, int]:
        """How many records of each kind there are, by the contract's stream names."""
        return {
            stream: self.rows(
                f"SELECT count(*) FROM {table} WHERE business = ? AND {where} AND hidden = 0"
            )[0][0]
            for stream, (table, where) in _COUNTED.items()
        }


def _journal(data: bytes, posting: int, names: dict[int, str]) -> Row:
    journal: Row = decode(data)
    lines = [line | {"accountName": names[line["accountCodeId"]]} for line in journal["lines"]]
    return journal | {"transactionId": posting, "lines": lines}


def _text(table: str, field: str) -> str:
    """SQL of a text field of a record."""
    return f"json_extract(CAST({table}.json AS TEXT), '$.{field}')"
