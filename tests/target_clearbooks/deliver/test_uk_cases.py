"""UK practice, pushed through the target as a source would send it: what the ledger must hold."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.target_clearbooks.conftest import (
    allocation,
    bill,
    customer,
    invoice,
    journal,
    line,
    payment,
    record,
    schema,
)

SALES, COST = 1001001, 2001001
DEBTORS, CREDITORS, BANK = 7501001, 8501001, 7502001
VAT, CIS = 8502001, 8503001
STREAMS = schema(
    "customers",
    "suppliers",
    "sales_invoices",
    "sales_credit_notes",
    "bills",
    "payments",
    "sales_allocations",
    "purchase_allocations",
    "bank_accounts",
    "journals",
    "bank_feeds",
    "bank_statements",
)


@pytest.fixture
def push(run):
    def push(*messages, code=0, **settings):
        assert run([*STREAMS, *messages], **settings) == code, run.rejects
        return run

    return push


def balances(run):
    sums = {}
    for transaction in run.listed("listTransactions"):
        for row in transaction["lines"]:
            number = row["accountCodeId"]
            sums[number] = sums.get(number, 0) + Decimal(str(row["amount"]))
    return {account: total for account, total in sums.items() if total}


def sale(run, kind="invoices"):
    [found] = run.listed("listSalesDocuments", salesType=kind)
    return found


def purchase(run):
    [found] = run.listed("listPurchaseDocuments", purchaseType="bills")
    return found


def reasons(run):
    return " ".join(" ".join(row["reasons"]) for row in run.rejects)


def test_01_invoice_at_20_percent(push):
    run = push(customer(), invoice())
    made = sale(run)
    assert (made["gross"], made["due"]) == (120, 120)
    assert balances(run) == {DEBTORS: 120, SALES: -100, VAT: -20}


def test_02_the_api_rounds_and_the_document_comes_out_right(push, caplog):
    caplog.set_level("INFO")
    run = push(customer(), invoice("I1", "C1", *[line("12.49")] * 3, gross="44.96"))
    assert sale(run)["gross"] == Decimal("44.96")
    assert "2.49 is sent with the rate Manual" in caplog.text
    assert '"adjusted":1' in caplog.text


def test_02_a_difference_that_is_none_of_rounding_is_told(push, caplog):
    caplog.set_level("INFO")
    run = push(customer(), invoice("I1", "C1", *[line("12.49")] * 3, gross="45.96"))
    assert sale(run)["gross"] == Decimal("44.97")
    assert "gross is 44.97 in the ledger, 45.96 in the record" in caplog.text
    assert '"differing":1' in caplog.text


def test_03_manual_vat_keeps_the_gross_price(push):
    run = push(customer(), invoice("I1", "C1", line("8.37", "Manual", vatAmount="1.68")))
    assert sale(run)["gross"] == Decimal("10.05")


def test_04_manual_needs_its_amount(push):
    run = push(customer(), invoice("I1", "C1", line("8.37", "Manual")), code=3)
    assert "vatAmount" in reasons(run)
    assert run.rejects[0]["class"] == "invalid"
    assert run.writes() == {("POST", "customers"): 1}


def test_05_illegal_rate_names_the_legal_ones(push):
    run = push(customer(), invoice(vatTreatment="GE"), code=3)
    assert "0.00:Zero" in reasons(run)
    assert not run.writes()["POST", "sales"]


def test_06_the_rate_of_its_day(push):
    run = push(customer(), invoice("I1", "C1", line(100, "17.5%"), date="2010-12-20"))
    assert sale(run)["vat"] == Decimal("17.50")
    push(invoice("I2", "C1", line(100, "17.5%"), date="2011-01-04"), code=3)


def test_07_domestic_reverse_charge(push, run):
    run.sandbox.engine.switch_on(run.business, "reverse-charge")
    push(
        record("suppliers", "S1", name="Builder"),
        bill("B1", "S1", line(account=COST), vatTreatment="Domestic reverse charge"),
    )
    assert purchase(run)["gross"] == 100
    assert balances(run) == {CREDITORS: -100, COST: 100}
    [transaction] = run.listed("listTransactions")
    posted = [row["amount"] for row in transaction["lines"] if row["accountCodeId"] == VAT]
    assert posted == [20, -20]  # both sides of the VAT, and none of it due


def test_08_cis_labour_and_materials(push, run, caplog):
    run.sandbox.engine.switch_on(run.business, "cis")
    builder = record("suppliers", "S1", name="Builder")
    labour, materials = line(800, account="CIS labour cost 20%"), line(200, "0.00:Zero", 2001003)
    messages = [
        builder,
        bill("B1", "S1", labour, materials, gross="1160.00"),
        payment("P1", "S1", "-1000.00", "supplier"),
        record(
            "purchase_allocations",
            "A1",
            bill={"externalId": "B1"},
            payment={"externalId": "P1"},
            amount="1000.00",
        ),
    ]
    push(*messages)
    # The ledger keeps the deduction back by itself: what is due is less than the gross.
    assert (purchase(run)["gross"], purchase(run)["due"]) == (1160, 0)
    assert "in the ledger" not in caplog.text
    assert balances(run) == {BANK: -1000, CIS: -160, 2002001: 800, 2001003: 200, VAT: 160}
    run.sandbox.requests.clear()
    push(*messages)
    (run.directory / "state.sqlite3").unlink()
    push(*messages)
    assert not run.writes()


def test_08_a_cis_bill_cannot_be_paid_gross(push, run):
    run.sandbox.engine.switch_on(run.business, "cis")
    push(
        record("suppliers", "S1", name="Builder"),
        bill("B1", "S1", line(1000, account=2002001)),
        payment("P1", "S1", "-1200.00", "supplier"),
    )
    whole = record(
        "purchase_allocations",
        "A1",
        bill={"externalId": "B1"},
        payment={"externalId": "P1"},
        amount="1200.00",
    )
    push(whole, code=3)
    assert "1200.00 is more than is due: 1000.00" in reasons(run)
    run.sandbox.dialects.on("no-cis-deduction")
    push(bill("B2", "S1", line(1000, account=2002001), reference="Two"))
    [_, second] = run.listed("listPurchaseDocuments", purchaseType="bills")
    assert second["due"] == 1200


def test_09_sales_credit_note(push):
    run = push(customer(), invoice("N1", "C1", line(25), stream="sales_credit_notes"))
    assert sale(run, "creditNotes")["gross"] == 30
    assert balances(run) == {DEBTORS: -30, SALES: 25, VAT: 5}


def test_10_credit_note_allocated_once(push):
    messages = [
        customer(),
        invoice(),
        invoice("N1", "C1", line(25), stream="sales_credit_notes"),
        allocation("A1", "I1", None, "30.00", creditNote={"externalId": "N1"}),
    ]
    run = push(*messages)
    assert sale(run)["due"] == 90
    run.sandbox.requests.clear()
    push(*messages)
    assert not run.writes()


def test_11_part_payments(push):
    run = push(
        customer(),
        invoice(),
        payment("P1", amount=50),
        payment("P2", amount=70),
        allocation("A1", amount=50),
    )
    assert sale(run)["due"] == 70
    assert "datePaid" not in sale(run)
    push(allocation("A2", payment_key="P2", amount=70))
    assert sale(run)["due"] == 0
    assert sale(run)["datePaid"] == "2024-05-02"


def test_12_overpayment_is_never_allocated_whole(push):
    run = push(customer(), invoice(), payment(amount=150), allocation(amount=150), code=3)
    assert "more than is due" in reasons(run)
    assert not run.writes()["POST", "allocations"]
    push(allocation(amount=120))
    assert sale(run)["due"] == 0


def test_13_supplier_payment_is_negative(push):
    run = push(
        record("suppliers", "S1", name="Shop"),
        bill("B1", "S1", line(200, account=COST)),
        payment("P1", "S1", 240, "supplier"),
        code=3,
    )
    assert run.rejects[0]["class"] == "invalid"
    push(
        payment("P1", "S1", "-240", "supplier"),
        record(
            "purchase_allocations",
            "A1",
            bill={"externalId": "B1"},
            payment={"externalId": "P1"},
            amount=240,
        ),
    )
    assert purchase(run)["due"] == 0
    assert balances(run) == {BANK: -240, COST: 200, VAT: 40}


def test_14_refund_is_not_allocated(push):
    run = push(
        customer(),
        invoice(),
        payment("R1", amount="-30.00", refund=True),
        allocation("A1", "I1", "R1", 30),
        code=3,
    )
    assert balances(run)[DEBTORS] == 150
    assert not run.writes()["POST", "allocations"]


def test_15_currencies_do_not_mix(push):
    euros = record("bank_accounts", "EUR", name="Euros", currency="EUR")
    run = push(customer(), euros, invoice("X", exchangeRate="1.25"), code=3)
    assert "currency" in reasons(run)
    push(
        invoice(currency="USD", exchangeRate="1.25"),
        payment(amount=100, bankAccount="Euros", exchangeRate="1.2"),
    )
    push(allocation(amount=50), code=3)
    assert not run.writes()["POST", "allocations"]


def test_16_update_of_a_paid_invoice(push, run):
    push(customer(), invoice(), payment(), allocation())
    old = sale(run)["id"]
    push(invoice(description="Changed"))
    new = sale(run)
    assert new["id"] != old
    assert new["due"] == 0
    [joined] = run.listed("listAllocations", invoiceType="sales")
    assert joined["invoiceId"] == new["id"]
    row = run.sandbox.engine.call(
        "getSalesDocument",
        business_id=run.business,
        params={"salesType": "invoices", "salesId": old},
    )
    assert row.status == 303


def test_17_payroll_journal_after_a_crash(push, run):
    lines = ((4001001, "3750"), (4001002, "1000"), (4001005, "250"), (BANK, "-5000"))
    pay = journal("PAY-3", *lines, accountingDate="2024-03-31")
    run.sandbox.faults.plan("drop-after", method="POST", path="/accounting/journals")
    push(pay)
    push(pay)
    assert len(run.listed("listTransactions")) == 1
    assert balances(run) == {account: Decimal(amount) for account, amount in lines}
    push(journal("PAY-4", (4001001, "3750.01"), *lines[1:]), code=3)


def test_18_the_same_bank_statement_twice(push, run):
    feed = record("bank_feeds", "F1", bankAccount="Current account")
    lines = [
        {
            "transactionId": "a",
            "transactionDate": "2024-03-31",
            "description": "x",
            "amount": "-15.99",
        }
    ]
    statement = record("bank_statements", "ST", feed={"externalId": "F1"}, statementLines=lines)
    push(feed, statement, assume_new=True)
    push(feed, statement)
    more = record("bank_statements", "ST2", feed={"externalId": "F1"}, statementLines=lines)
    push(more)
    rows = run.sandbox.engine.db.execute("SELECT bank_id, amount FROM statement_lines").fetchall()
    assert rows == [("a", -1599)]


def test_19_negative_total_is_a_credit_note(push):
    run = push(customer(), invoice("I1", "C1", line(100), line(-150)), code=3)
    assert "credit note" in reasons(run)
    assert not run.writes()["POST", "sales"]
