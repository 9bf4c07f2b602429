"""Whatever is done in whatever order: the books balance, and what is due adds up."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from clearbooks_sandbox import AccountingEngine
from clearbooks_sandbox.accounting.money import to_home
from tests.ledger import (
    COST,
    CREDITORS,
    DEBTORS,
    SALES,
    Ledger,
    allocation,
    line,
)

PRICES = st.decimals("-50", "500", places=2)
QUANTITIES = st.decimals("0", "20", places=3)
RATES = st.sampled_from(["20.00:Standard", "5.00:Reduced", "0.00:Zero", "0.00:Exempt"])
LINES = st.lists(st.tuples(PRICES, QUANTITIES, RATES), min_size=1, max_size=4)
AMOUNTS = st.decimals("0.01", "3000", places=2)
CURRENCIES = st.sampled_from([None, None, "USD"])
EXCHANGE_RATES = st.sampled_from([Decimal("1.25"), Decimal("1.3337"), Decimal("0.9")])
PARTS = st.sampled_from([Decimal(1), Decimal("0.5"), Decimal("0.01")])
KINDS = {
    "sales": ["invoices", "invoices", "creditNotes", "quotes"],
    "purchases": ["bills", "expenses", "creditNotes"],
}
# Exempt lines are labour of a subcontractor, so that the ledger keeps a part of them back.
CIS = {"sales": 1002002, "purchases": 2002002}
SIDES = st.sampled_from(["sales", "purchases"])
REFUSALS = {409, 422}


class Books(RuleBasedStateMachine):
    dialects = ()

    def __init__(self):
        super().__init__()
        self.engine = AccountingEngine()
        self.engine.dialects.on(*self.dialects)
        # Without it nothing that is paid would ever change here.
        self.engine.dialects.on("paid-changeable")
        self.ledger = Ledger(self.engine, self.engine.add_business("Machine", features=["cis"]))
        self.documents = []
        self.payments = []
        self.allocations = []

    @initialize()
    def begin(self):
        self.contacts = {
            "sales": [self.ledger.customer(), self.ledger.customer()],
            "purchases": [self.ledger.supplier(), self.ledger.supplier()],
        }
        dollars = {"name": "Dollars", "currency": "USD"}
        self.ledger.do("createBankAccount", dollars)

    def teardown(self):
        self.engine.close()

    def names(self, side, kind, number=None):
        name = "sales" if side == "sales" else "purchase"
        found = {f"{name}Type": kind}
        return found if number is None else found | {f"{name}Id": number}

    def try_(self, operation, body=None, **params):
        """Carry out or be refused by a rule of the ledger; nothing else may happen."""
        reply = self.ledger.call(operation, body, **params)
        assert reply.status < 300 or reply.status in REFUSALS, (reply.status, reply.body)
        return reply.json() if reply.status < 300 and reply.body else None

    def body(self, side, lines, currency, rate, contact):
        account = SALES if side == "sales" else COST
        accounts = {"0.00:Exempt": CIS[side]}
        found = {
            "date": "2024-03-01",
            "vatTreatment": "UK",
            "customerId" if side == "sales" else "supplierId": contact,
            "lineItems": [line(p, accounts.get(r, account), r, quantity=q) for p, q, r in lines],
        }
        return found | ({"currency": currency, "exchangeRate": rate} if currency else {})

    @rule(
        side=SIDES,
        pick=st.integers(0, 3),
        lines=LINES,
        currency=CURRENCIES,
        rate=EXCHANGE_RATES,
        which=st.integers(0, 1),
    )
    def create(self, side, pick, lines, currency, rate, which):
        kind = KINDS[side][pick % len(KINDS[side])]
        body = self.body(side, lines, currency, rate, self.contacts[side][which])
        title = "Sales" if side == "sales" else "Purchase"
        made = self.try_(f"create{title}Document", body, **self.names(side, kind))
        if made:
            self.documents.append((side, kind, made["id"]))

    @precondition(lambda self: self.documents)
    @rule(
        data=st.data(),
        lines=st.one_of(st.none(), LINES),
        reprice=st.booleans(),
        rate=EXCHANGE_RATES,
    )
    def update(self, data, lines, reprice, rate):
        side, kind, number = data.draw(st.sampled_from(self.documents))
        title = "Sales" if side == "sales" else "Purchase"
        change = {"reference": "changed"}
        if lines:
            change["lineItems"] = self.body(side, lines, None, rate, 1)["lineItems"]
        if reprice:
            change |= {"currency": "USD", "exchangeRate": rate}
        params = self.names(side, kind, number)
        made = self.try_(f"update{title}Document", change, **params)
        if made and made["id"] != number:
            self.documents.append((side, kind, made["id"]))

    @precondition(lambda self: self.documents)
    @rule(data=st.data())
    def void(self, data):
        side, kind, number = data.draw(st.sampled_from(self.documents[-3:]))
        title = "Sales" if side == "sales" else "Purchase"
        self.ledger.call(f"delete{title}Document", **self.names(side, kind, number))
        if kind == "quotes":  # gone for good, which a voided document is not
            self.documents.remove((side, kind, number))

    @rule(
        side=SIDES,
        amount=AMOUNTS,
        refund=st.integers(0, 3).map(lambda n: n == 3),
        bank=st.integers(1, 2),
        which=st.integers(0, 1),
        rate=EXCHANGE_RATES,
    )
    def pay(self, side, amount, refund, bank, which, rate):
        sign = (1 if side == "sales" else -1) * (-1 if refund else 1)
        fields = {"exchangeRate": rate} if bank == 2 else {}
        contact = self.contacts[side][which]
        self.payments.append((side, self.ledger.pay(contact, sign * amount, bank, **fields)))

    @precondition(lambda self: self.payments)
    @rule(data=st.data(), amount=AMOUNTS, bank=st.integers(1, 2))
    def change_payment(self, data, amount, bank):
        side, number = data.draw(st.sampled_from(self.payments))
        body = {
            "date": "2024-05-01",
            "description": "changed",
            "bankAccountId": bank,
            "amount": amount if side == "sales" else -amount,
            "contactId": self.contacts[side][0],
        }
        if self.ledger.call("getPayment", paymentId=number).status == 200:
            self.try_("updatePayment", body, paymentId=number)

    @precondition(lambda self: self.payments)
    @rule(data=st.data())
    def delete_payment(self, data):
        _, number = data.draw(st.sampled_from(self.payments))
        self.ledger.call("deletePayment", paymentId=number)

    @precondition(lambda self: self.documents and self.payments)
    @rule(data=st.data(), amount=AMOUNTS, by_credit=st.booleans())
    def allocate_anything(self, data, amount, by_credit):
        side, _, invoice = data.draw(st.sampled_from(self.documents))
        if by_credit:
            body = allocation(invoice, amount, None, data.draw(st.sampled_from(self.documents))[2])
        else:
            body = allocation(invoice, amount, data.draw(st.sampled_from(self.payments))[1])
        made = self.try_("createAllocation", body, invoiceType=side)
        if made:
            self.allocations.append((side, made["id"]))

    def pairs(self):
        """Open invoices with what may clear them: (side, invoice, body, most)."""
        books = self.engine.books(self.ledger.business)
        for side in ("sales", "purchases"):
            documents = [d for d in books.documents(side) if d.get("due", 0) > 0]
            sign = 1 if side == "sales" else -1
            contact = "customerId" if side == "sales" else "supplierId"
            for invoice in (d for d in documents if d["kind"] in ("invoices", "bills", "expenses")):
                for note in (d for d in documents if d["kind"] == "creditNotes"):
                    if (note[contact], note["currency"]) == (invoice[contact], invoice["currency"]):
                        body = allocation(invoice["id"], 1, None, note["id"])
                        yield side, body, min(invoice["due"], note["due"])
                for payment in books.payments(contact_id=invoice[contact]):
                    left = sign * payment["unallocated"]
                    if left > 0 and payment["currency"] == invoice["currency"]:
                        body = allocation(invoice["id"], 1, payment["id"])
                        yield side, body, min(invoice["due"], left)

    def open_invoices(self):
        books = self.engine.books(self.ledger.business)
        return [
            d
            for side in ("sales", "purchases")
            for d in books.documents(side)
            if d.get("due", 0) > 0 and d["kind"] in ("invoices", "bills", "expenses")
        ]

    @precondition(lambda self: self.open_invoices())
    @rule(data=st.data(), part=PARTS, over=st.booleans(), rate=EXCHANGE_RATES)
    def settle(self, data, part, over, rate):
        """Pay an open invoice, whole or in part, with something left of the payment or not."""
        invoice = data.draw(st.sampled_from(self.open_invoices()))
        side = invoice["side"]
        wanted = max((invoice["due"] * part).quantize(Decimal("0.01")), Decimal("0.01"))
        contact = invoice["customerId" if side == "sales" else "supplierId"]
        foreign = invoice["currency"] != "GBP"
        amount = (wanted + (5 if over else 0)) * (1 if side == "sales" else -1)
        fields = {"exchangeRate": rate} if foreign else {}
        payment = self.ledger.pay(contact, amount, 2 if foreign else 1, **fields)
        self.payments.append((side, payment))
        made = self.ledger.allocate(invoice["id"], wanted, payment=payment, side=side)
        self.allocations.append((side, made["id"]))

    @precondition(lambda self: any(self.pairs()))
    @rule(data=st.data(), part=PARTS)
    def allocate_what_fits(self, data, part):
        side, body, most = data.draw(st.sampled_from(list(self.pairs())))
        body["amount"] = max((most * part).quantize(Decimal("0.01")), Decimal("0.01"))
        made = self.ledger.do("createAllocation", body, invoiceType=side)
        self.allocations.append((side, made["id"]))

    @precondition(lambda self: self.allocations)
    @rule(data=st.data())
    def release(self, data):
        side, number = data.draw(st.sampled_from(self.allocations))
        self.ledger.call("deleteAllocation", invoiceType=side, allocationId=number)

    @precondition(lambda self: len(self.documents) % 4 == 3)
    @rule(amount=AMOUNTS)
    def journal(self, amount):
        lines = [
            {"accountCodeId": 4001001, "amount": amount},
            {"accountCodeId": 8503005, "amount": -amount},
        ]
        self.ledger.do("createJournal", {"accountingDate": "2024-03-31", "lines": lines})

    @invariant()
    def the_books_balance(self):
        rows = self.engine.books(self.ledger.business).trial_balance()
        assert sum(row.balance for row in rows) == 0
        transactions = []
        while not transactions or len(transactions) % 200 == 0:
            page = len(transactions) // 200 + 1
            query = {"limit": 200, "page": page}
            found = self.ledger.do("listTransactions", query=query)
            transactions += found
            if not found:
                break
        numbers = [t["id"] for t in transactions]
        assert numbers == sorted(set(numbers))
        for transaction in transactions:
            assert sum(x["amount"] for x in transaction["lines"]) == 0
        query = {"accountingDateFrom": "2000-01-01", "accountingDateTo": "2099-12-31"}
        balances = self.ledger.do("listAccountBalances", query=query)
        assert {b["accountCodeId"]: b["balance"] for b in balances} == {
            row.account_code: row.balance for row in rows
        }

    @invariant()
    def what_is_due_adds_up(self):
        books = self.engine.books(self.ledger.business)
        allocations = [
            a
            for side in ("sales", "purchases")
            for a in self.ledger.do("listAllocations", invoiceType=side, query={"limit": 200})
        ]
        open_, slack = {"sales": Decimal(0), "purchases": Decimal(0)}, Decimal(0)
        for document in [*books.documents("sales"), *books.documents("purchases")]:
            if document["kind"] == "quotes":
                continue
            mine = [
                a for a in allocations if document["id"] in (a["invoiceId"], a.get("creditNoteId"))
            ]
            payable = document["gross"] - deducted(document)
            assert document["due"] == payable - sum(a["amount"] for a in mine)
            low, high = sorted((Decimal(0), payable))
            assert low <= document["due"] <= high
            assert document["net"] + document["vat"] == document["gross"]
            wanted = "approved" if document["due"] else "paid"
            assert document["status"] == wanted
            assert ("datePaid" in document) is (wanted == "paid")
            rate = document.get("exchangeRate", Decimal(1))
            sign = -1 if document["kind"] == "creditNotes" else 1
            open_[document["side"]] += sign * home(document["due"], rate)
            if rate != 1:  # each line and each allocation is rounded to a penny of home currency
                slack += Decimal("0.01") * (8 + 2 * len(mine))
        for payment in books.payments():
            used = abs(payment["amount"]) - abs(payment["unallocated"])
            assert used >= 0
            assert (payment["unallocated"] < 0) <= (payment["amount"] < 0)
            rate = payment.get("exchangeRate", Decimal(1))
            side = "sales" if payment["contactId"] in self.contacts["sales"] else "purchases"
            sign = -1 if side == "sales" else 1
            open_[side] += sign * home(payment["unallocated"], rate)
            slack += Decimal("0.01") * (rate != 1) * (2 + len(allocations))
        rows = {row.account_code: row.balance for row in books.trial_balance()}
        assert abs(rows.get(DEBTORS, 0) - open_["sales"]) <= slack
        assert abs(-rows.get(CREDITORS, 0) - open_["purchases"]) <= slack


def deducted(document):
    """30 % of the net of the lines that are labour of a subcontractor."""
    net = sum(
        (x["unitPrice"] * x["quantity"]).quantize(Decimal("0.01"), ROUND_HALF_UP)
        for x in document["lineItems"]
        if x["accountCode"] in CIS.values()
    )
    return (net * Decimal("0.3")).quantize(Decimal("0.01"), ROUND_HALF_UP)


def home(value, rate):
    return Decimal(to_home(int(value * 100), rate)) / 100


class BooksWithoutReversals(Books):
    """Where a void takes the transaction away; the same holds."""

    dialects = ("voids-remove",)


TestBooks = Books.TestCase
TestBooks.settings = settings(
    max_examples=100,
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestBooksWithoutReversals = BooksWithoutReversals.TestCase
TestBooksWithoutReversals.settings = settings(TestBooks.settings, max_examples=25)
