"""A business of the sandbox, and short ways to use it."""

from __future__ import annotations

from decimal import Decimal

ONE, TWO = 101, 102
STANDARD = "20.00:Standard"
SALES, COST = 1001001, 2001001
DEBTORS, CREDITORS, BANK = 7501001, 8501001, 7502001
VAT, EXCHANGE = 8502001, 5001001


class Ledger:
    """One business of an engine; with `business` another one.

    Methods answer the record, or raise with the refusal.
    """

    def __init__(self, engine, business):
        self.engine, self.business = engine, business

    def call(self, operation, body=None, query=(), *, business=None, **params):
        number = business or self.business
        return self.engine.call(
            operation, business_id=number, params=params, query=dict(query), body=body
        )

    def do(self, operation, body=None, query=(), **params):
        reply = self.call(operation, body, query, **params)
        assert reply.status < 300, (reply.status, reply.body)
        return reply.json() if reply.body else None

    def refused(self, operation, body=None, query=(), **params):
        """Status and codes of a refusal."""
        reply = self.call(operation, body, query, **params)
        assert reply.status >= 400, reply.body
        return reply.status, [fault["errorCode"] for fault in reply.json()["errors"]]

    def customer(self, name="Acme Ltd", *, business=None, **fields):
        return self.do("createCustomer", {"name": name, **fields}, business=business)["id"]

    def supplier(self, name="Supplies Ltd", **fields):
        return self.do("createSupplier", {"name": name, **fields})["id"]

    def sale_body(self, customer, *lines, **fields):
        return {
            "date": "2024-03-01",
            "vatTreatment": "UK",
            "customerId": customer,
            "lineItems": list(lines or [line(100)]),
            **fields,
        }

    def sale(self, customer, *lines, kind="invoices", business=None, **fields):
        body = self.sale_body(customer, *lines, **fields)
        return self.do("createSalesDocument", body, business=business, salesType=kind)

    def bill_body(self, supplier, *lines, **fields):
        return {
            "date": "2024-03-01",
            "vatTreatment": "UK",
            "supplierId": supplier,
            "lineItems": list(lines or [line(100, COST)]),
            **fields,
        }

    def bill(self, supplier, *lines, kind="bills", **fields):
        body = self.bill_body(supplier, *lines, **fields)
        return self.do("createPurchaseDocument", body, purchaseType=kind)

    def pay(self, contact, amount, bank=1, **fields):
        body = {
            "date": "2024-03-05",
            "description": "Payment",
            "amount": amount,
            "contactId": contact,
            "bankAccountId": bank,
            **fields,
        }
        return self.do("createPayment", body)["id"]

    def allocate(self, invoice, amount, *, payment=None, credit_note=None, side="sales"):
        return self.do(
            "createAllocation", allocation(invoice, amount, payment, credit_note), invoiceType=side
        )

    def invoice(self, number):
        return self.do("getSalesDocument", salesType="invoices", salesId=number)

    def balances(self):
        """Account code -> balance, accounts that stand at 0 left out."""
        rows = self.engine.books(self.business).trial_balance()
        assert sum(row.balance for row in rows) == 0
        return {row.account_code: row.balance for row in rows if row.balance}

    def transactions(self):
        return self.do("listTransactions", query={"limit": 200})


class Served(Ledger):
    """The businesses of a served sandbox; the first one where none is named."""

    def __init__(self, server):
        super().__init__(server.engine, ONE)
        self.server = server

    def invoice(self, customer, date="2024-03-01", amount=100, **more):
        return self.sale(customer, line(amount), date=date, **more)


def allocation(invoice, amount, payment=None, credit_note=None):
    body = {"invoiceId": invoice, "amount": amount}
    if payment:
        return body | {"paymentId": payment, "allocationType": "payment"}
    return body | {"creditNoteId": credit_note, "allocationType": "creditNote"}


def line(price, account=SALES, rate=STANDARD, quantity=1, **fields):
    return {
        "description": "Thing",
        "unitPrice": Decimal(str(price)),
        "quantity": quantity,
        "accountCode": account,
        "vatRateKey": rate,
        **fields,
    }
