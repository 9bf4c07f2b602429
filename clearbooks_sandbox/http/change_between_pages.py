"""Changes to a listing while somebody reads it: the faults between pages."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from clearbooks.contract import load_contract
from clearbooks_sandbox.validation import body_schema, resource_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from clearbooks.contract import Operation
    from clearbooks_sandbox.accounting.engine import AccountingEngine

_TABLES = {
    "account_code": "account_codes",
    "bank_account": "bank_accounts",
    "customer": "contacts",
    "supplier": "contacts",
    "sales_document": "documents",
    "purchase_document": "documents",
    "payment": "payments",
    "allocation": "allocations",
    "stock_item": "stock_items",
    "attachment": "attachments",
}
_CANDIDATES = 20


class Disturbance:
    """Deletes and adds records of the listing that a request reads."""

    def __init__(self, engine: AccountingEngine, seed: int = 0) -> None:
        self.engine = engine
        self.random = random.Random(seed)  # noqa: S311 - repeatable on purpose

    def strike(
        self,
        kind: str,
        business: int,
        operation: Operation,
        params: Mapping[str, Any],
        query: Mapping[str, Any],
    ) -> None:
        """Carry out `delete-`, `add-` or `replace-between-pages`."""
        action = kind.partition("-")[0]
        if action in ("delete", "replace"):
            self._delete(business, operation, params, query)
        if action in ("add", "replace"):
            self._add(business, operation, params)

    def _records(
        self,
        business: int,
        operation: Operation,
        params: Mapping[str, Any],
        query: Mapping[str, Any],
    ) -> list[dict[str, Any]]:
        reply = self.engine.call(operation.id, business_id=business, params=params, query=query)
        return list(reply.json()) if reply.status == 200 else []  # noqa: PLR2004

    def _delete(
        self,
        business: int,
        operation: Operation,
        params: Mapping[str, Any],
        query: Mapping[str, Any],
    ) -> None:
        """Delete a record of the page before, as the API would, or else out of the table."""
        before = {**query, "page": int(query["page"]) - 1}
        records = self._records(business, operation, params, before)
        self.random.shuffle(records)
        resource = resource_of(operation.id)[0]
        deletion = resource.operation("delete")
        if resource.name in ("transactions", "transaction_lines"):
            if records:
                self._erase(business, records[0].get("id") or records[0]["transactionId"])
            return
        for record in records[:_CANDIDATES] if deletion else ():
            assert deletion  # noqa: S101 - the loop is empty without
            names = dict.fromkeys(deletion.path_parameters, record["id"]) | dict(params)
            reply = self.engine.call(deletion.id, business_id=business, params=names)
            if reply.status < 300:  # noqa: PLR2004
                return
        if records:
            with self.engine.transaction():
                self.engine.db.execute(
                    f"UPDATE {_TABLES[resource.entity]} SET hidden = 1 "  # noqa: S608 - our names
                    "WHERE business = ? AND id = ?",
                    (business, records[0]["id"]),
                )

    def _erase(self, business: int, transaction: int) -> None:
        """Take a whole transaction away, which the ledger itself never does."""
        with self.engine.transaction():
            for table in ("transactions", "lines"):
                self.engine.db.execute(
                    f"DELETE FROM {table} WHERE business = ? AND id = ?",  # noqa: S608
                    (business, transaction),
                )

    def _add(self, business: int, operation: Operation, params: Mapping[str, Any]) -> None:
        """Add a record like the first one of the listing."""
        resource = resource_of(operation.id)[0]
        if resource.name in ("transactions", "transaction_lines"):
            self._add_journal(business, operation)
            return
        records = self._records(business, operation, params, {"limit": 1})
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
            body = self._open_pair(business, params["invoiceType"], body)
        self.engine.call(creation.id, business_id=business, params=params, body=body)

    def _add_journal(self, business: int, operation: Operation) -> None:
        dates = self._records(business, operation, {}, {"limit": 1})
        day = dates[0]["accountingDate"] if dates else "2024-01-01"
        lines = [{"accountCodeId": 9002001, "amount": 1}, {"accountCodeId": 9001002, "amount": -1}]
        body = {"accountingDate": day, "description": "Added while reading", "lines": lines}
        self.engine.call("createJournal", business_id=business, body=body)

    def _open_pair(self, business: int, side: str, like: Mapping[str, Any]) -> dict[str, Any]:
        """A new invoice and a payment of one pound that wait to be joined."""
        sales = side == "sales"
        kind = {"salesType": "invoices"} if sales else {"purchaseType": "bills"}
        title = "Sales" if sales else "Purchase"
        id_name = "salesId" if sales else "purchaseId"
        found = self.engine.call(
            f"get{title}Document", business_id=business, params=kind | {id_name: like["invoiceId"]}
        ).json()
        contact = found["customerId" if sales else "supplierId"]
        bank = self._records(business, load_contract().operations["listBankAccounts"], {}, {})[0]
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
