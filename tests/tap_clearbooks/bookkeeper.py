"""What bookkeepers do to a ledger: every change that the sandbox knows, chosen by numbers."""

from __future__ import annotations

import datetime as dt
import json

from clearbooks_sandbox import AccountingEngine
from clearbooks_sandbox.reply import RefusedError
from tests.ledger import ONE, TWO

TODAY = dt.datetime.now(dt.UTC).date()
# Days before today: this month, the month before, last year, and one in the future.
AGES = (0, 1, 20, 45, 400, 900, -40)
SALES, PURCHASES = {"salesType": "invoices"}, {"purchaseType": "bills"}
KINDS = {
    "sales_invoices": SALES,
    "sales_credit_notes": {"salesType": "creditNotes"},
    "quotes": {"salesType": "quotes"},
    "bills": PURCHASES,
    "purchase_credit_notes": {"purchaseType": "creditNotes"},
    "expenses": {"purchaseType": "expenses"},
}
BIG = ("sales_invoices", "bills")
ACCOUNTS = {"customerId": 1001001, "supplierId": 2001001}
ALLOCATION_SIDES = {
    "sales": ("sales_invoices", "sales_credit_notes"),
    "purchases": ("bills", "purchase_credit_notes"),
}


class Refused(Exception):  # noqa: N818 - no fault: the ledger does not allow everything
    """The ledger does not allow it, or there is nothing to do it to."""


class Bookkeeper:
    """Does one thing at a time to one business; numbers choose to what, and how.

    Attributes:
        edited: What was changed in place, and leaves no sign: (stream, business, ID) -> fields,
            `date` of drafts among them.
    """

    def __init__(self, engine: AccountingEngine) -> None:
        self.engine = engine
        self.edited = {}

    def do(self, operation, body=None, *, business, **params):
        reply = self.engine.call(
            operation, business_id=business, params=params, query={}, body=body
        )
        if not reply.ok:
            raise Refused(reply.body)
        return json.loads(reply.body) if reply.body else None

    def pick(self, business, table, number, **where):
        """One of the records of a table that are listed."""
        conditions = "".join(f" AND {name} = ?" for name in where)
        rows = self.engine.db.execute(
            f"SELECT json FROM {table} WHERE business = ? AND hidden = 0{conditions} ORDER BY id",  # noqa: S608
            (business, *where.values()),
        ).fetchall()
        if not rows:
            raise Refused(table)
        return json.loads(rows[number % len(rows)][0])

    def document(self, business, stream, number, **where):
        ((field, kind),) = KINDS[stream].items()
        side = field.removesuffix("Type").replace("purchase", "purchases")
        return self.pick(business, "documents", number, side=side, kind=kind, **where)

    def on_document(self, verb, stream, document, body=None, *, business):
        sales = "salesType" in KINDS[stream]
        params = {**KINDS[stream], "salesId" if sales else "purchaseId": document}
        title = "Sales" if sales else "Purchase"
        return self.do(f"{verb}{title}Document", body, business=business, **params)

    def day(self, number):
        return (TODAY - dt.timedelta(days=AGES[number % len(AGES)])).isoformat()

    # Documents

    def body(self, business, stream, a, b):
        contact = "customerId" if "salesType" in KINDS[stream] else "supplierId"
        line = {
            "description": "Work",
            "unitPrice": b % 90 + 1,
            "quantity": 1,
            "accountCode": ACCOUNTS[contact],
            "vatRateKey": "20.00:Standard",
        }
        lines, more = [line], {}
        special = b % 16
        if special == 1:
            lines = [{**line, "unitPrice": 0}]
        elif special == 2:
            lines = [line, {**line, "unitPrice": -line["unitPrice"]}]
        elif special == 3:
            more = {"currency": "EUR"}
        elif special == 4:
            more = {"dateAccrual": self.day(a + 1)}
        who = self.pick(business, "contacts", a, kind=f"{contact.removesuffix('Id')}s")["id"]
        return {"date": self.day(a), "vatTreatment": "UK", contact: who, "lineItems": lines, **more}

    def write(self, business, stream, a, b):
        title = "Sales" if "salesType" in KINDS[stream] else "Purchase"
        body = self.body(business, stream, a, b)
        return self.do(f"create{title}Document", body, business=business, **KINDS[stream])

    def issue(self, business, a, b):
        self.write(business, list(KINDS)[a % len(KINDS)], a // 8, b)

    def invoice_or_bill(self, business, a, b):
        self.write(business, BIG[a % 2], a // 2, b)

    def draft(self, business, a, b):
        stream = (*BIG, "sales_credit_notes", "expenses")[a % 4]
        title = "Sales" if "salesType" in KINDS[stream] else "Purchase"
        body = self.body(business, stream, a // 4, b)
        self.engine.add_draft(
            f"create{title}Document", business_id=business, params=KINDS[stream], body=body
        )

    def approve(self, business, a, b):
        stream = list(KINDS)[b % len(KINDS)]
        draft = self.document(business, stream, a, status="draft")
        self.engine.approve_draft(business, stream, draft["id"])

    def edit_a_draft(self, business, a, b):
        stream = list(KINDS)[b % len(KINDS)]
        draft = self.document(business, stream, a, status="draft")
        body = {"description": f"Edited {b}", "date": self.day(b // 8)}
        self.on_document("update", stream, draft["id"], body, business=business)
        self.edited.setdefault((stream, business, draft["id"]), set()).add("date")

    def revise(self, business, a, b):
        stream = list(KINDS)[b % len(KINDS)]
        found = self.document(business, stream, a)
        body = {"description": f"Revised {b}"} if b % 3 else {"date": self.day(b // 8)}
        self.on_document("update", stream, found["id"], body, business=business)

    def void(self, business, a, b):
        stream = list(KINDS)[b % len(KINDS)]
        found = self.document(business, stream, a)
        self.on_document("delete", stream, found["id"], business=business)

    def void_an_invoice_or_bill(self, business, a, b):
        stream = BIG[b % 2]
        found = self.document(business, stream, a)
        self.on_document("delete", stream, found["id"], business=business)

    def edit_text_in_place(self, business, a, b):
        streams = (*KINDS, "payments")
        stream = streams[b % len(streams)]
        if stream == "payments":
            found = self.pick(business, "payments", a)
        else:
            found = self.document(business, stream, a)
        self.edit(business, stream, found, description=f"By hand {b}")

    def change_a_payments_method(self, business, a, b):
        found = self.pick(business, "payments", a)
        bank = self.pick(business, "bank_accounts", 0, id=found["bankAccountId"])
        methods = bank["paymentMethods"]
        self.edit(business, "payments", found, paymentMethodId=methods[b % len(methods)]["id"])

    def edit(self, business, stream, found, **fields):
        self.engine.edit_text(business, stream, found["id"], **fields)
        for field in fields:
            self.edited.setdefault((stream, business, found["id"]), set()).add(field)

    # Payments and allocations

    def payment(self, business, a, b, amount=None, contact=None):
        inwards = (b % 3 > 0) if amount is None else amount > 0
        if contact is None:
            kind = "customers" if inwards else "suppliers"
            contact = self.pick(business, "contacts", a, kind=kind)["id"]
        whole = amount if amount is not None else (b % 50 + 1) * (1 if inwards else -1)
        body = {
            "date": self.day(a),
            "description": "Paid",
            "amount": whole,
            "contactId": contact,
            "bankAccountId": self.pick(business, "bank_accounts", b % 7 == 0)["id"],
        }
        return self.do("createPayment", body, business=business)["id"]

    def pay(self, business, a, b):
        stream = BIG[b % 2]
        found = self.document(business, stream, a, status="approved")
        if found["due"] <= 0:
            raise Refused
        sales = stream == "sales_invoices"
        amount = found["due"] if b % 4 < 2 else round(found["due"] / 2, 2)
        paid = self.payment(
            business,
            b // 4,
            b // 4,
            amount if sales else -amount,
            found["customerId" if sales else "supplierId"],
        )
        body = {
            "invoiceId": found["id"],
            "allocationType": "payment",
            "paymentId": paid,
            "amount": amount,
        }
        side = "sales" if sales else "purchases"
        self.do("createAllocation", body, business=business, invoiceType=side)

    def allocate_by_hand(self, business, a, b):
        """A payment or credit note that is there, to an invoice or bill that is there."""
        side = list(ALLOCATION_SIDES)[b % 2]
        invoices, notes = ALLOCATION_SIDES[side]
        found = self.document(business, invoices, a, status="approved")
        contact = found["customerId" if side == "sales" else "supplierId"]
        if b % 4 < 2:
            source = self.pick(business, "payments", b // 4, contact=contact)
            ends = {"allocationType": "payment", "paymentId": source["id"]}
        else:
            source = self.document(business, notes, b // 4, contact=contact)
            ends = {"allocationType": "creditNote", "creditNoteId": source["id"]}
        body = {"invoiceId": found["id"], "amount": 0.5, **ends}
        self.do("createAllocation", body, business=business, invoiceType=side)

    def un_allocate(self, business, a, b):
        side = list(ALLOCATION_SIDES)[b % 2]
        found = self.pick(business, "allocations", a, side=side)
        self.do("deleteAllocation", business=business, invoiceType=side, allocationId=found["id"])

    def change_a_payment(self, business, a, b):
        found = self.pick(business, "payments", a)
        bodies = (
            {"description": f"Changed {b}"},
            {"amount": round(found["amount"] * 2, 2)},
            {"date": self.day(b // 4), "accountingDate": self.day(b // 4)},
            {"contactId": self.pick(business, "contacts", b // 4)["id"]},
        )
        body = bodies[b % 4]
        sent = {
            name: found[name]
            for name in ("date", "description", "amount", "contactId", "bankAccountId")
        } | body
        self.do("updatePayment", sent, business=business, paymentId=found["id"])
        if "description" in body:
            self.edited.setdefault(("payments", business, found["id"]), set()).add("description")

    def delete_a_payment(self, business, a, _):
        found = self.pick(business, "payments", a)
        self.do("deletePayment", business=business, paymentId=found["id"])

    def journal(self, business, a, b):
        lines = [
            {"accountCodeId": 4001001, "amount": b % 9 + 1},
            {"accountCodeId": 8001001, "amount": -(b % 9 + 1)},
        ]
        body = {"accountingDate": self.day(a), "description": "J", "lines": lines}
        self.do("createJournal", body, business=business)

    # Lists

    def new_contact(self, business, a, b):
        self.do(
            ("createCustomer", "createSupplier")[a % 2], {"name": f"New {b}"}, business=business
        )

    def change_a_contact(self, business, a, b):
        kind, title = (("customer", "Customer"), ("supplier", "Supplier"))[b % 2]
        found = self.pick(business, "contacts", a, kind=f"{kind}s")
        changed = {"archived": not found["archived"]} if b % 3 else {"name": f"Renamed {b}"}
        body = {"name": found["name"], **changed}
        self.do(f"update{title}", body, business=business, **{f"{kind}Id": found["id"]})

    def delete_a_contact(self, business, a, b):
        kind, title = (("customer", "Customer"), ("supplier", "Supplier"))[b % 2]
        made = self.do(f"create{title}", {"name": "For a day"}, business=business)
        found = self.pick(business, "contacts", a, kind=f"{kind}s") if b % 3 else made
        self.do(f"delete{title}", business=business, **{f"{kind}Id": found["id"]})

    def change_the_chart(self, business, a, b):
        if b % 4 == 0:
            body = {"name": f"Account {b}", "heading": 4001, "purchases": True}
            self.do("createAccountCode", body, business=business)
            return
        used = {4001001, 8001001, *ACCOUNTS.values()}
        found = self.pick(business, "account_codes", a)
        if found["id"] in used or found["id"] // 1000 >= 7500:
            raise Refused
        if b % 4 == 1:
            self.engine.archive(business, "account_codes", found["id"])
        elif b % 4 == 2:
            self.do("deleteAccountCode", business=business, accountCodeId=found["id"])
        else:
            self.do(
                "updateAccountCode",
                {"name": f"Renamed {b}"},
                business=business,
                accountCodeId=found["id"],
            )

    def change_the_banks(self, business, a, b):
        if b % 4 == 0:
            body = {"name": f"Bank {b}", "currency": ("GBP", "EUR")[a % 2]}
            self.do("createBankAccount", body, business=business)
            return
        found = self.pick(business, "bank_accounts", a)
        if b % 4 == 1:
            self.do(
                "updateBankAccount",
                {"name": f"Renamed {b}"},
                business=business,
                bankAccountId=found["id"],
            )
        elif found["id"] == 1:
            raise Refused
        elif b % 4 == 2:
            self.engine.archive(business, "bank_accounts", found["id"])
        else:
            self.do("deleteBankAccount", business=business, bankAccountId=found["id"])

    def change_the_stock(self, business, a, b):
        if b % 4 == 0:
            self.do("createStockItem", {"name": f"Item {b}", "type": "both"}, business=business)
            return
        found = self.pick(business, "stock_items", a)
        if b % 4 == 1:
            self.engine.archive(business, "stock_items", found["id"])
        elif b % 4 == 2:
            self.do("deleteStockItem", business=business, stockItemId=found["id"])
        else:
            self.do(
                "updateStockItem",
                {"name": f"Renamed {b}"},
                business=business,
                stockItemId=found["id"],
            )

    def rename_the_business(self, business, _, b):
        self.do("updateBusiness", {"name": f"Renamed {b}"}, business=business, businessId=business)

    def attach(self, business, a, b):
        stream = list(KINDS)[b % len(KINDS)]
        found = self.document(business, stream, a)
        sales = "salesType" in KINDS[stream]
        title, name = ("Sales", "salesId") if sales else ("Purchase", "purchaseId")
        params = {**KINDS[stream], name: found["id"]}
        if b % 2:
            self.do(
                f"create{title}Attachment",
                b"text",
                business=business,
                **params,
                fileName="note.txt",
            )
            return
        listed = self.do(f"list{title}Attachments", business=business, **params)
        if not listed:
            raise Refused
        self.do(
            f"delete{title}Attachment", business=business, **params, attachmentId=listed[0]["id"]
        )

    CHANGES = (
        issue,
        invoice_or_bill,
        draft,
        approve,
        edit_a_draft,
        revise,
        void,
        void_an_invoice_or_bill,
        edit_text_in_place,
        change_a_payments_method,
        payment,
        pay,
        allocate_by_hand,
        un_allocate,
        change_a_payment,
        delete_a_payment,
        journal,
        new_contact,
        change_a_contact,
        delete_a_contact,
        change_the_chart,
        change_the_banks,
        change_the_stock,
        rename_the_business,
        attach,
    )
    NAMES = tuple(change.__name__ for change in CHANGES)

    def act(self, name, business, a, b):
        """Make a change; whether the ledger took it."""
        try:
            getattr(self, name)(business, a, b)
        except (Refused, RefusedError):
            return False
        return True


def small_ledger():
    """Two businesses, with some pages of each listing that grows."""
    engine = AccountingEngine(None)
    assert [engine.add_business("One"), engine.add_business("Two")] == [ONE, TWO]
    engine.dialects.on("paid-changeable")
    for business in (ONE, TWO):
        _fill(Bookkeeper(engine), business)
    return engine


def _fill(keeper, business):
    documents = [
        *BIG * 13,
        *["quotes"] * 12,
        *("sales_credit_notes", "purchase_credit_notes", "expenses") * 3,
    ]
    for n in range(3):
        keeper.new_contact(business, 0, n)
        keeper.new_contact(business, 1, n)
    keeper.change_the_stock(business, 0, 0)
    for n, stream in enumerate(documents):
        keeper.write(business, stream, 3 * n, 16 * n + (7 if n % 9 else 1))
    for n in range(11):
        assert keeper.act("pay", business, 2 * n, 4 * n + n % 2)
    for n, stream in enumerate(KINDS):
        # Where voided ones stay in the listing, each has one.
        assert keeper.act("void", business, -1, n), stream
    for n in range(3):
        keeper.draft(business, n, 16 * n + 7)
        keeper.journal(business, n, n)
