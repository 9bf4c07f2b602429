"""Writing records into the books of one business through the API's operations."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date
    from decimal import Decimal

    from clearbooks_sandbox.accounting.engine import AccountingEngine

Record = dict[str, Any]
_SATURDAY = 5
_CREATED = 300


class DemoError(RuntimeError):
    """The engine refused a record of the demo: a bug in one of them."""


class Allocation(NamedTuple):
    """A part of a payment for one document."""

    document: Record
    amount: Decimal


class Clerk:
    """Enters records for one business; every refusal is an error.

    Documents come back as the API answers them, and `due` is kept up to date here, so that
    nothing needs to be read again.
    """

    def __init__(self, engine: AccountingEngine, business_id: int) -> None:
        self.engine = engine
        self.business_id = business_id
        self.paid: list[Record] = []

    def call(self, operation: str, body: object = None, **params: object) -> Any:
        """Carry out an operation and answer its JSON.

        Raises:
            DemoError: it was refused.
        """
        reply = self.engine.call(operation, business_id=self.business_id, params=params, body=body)
        if reply.status >= _CREATED:
            raise DemoError(f"{operation}: {reply.status} {reply.body.decode()[:500]}")
        return reply.json() if reply.body else None

    def sales(self, kind: str, body: Mapping[str, Any]) -> Record:
        """Enter a sales document."""
        document: Record = self.call("createSalesDocument", body, salesType=kind)
        return document

    def purchase(self, kind: str, body: Mapping[str, Any]) -> Record:
        """Enter a purchase document."""
        document: Record = self.call("createPurchaseDocument", body, purchaseType=kind)
        return document

    def credit(self, side: str, note: Record, documents: Iterable[Record]) -> None:
        """Allocate a credit note to documents in their order, until it is used up."""
        for document in documents:
            amount = min(note["due"], document["due"])
            if amount <= 0:
                continue
            self._allocate(side, document, amount, creditNoteId=note["id"])
            note["due"] -= amount

    def pay(
        self,
        side: str,
        contact_id: int,
        account: Record,
        on: date,
        description: str,
        parts: Sequence[Allocation],
        extra: Decimal | int = 0,
    ) -> Record:
        """Enter money received (`sales`) or paid (`purchases`) and allocate it.

        Args:
            side: `sales` or `purchases`.
            contact_id: The customer or supplier.
            account: The bank account.
            on: The day; a Saturday or Sunday becomes the next Monday.
            description: As on the bank's statement.
            parts: What is paid of which document.
            extra: What is paid beyond the parts, and stays unallocated.
        """
        if on.weekday() >= _SATURDAY:
            on += timedelta(days=7 - on.weekday())
        amount = sum((part.amount for part in parts), start=extra)
        body = {
            "date": on.isoformat(),
            "description": description,
            "amount": amount if side == "sales" else -amount,
            "contactId": contact_id,
            "bankAccountId": account["id"],
            "paymentMethodId": account["paymentMethods"][0]["id"],
        }
        payment: Record = self.call("createPayment", body)
        for part in parts:
            self._allocate(side, part.document, part.amount, paymentId=payment["id"])
        self.paid.append(payment)
        return payment

    def _allocate(self, side: str, document: Record, amount: Decimal, **origin: int) -> None:
        kind = "payment" if "paymentId" in origin else "creditNote"
        body = {
            "invoiceId": document["id"],
            "allocationType": kind,
            "amount": amount,
            **origin,
        }
        self.call("createAllocation", body, invoiceType=side)
        document["due"] -= amount

    def feed(self, account: Record, lines: Iterable[Mapping[str, Any]]) -> Record:
        """Give a bank account a feed, and send the bank's lines through it."""
        feed: Record = self.call("createBankFeeds", {"items": [{"accountId": account["id"]}]})[
            "items"
        ][0]
        self.call(
            "createBankStatements",
            {"items": [{"feedId": feed["id"], "statementLines": list(lines)}]},
        )
        return feed
