"""Reading the books for people: what the web pages show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import date
    from decimal import Decimal

    from clearbooks_sandbox.engine import Engine

Row = dict[str, Any]


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

    def __init__(self, engine: Engine, business_id: int) -> None:
        self.engine = engine
        self.business_id = business_id

    def business(self) -> Row:
        """The business itself."""
        raise NotImplementedError

    def contacts(self, kind: str, *, limit: int = 200, offset: int = 0) -> list[Row]:
        """`customers` or `suppliers`, each with `balance` (what is owed, home currency)."""
        raise NotImplementedError

    def contact(self, contact_id: int) -> Row:
        """A contact with `kind` and `balance`.

        Raises:
            KeyError: no such contact.
        """
        raise NotImplementedError

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
        raise NotImplementedError

    def document(self, document_id: int) -> Row:
        """A document of either side.

        With `side`, `kind`, `contactName`, `allocations`, `attachments`, `transactions`, and
        `previousId` and `currentId` where there are other revisions.

        Raises:
            KeyError: no such document.
        """
        raise NotImplementedError

    def payments(
        self, *, contact_id: int | None = None, limit: int = 200, offset: int = 0
    ) -> list[Row]:
        """Payments, each with `contactName`, `bankAccountName` and `unallocated`."""
        raise NotImplementedError

    def payment(self, payment_id: int) -> Row:
        """A payment with `contactName`, `bankAccountName`, `unallocated`, `allocations`.

        An allocation is as in the API, with `side`, `documentNumber` and `kind` of the document.

        Raises:
            KeyError: no such payment.
        """
        raise NotImplementedError

    def journals(self, *, limit: int = 200, offset: int = 0) -> list[Row]:
        """Journals; each line has `accountName`."""
        raise NotImplementedError

    def journal(self, journal_id: int) -> Row:
        """A journal; each line has `accountName`.

        Raises:
            KeyError: no such journal.
        """
        raise NotImplementedError

    def trial_balance(self, at: date | None = None) -> list[TrialBalanceRow]:
        """Every account with postings up to and including `at` (all when None), by code.

        Control accounts of debtors and creditors are single rows. The balances sum to 0.
        """
        raise NotImplementedError

    def account_codes(self) -> list[Row]:
        """The chart of accounts, by code."""
        raise NotImplementedError

    def bank_accounts(self) -> list[Row]:
        """Bank accounts, each with `balance` in its own currency."""
        raise NotImplementedError

    def statements(self) -> list[Row]:
        """Bank statements: `id`, `accountId`, `feedId`, `month`, `lines`."""
        raise NotImplementedError

    def counts(self) -> dict[str, int]:
        """How many records of each kind there are, by the contract's stream names."""
        raise NotImplementedError
