"""UK practice: what the ledger must hold after each case."""

from __future__ import annotations

from decimal import Decimal

from tests.ledger import (
    BANK,
    COST,
    CREDITORS,
    DEBTORS,
    SALES,
    VAT,
    Ledger,
    allocation,
    line,
)

CIS_CREDITOR = 8503001


def test_01_invoice_at_20_percent(ledger):
    made = ledger.sale(ledger.customer())
    assert (made["gross"], made["due"], made["net"], made["vat"]) == (120, 120, 100, 20)
    assert made["status"] == "approved"
    assert ledger.balances() == {DEBTORS: 120, SALES: -100, VAT: -20}
    [transaction] = ledger.transactions()
    assert transaction["lines"] == [
        {"accountCodeId": DEBTORS, "amount": Decimal(120)},
        {"accountCodeId": SALES, "amount": Decimal(-100)},
        {"accountCodeId": VAT, "amount": Decimal(-20)},
    ]


def test_02_vat_is_rounded_line_by_line(ledger):
    made = ledger.sale(ledger.customer(), *[line("12.49")] * 3)
    assert made["vat"] == Decimal("7.50")
    assert made["gross"] == Decimal("44.97")
    assert [item["vatAmount"] for item in made["lineItems"]] == [Decimal("2.50")] * 3


def test_03_only_manual_vat_gives_ten_pounds_and_five_pence(ledger):
    customer = ledger.customer()
    assert ledger.sale(customer, line("8.38"))["gross"] == Decimal("10.06")
    manual = line("8.37", rate="Manual", vatAmount=Decimal("1.68"))
    assert ledger.sale(customer, manual)["gross"] == Decimal("10.05")


def test_04_manual_needs_its_amount_and_a_keyed_rate_ignores_one(ledger):
    customer = ledger.customer()
    body = ledger.sale_body(customer, line(100, rate="Manual"))
    assert ledger.refused("createSalesDocument", body, salesType="invoices") == (
        422,
        ["VAT_AMOUNT"],
    )
    assert ledger.sale(customer, line(100, vatAmount=3))["vat"] == 20


def test_05_illegal_rate_names_the_legal_ones(ledger):
    body = ledger.sale_body(ledger.customer(), vatTreatment="GE")
    reply = ledger.call("createSalesDocument", body, salesType="invoices")
    assert reply.status == 422
    assert "legal: 0.00:Zero" in reply.json()["errors"][0]["errorMessage"]


def test_06_rate_of_its_day(ledger):
    customer = ledger.customer()
    old = ledger.sale(customer, line(100, rate="17.50:Standard"), date="2011-01-03")
    assert old["vat"] == Decimal("17.50")
    assert ledger.sale(customer, date="2011-01-04")["vat"] == 20
    for day, rate in (
        ("2011-01-03", "20.00:Standard"),
        ("2011-01-04", "17.50:Standard"),
        ("2009-06-01", "17.50:Standard"),
    ):
        body = ledger.sale_body(customer, line(100, rate=rate), date=day)
        assert ledger.refused("createSalesDocument", body, salesType="invoices")[1] == [
            "VAT_RATE_KEY"
        ]
    temporary = ledger.sale(customer, line(100, rate="15.00:Standard"), date="2009-06-01")
    assert temporary["vat"] == 15


def test_07_domestic_reverse_charge(ledger, engine):
    engine.switch_on(ledger.business, "reverse-charge")
    made = ledger.bill(ledger.supplier(), vatTreatment="DRC")
    assert (made["gross"], made["net"], made["vat"]) == (100, 100, 0)
    assert ledger.balances() == {CREDITORS: -100, COST: 100}
    # Both sides of the VAT stand in the VAT account and leave nothing due.
    [transaction] = ledger.transactions()
    assert [row["amount"] for row in transaction["lines"] if row["accountCodeId"] == VAT] == [
        20,
        -20,
    ]
    other = Ledger(engine, engine.add_business("Without"))
    body = other.bill_body(other.supplier(), vatTreatment="DRC")
    assert other.refused("createPurchaseDocument", body, purchaseType="bills") == (
        422,
        ["VAT_TREATMENT"],
    )


def test_08_cis_labour_and_materials(ledger, engine):
    engine.switch_on(ledger.business, "cis")
    made = ledger.bill(ledger.supplier(), line(800, 2002001), line(200, 2001003, rate="0.00:Zero"))
    assert (made["net"], made["vat"], made["gross"]) == (1000, 160, 1160)
    assert made["due"] == 1000
    assert ledger.balances() == {
        CREDITORS: -1000,
        CIS_CREDITOR: -160,
        2002001: 800,
        2001003: 200,
        VAT: 160,
    }


def test_09_credit_note_is_positive_and_mirrored(ledger):
    made = ledger.sale(ledger.customer(), line(25), kind="creditNotes")
    assert (made["gross"], made["vat"]) == (30, 5)
    assert ledger.balances() == {DEBTORS: -30, SALES: 25, VAT: 5}


def test_10_credit_note_allocated(ledger):
    customer = ledger.customer()
    invoice = ledger.sale(customer)["id"]
    note = ledger.sale(customer, line(25), kind="creditNotes")["id"]
    made = ledger.allocate(invoice, 30, credit_note=note)
    assert made == {
        "id": 1,
        "invoiceId": invoice,
        "creditNoteId": note,
        "allocationType": "creditNote",
        "amount": 30,
    }
    assert ledger.invoice(invoice)["due"] == 90
    spent = ledger.do("getSalesDocument", salesType="creditNotes", salesId=note)
    assert (spent["due"], spent["status"]) == (0, "paid")
    again = allocation(invoice, 30, credit_note=note)
    assert ledger.refused("createAllocation", again, invoiceType="sales") == (
        422,
        ["UNALLOCATED"],
    )


def test_11_part_payments(ledger):
    customer = ledger.customer()
    invoice = ledger.sale(customer)["id"]
    ledger.allocate(invoice, 50, payment=ledger.pay(customer, 50, date="2024-03-10"))
    found = ledger.invoice(invoice)
    assert (found["due"], found["status"], found.get("datePaid")) == (70, "approved", None)
    ledger.allocate(invoice, 70, payment=ledger.pay(customer, 70, date="2024-04-02"))
    found = ledger.invoice(invoice)
    assert (found["due"], found["status"], found["datePaid"]) == (0, "paid", "2024-04-02")
    assert ledger.balances() == {BANK: 120, SALES: -100, VAT: -20}


def test_12_overpayment_is_never_allocated_whole(ledger):
    customer = ledger.customer()
    invoice = ledger.sale(customer)["id"]
    payment = ledger.pay(customer, 150)
    assert ledger.refused(
        "createAllocation", allocation(invoice, 150, payment), invoiceType="sales"
    ) == (422, ["DUE"])
    ledger.allocate(invoice, 120, payment=payment)
    assert ledger.engine.books(ledger.business).payment(payment)["unallocated"] == 30


def test_13_supplier_payment_is_negative(ledger):
    supplier = ledger.supplier()
    bill = ledger.bill(supplier, line(200, COST))["id"]
    wrong = ledger.pay(supplier, 240)
    assert ledger.refused(
        "createAllocation", allocation(bill, 240, wrong), invoiceType="purchases"
    ) == (422, ["SIGN"])
    ledger.do("deletePayment", paymentId=wrong)
    ledger.allocate(bill, 240, payment=ledger.pay(supplier, -240), side="purchases")
    found = ledger.do("getPurchaseDocument", purchaseType="bills", purchaseId=bill)
    assert (found["due"], found["status"]) == (0, "paid")
    assert ledger.balances() == {BANK: -240, COST: 200, VAT: 40}


def test_14_refund_is_a_negative_payment_and_not_allocated(ledger):
    customer = ledger.customer()
    invoice = ledger.sale(customer)["id"]
    refund = ledger.pay(customer, -30)
    assert ledger.balances()[DEBTORS] == 150
    assert ledger.refused(
        "createAllocation", allocation(invoice, 30, refund), invoiceType="sales"
    ) == (422, ["SIGN"])


def test_15_currencies_do_not_mix(ledger):
    customer = ledger.customer()
    body = ledger.sale_body(customer, exchangeRate=2)
    assert ledger.refused("createSalesDocument", body, salesType="invoices") == (
        422,
        ["EXCHANGE_RATE"],
    )
    invoice = ledger.sale(customer, currency="USD", exchangeRate=Decimal("1.25"))
    assert (invoice["gross"], invoice["exchangeRate"]) == (120, Decimal("1.25"))
    assert ledger.balances() == {DEBTORS: 96, SALES: -80, VAT: -16}
    euros = ledger.do("createBankAccount", {"name": "Euros", "currency": "EUR"})["id"]
    payment = ledger.pay(customer, 100, euros, exchangeRate=Decimal("1.2"))
    assert ledger.refused(
        "createAllocation", allocation(invoice["id"], 50, payment), invoiceType="sales"
    ) == (422, ["CURRENCY"])


def test_16_update_of_a_paid_invoice(ledger):
    customer = ledger.customer()
    invoice = ledger.sale(customer, reference="A")
    joined = ledger.allocate(invoice["id"], 120, payment=ledger.pay(customer, 120))
    before = ledger.balances()
    new = ledger.do(
        "updateSalesDocument", {"reference": "B"}, salesType="invoices", salesId=invoice["id"]
    )
    assert new["id"] != invoice["id"]
    assert (new["due"], new["status"], new["reference"]) == (0, "paid", "B")
    assert new["documentNumber"] == invoice["documentNumber"]
    reply = ledger.call("getSalesDocument", salesType="invoices", salesId=invoice["id"])
    assert (reply.status, reply.headers["Location"]) == (
        303,
        f"/v1/accounting/sales/invoices/{new['id']}",
    )
    found = ledger.do("listAllocations", invoiceType="sales", query={"invoiceId": new["id"]})
    assert found == [joined | {"invoiceId": new["id"]}]
    assert ledger.balances() == before


def test_17_payroll_journal(ledger):
    lines = [(4001001, 3750), (4001002, 1000), (4001005, 250), (BANK, -5000)]
    body = {
        "accountingDate": "2024-03-31",
        "description": "Payroll March",
        "lines": [{"accountCodeId": code, "amount": amount} for code, amount in lines],
    }
    made = ledger.do("createJournal", body)
    assert made["id"] == 1
    assert ledger.balances() == dict(lines)
    [transaction] = ledger.transactions()
    assert transaction["lines"] == [{"accountCodeId": c, "amount": a} for c, a in lines]
    body["lines"][0]["amount"] = Decimal("3750.01")
    assert ledger.refused("createJournal", body) == (422, ["UNBALANCED"])


def test_18_same_bank_statement_twice(ledger):
    [feed] = ledger.do("createBankFeeds", {"items": [{"accountId": 1}]})["items"]
    item = {
        "feedId": feed["id"],
        "statementLines": [
            {
                "transactionId": "a",
                "transactionDate": "2024-03-31",
                "description": "x",
                "amount": Decimal("-15.99"),
            },
            {
                "transactionId": "b",
                "transactionDate": "2024-04-01",
                "description": "y",
                "amount": 3,
            },
        ],
    }
    first = ledger.do("createBankStatements", {"items": [item]})
    again = ledger.do("createBankStatements", {"items": [item]})
    assert first == again
    assert [s["id"] for s in first["items"]] == [1, 2]
    kept = ledger.engine.books(ledger.business).statements()
    assert [(s["month"], len(s["lines"])) for s in kept] == [("2024-03", 1), ("2024-04", 1)]


def test_19_negative_total_is_a_credit_note(ledger):
    ledger.engine.dialects.on("no-negative-totals")
    body = ledger.sale_body(ledger.customer(), line(100), line(-150))
    assert ledger.refused("createSalesDocument", body, salesType="invoices") == (
        422,
        ["NEGATIVE_TOTAL"],
    )
    discount = ledger.sale(1, line(100), line(-40))
    assert discount["gross"] == 72
