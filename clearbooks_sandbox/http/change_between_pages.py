"""The faults that change a listing between two of its pages."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, NamedTuple

from clearbooks_sandbox.accounting.storage import TABLES
from clearbooks_sandbox.validation import body_schema, resource_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from clearbooks.contract import Operation
    from clearbooks_sandbox.accounting.engine import AccountingEngine

_CANDIDATES = 20


class Page(NamedTuple):
    """A page of a listing, as it was requested."""

    business: int
    operation: Operation
    params: Mapping[str, Any]
    query: Mapping[str, Any]


class ListingChanger:
    """Deletes or adds records of the listing whose next page is requested."""

    def __init__(self, engine: AccountingEngine) -> None:
        self.engine = engine
        self.random = random.Random(0)  # noqa: S311 - repeatable on purpose

    def change(self, kind: str, page: Page) -> None:
        """Carry out `delete-`, `add-` or `replace-between-pages`."""
        action = kind.partition("-")[0]
        if action in ("delete", "replace"):
            self._delete(page)
        if action in ("add", "replace"):
            self._add(page)

    def _records(self, page: Page, query: Mapping[str, Any]) -> list[dict[str, Any]]:
        reply = self.engine.call(
            page.operation.id, business_id=page.business, params=page.params, query=query
        )
        return list(reply.json()) if reply.ok else []

    def _delete(self, page: Page) -> None:
        """Delete a record of the page before: by an operation, or else hide it in its table."""
        records = self._records(page, {**page.query, "page": int(page.query["page"]) - 1})
        if not records:
            return
        self.random.shuffle(records)
        resource = resource_of(page.operation.id)[0]
        deletion = resource.operation("delete")
        if resource.name in ("transactions", "transaction_lines"):
            self._erase(page.business, records[0].get("id") or records[0]["transactionId"])
            return
        if deletion:
            # Not every record can be deleted: one that is in use is refused.
            for record in records[:_CANDIDATES]:
                names = dict.fromkeys(deletion.path_parameters, record["id"]) | dict(page.params)
                if self.engine.call(deletion.id, business_id=page.business, params=names).ok:
                    return
        with self.engine.transaction():
            self.engine.db.execute(
                f"UPDATE {TABLES[resource.entity]} SET hidden = 1 WHERE business = ? AND id = ?",
                (page.business, records[0]["id"]),
            )

    def _erase(self, business: int, transaction: int) -> None:
        """Delete a transaction from the database, since the ledger has no operation for it."""
        with self.engine.transaction():
            for table in ("transactions", "lines"):
                self.engine.db.execute(
                    f"DELETE FROM {table} WHERE business = ? AND id = ?",
                    (business, transaction),
                )

    def _add(self, page: Page) -> None:
        """Add a record like the first one of the listing."""
        resource = resource_of(page.operation.id)[0]
        records = self._records(page, {"limit": 1})
        business, params = page.business, page.params
        if resource.name in ("transactions", "transaction_lines"):
            self._add_journal(business, records[0]["accountingDate"] if records else "2024-01-01")
            return
        creation = resource.operation("create")
        if not records or creation is None:
            return
        if creation.body == "bytes":
            names = {**params, "fileName": "added.txt"}
            self.engine.call(creation.id, business_id=business, params=names, body=b"added")
            return
        allowed = body_schema(creation.id)["properties"]
        body = {name: value for name, value in records[0].items() if name in allowed}
        if resource.entity == "allocation":
            body = self._unallocated_pair(business, params["invoiceType"], body)
        self.engine.call(creation.id, business_id=business, params=params, body=body)

    def _add_journal(self, business: int, day: str) -> None:
        lines = [{"accountCodeId": 9501001, "amount": 1}, {"accountCodeId": 9001002, "amount": -1}]
        body = {"accountingDate": day, "description": "Added while reading", "lines": lines}
        self.engine.call("createJournal", business_id=business, body=body)

    def _unallocated_pair(
        self, business: int, side: str, like: Mapping[str, Any]
    ) -> dict[str, Any]:
        """A new invoice and a new payment of one pound, as the body of an allocation."""
        sales = side == "sales"
        kind = {"salesType": "invoices"} if sales else {"purchaseType": "bills"}
        title = "Sales" if sales else "Purchase"
        id_name = "salesId" if sales else "purchaseId"
        found = self.engine.call(
            f"get{title}Document", business_id=business, params=kind | {id_name: like["invoiceId"]}
        ).json()
        contact = found["customerId" if sales else "supplierId"]
        bank = self.engine.call("listBankAccounts", business_id=business).json()[0]
        line = found["lineItems"][0] | {"unitPrice": 1, "quantity": 1, "vatRateKey": "0.00:Zero"}
        invoice = {
            "date": found["date"],
            "vatTreatment": "UK",
            "customerId" if sales else "supplierId": contact,
            "lineItems": [line],
        }
        payment = {
            "date": found["date"],
            "description": "Added while reading",
            "amount": 1 if sales else -1,
            "contactId": contact,
            "bankAccountId": bank["id"],
        }
        made = self.engine.call(
            f"create{title}Document", business_id=business, params=kind, body=invoice
        ).json()
        paid = self.engine.call("createPayment", business_id=business, body=payment).json()
        return {
            "invoiceId": made["id"],
            "paymentId": paid["id"],
            "allocationType": "payment",
            "amount": 1,
        }
