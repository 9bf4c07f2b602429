"""Each preset on a messy sample: into the sandbox to the penny, again for nothing, corrected."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from decimal import Decimal

import pytest
from click.testing import CliRunner

from clearbooks_app import main
from clearbooks_files.mapping import presets
from clearbooks_sandbox import AccountingEngine, Options, running
from tests.clearbooks_files.conftest import SAMPLES


class Books:
    """A sandbox with one business, and `clearbooks write` for it."""

    def __init__(self, sandbox, folder):
        self.sandbox, self.folder = sandbox, folder
        (self.business,) = sandbox.engine.business_ids()
        for name, path in SAMPLES.items():
            (shutil.copytree if path.is_dir() else shutil.copy)(path, folder / name)
        (folder / "target.json").write_text(
            json.dumps(
                {
                    "api_url": sandbox.url,
                    "token_url": sandbox.token_url,
                    "access_token": "sandbox-access-token",
                    "token_store": str(folder / "tokens.json"),
                    "state_store": str(folder / "state.sqlite3"),
                    "settle_seconds": 0,
                }
            )
        )

    def write(self, file, preset, *arguments, code=0):
        """What the command says, and how many writes it has sent."""
        before = self.writes()
        done = CliRunner().invoke(
            main,
            [
                "write",
                str(self.folder / file),
                "--as",
                preset,
                "--yes",
                "--json",
                *arguments,
                "--config",
                str(self.folder / "target.json"),
            ],
        )
        assert done.exit_code == code, done.output
        sent = self.writes() - before
        return (json.loads(done.stdout) if done.stdout.startswith("{") else done.output), sent

    def change(self, file, old, new, encoding="utf-8"):
        """Correct the file; what is replaced stands there once."""
        path = self.folder / file
        text = path.read_bytes().decode(encoding)
        assert text.count(old) == 1, text.count(old)
        path.write_bytes(text.replace(old, new).encode(encoding))

    def writes(self):
        return Counter(
            r.path.split("/accounting/")[-1].split("?")[0].split("/")[0]
            for r in self.sandbox.requests
            if r.method != "GET"
        )

    @property
    def books(self):
        return self.sandbox.engine.books(self.business)

    def balances(self):
        return {row.name: row.balance for row in self.books.trial_balance() if row.balance}

    def lines(self):
        return sorted(
            (str(line["transactionDate"]), Decimal(str(line["amount"])))
            for statement in self.books.statements()
            for line in statement["lines"]
        )

    def documents(self, side, kind):
        return self.books.documents(side, kind, limit=1000)


@pytest.fixture
def books(tmp_path, monkeypatch):
    engine = AccountingEngine()
    engine.add_business("Files Limited")
    monkeypatch.chdir(tmp_path)
    with running(engine, Options(pages=False)) as sandbox:
        yield Books(sandbox, tmp_path)
    engine.close()


def money(**balances):
    return {name.replace("_", " "): Decimal(amount) for name, amount in balances.items()}


# The API has no way to read them back.
UNREAD = {"bank_feeds", "bank_statements", "purchase_attachments", "sales_attachments"}


def written_once(books, file, preset, *arguments):
    answer, sent = books.write(file, preset, *arguments)
    assert sent.total()
    for row in answer["ledger"]:
        unread = row["stream"] in UNREAD
        assert row["ledger"] == (None if unread else row["file"]), row
        assert row["found"] == (None if unread else row["records"]), row
    again, sent = books.write(file, preset, *arguments)
    assert sent.total() == 0, again
    return answer


BANKS = {
    "monzo": (
        "monzo.csv",
        {
            "2026-04-30": "1450.00",
            "2026-05-01": "-13.96",
            "2026-05-02": "-820.40",
            "2026-05-03": "-3.21",
        },
    ),
    "barclays": (
        "barclays.csv",
        {"2026-04-30": "-2.99", "2026-05-05": "1200.00", "2026-05-07": "-52.10"},
    ),
    "lloyds": (
        "lloyds.csv",
        {"2026-04-30": "-114.00", "2026-05-06": "-25.00", "2026-05-07": "-209.08"},
    ),
    "ofx": (
        "statement.ofx",
        {"2026-04-30": "-45.10", "2026-05-02": "1120.00", "2026-05-06": "-300.00"},
    ),
    "qif": (
        "statement.qif",
        {"2026-04-30": "-45.10", "2026-05-02": "1120.00", "2026-05-06": "-600.00"},
    ),
    "mt940": (
        "statement.sta",
        {"2026-04-30": "-45.10", "2026-05-02": "1120.00", "2026-05-06": "-312.34"},
    ),
    "camt053": (
        "statement.xml",
        {"2026-04-30": "-45.10", "2026-05-02": "1120.00", "2026-05-06": "-300.00"},
    ),
}


@pytest.mark.parametrize("preset", BANKS)
def test_a_bank_statement(books, preset):
    file, days = BANKS[preset]
    written_once(books, file, preset, "--assume-new")
    found = Counter()
    for day, amount in books.lines():
        found[day] += amount
    assert found == {day: Decimal(amount) for day, amount in days.items()}
    assert books.balances() == {}


def test_bank_lines_that_pay(books):
    """By the number in their text; of the customer who owes it; the rest is left alone."""
    books.write("clearbooks_sales.csv", "clearbooks-sales")
    mapping = str(books.folder / "receipts_by_reference.yml")
    answer = written_once(books, "lloyds.csv", mapping)
    assert answer["streams"] == {"payments": {"written": 1}, "sales_allocations": {"written": 1}}
    due = {d["reference"]: d["due"] for d in books.documents("sales", "invoices")}
    assert due["INV-1004"] == 0
    assert books.balances()["Current account"] == 45


def test_overlapping_exports_never_double(books):
    """The second export begins in the middle of the first, at one of two equal rows of a day."""
    header, *rows = (SAMPLES["barclays.csv"]).read_bytes().splitlines(keepends=True)
    (books.folder / "early.csv").write_bytes(b"".join([header, *rows[3:]]))
    books.write("early.csv", "barclays", "--assume-new")
    books.write("barclays.csv", "barclays")
    assert len(books.lines()) == 5
    _, sent = books.write("barclays.csv", "barclays")
    assert sent.total() == 0


def test_a_line_of_a_bank_that_changed_is_refused(books):
    """The bank's ID is that of another line: Clear Books would keep the first without a word."""
    written_once(books, "monzo.csv", "monzo", "--assume-new")
    books.change("monzo.csv", "-13.96,GBP,-13.96", "-14.96,GBP,-14.96", "utf-8-sig")
    answer, sent = books.write("monzo.csv", "monzo", code=3)
    assert sent.total() == 0
    (refused,) = answer["refused"]
    assert refused["reasons"][0].startswith(
        "monzo.csv row 3, statementLines[0].transactionId: was sent before as -13.96"
    )


def test_stripe_reconciles_to_open_invoices(books):
    books.write("clearbooks_sales.csv", "clearbooks-sales")
    written_once(books, "stripe_payout.csv", "stripe-payout")
    # What was at Stripe has all arrived, or was a fee; Cy's payment names no invoice.
    assert books.balances() == money(
        Revenue="-1194.99",
        Other_income="-41.67",
        VAT_control="-238.33",
        Bank_charges="8.40",
        Current_account="391.59",
        Trade_debtors="1075.00",
    )
    due = {d["reference"]: d["due"] for d in books.documents("sales", "invoices")}
    assert due == {"INV-1001": 0, "INV-1002": 0, "INV-1003": 1250, "INV-1004": 45}
    books.change("stripe_payout.csv", "240.00,3.80,236.20", "250.00,3.80,246.20")
    _, sent = books.write("stripe_payout.csv", "stripe-payout")
    # The payment is changed, and the journal of the payout reversed and posted anew.
    assert sent == {"payments": 1, "journals": 2}
    assert books.balances()["Current account"] == Decimal("401.59")
    assert books.balances()["Trade debtors"] == Decimal("1065.00")


def test_a_payout_is_checked_against_what_arrived(books):
    answer, sent = books.write(
        "stripe_payout.csv", "stripe-payout", "--set", "expected=391.60", code=2
    )
    assert sent.total() == 0
    assert "the file says 391.60, and its rows come to 391.59; nothing is sent" in answer


def test_paypal(books):
    books.write("clearbooks_sales.csv", "clearbooks-sales")
    written_once(books, "paypal.csv", "paypal")
    assert books.balances() == money(
        Revenue="-1194.99",
        Other_income="-41.67",
        VAT_control="-238.33",
        Bank_charges="44.30",
        Current_account="1225.70",
        Trade_debtors="204.99",
    )
    due = {d["reference"]: d["due"] for d in books.documents("sales", "invoices")}
    assert due["INV-1003"] == 0
    books.change("paypal.csv", '"-1.00","23.00"', '"-1.00","23.01"', "utf-8-sig")
    answer, sent = books.write("paypal.csv", "paypal", code=2)
    assert "Gross and fees: the file says 0.01, and its rows come to 0.00" in answer
    assert sent.total() == 0


def test_a_corrected_payout_leaves_what_the_corrected_file_comes_to(books):
    books.write("clearbooks_sales.csv", "clearbooks-sales")
    books.write("stripe_payout.csv", "stripe-payout")
    balances = books.balances()
    # A fee, and so what arrived; and a refund that was a pound more.
    books.change("stripe_payout.csv", ",59.99,1.10,58.89,", ",59.99,1.30,58.69,", "cp1252")
    books.change("stripe_payout.csv", ",-20.00,0.00,-20.00,", ",-21.00,0.00,-21.00,", "cp1252")
    written_once(books, "stripe_payout.csv", "stripe-payout")
    moved = {name: now - balances.get(name, 0) for name, now in books.balances().items()}
    assert {name: by for name, by in moved.items() if by} == money(
        Bank_charges="0.20",
        Current_account="-1.20",
        Trade_debtors="1.00",
    )


def test_a_corrected_paypal_report_leaves_what_the_corrected_file_comes_to(books):
    books.write("clearbooks_sales.csv", "clearbooks-sales")
    books.write("paypal.csv", "paypal")
    balances = books.balances()
    for old, new in (
        ('"24.00","-1.00","23.00"', '"25.00","-1.50","23.50"'),
        ('"1,229.60"', '"1,230.10"'),
        ('"1,225.70","Debit"', '"1,226.20","Debit"'),
        ('"-1,225.70","0.00","-1,225.70"', '"-1,226.20","0.00","-1,226.20"'),
    ):
        books.change("paypal.csv", old, new, "utf-8-sig")
    written_once(books, "paypal.csv", "paypal")
    moved = {name: now - balances.get(name, 0) for name, now in books.balances().items()}
    assert {name: by for name, by in moved.items() if by} == money(
        Bank_charges="0.50",
        Current_account="0.50",
        Trade_debtors="-1.00",
    )


def test_shopify_orders(books):
    written_once(books, "shopify_orders.csv", "shopify-orders")
    invoices = {d["reference"]: d for d in books.documents("sales", "invoices")}
    assert {k: (d["date"], d["gross"]) for k, d in invoices.items()} == {
        "#1001": ("2026-05-04", Decimal("13.94")),
        "#1002": ("2026-05-04", Decimal("49.99")),
        # Half past midnight in London, on the first of July.
        "#1003": ("2026-07-01", 12),
    }
    assert invoices["#1002"]["due"] == Decimal("39.99")
    assert books.balances() == money(Revenue="-56.95", VAT_control="-8.98", Trade_debtors="65.93")
    books.change("shopify_orders.csv", "GBP,12.00,0.00,0.00,12.00", "GBP,13.00,0.00,0.00,13.00")
    answer, sent = books.write("shopify_orders.csv", "shopify-orders", code=2)
    assert "Total of the orders: the file says 76.93, and its rows come to 75.93" in answer
    books.change("shopify_orders.csv", '"Owl""",6.00', '"Owl""",6.50')
    _, sent = books.write("shopify_orders.csv", "shopify-orders")
    assert sent == {"sales": 1}
    assert books.balances()["Trade debtors"] == Decimal("66.93")


def test_shopify_by_day(books):
    written_once(books, "shopify_orders.csv", "shopify-daily")
    found = {d["date"]: d for d in books.documents("sales", "invoices")}
    assert {day: d["gross"] for day, d in found.items()} == {
        "2026-05-04": Decimal("53.93"),
        "2026-07-01": 12,
    }
    assert found["2026-07-01"]["vat"] == 0
    assert found["2026-05-04"]["vat"] == Decimal("8.99")
    books.change("shopify_orders.csv", "Bo Ström,10.00", "Bo Ström,4.00")
    _, sent = books.write("shopify_orders.csv", "shopify-daily")
    assert sent == {"sales": 1}
    assert books.balances()["Trade debtors"] == Decimal("71.93")


def test_payroll(books):
    written_once(books, "payroll.csv", "payroll")
    assert books.balances() == money(
        Salaries="6750.50",
        NIC_employers="759.22",
        PAYE="-1779.14",
        Pension="-259.53",
        Current_account="-5471.05",
    )
    books.change("payroll.csv", ";£290.40;", ";£291.40;", "cp1252")
    answer, sent = books.write("payroll.csv", "payroll", code=2)
    assert "Gross less deductions: the file says 5471.05, and its rows come to 5470.05" in answer
    assert sent.total() == 0
    _, sent = books.write("payroll_corrected.csv", "payroll")
    assert sent == {"journals": 2}
    assert books.balances() == money(
        Salaries="6850.50",
        NIC_employers="774.22",
        PAYE="-1822.14",
        Pension="-259.53",
        Current_account="-5543.05",
    )
    _, sent = books.write("payroll_corrected.csv", "payroll")
    assert sent.total() == 0


BUREAU = """ABC Payroll Bureau,,,,,,
Employee,Pay date,Gross pay,Tax,Employee NI,Pension,Net pay
A One,30/11/2026,"2,500.00",300.00,120.00,100.00,"1,980.00"
B Two,30/11/2026,"1,800.00",150.00,60.00,72.00,"1,518.00"
Totals,,"4,300.00",450.00,180.00,172.00,"3,498.00"
"""
OWN = """extends: payroll
source: bureau
file:
  rename: {Tax: PAYE, Pension: Employee pension}
  header: [Pay date, Gross pay, PAYE, Employee NI, Employee pension, Net pay]
"""


def test_payroll_of_a_bureau_that_has_fewer_columns(books):
    (books.folder / "bureau.csv").write_text(BUREAU)
    own = books.folder / "bureau.yml"
    # A deduction that nobody has named does not pass: gross less deductions is not net.
    own.write_text(OWN.replace(", Pension: Employee pension", "").replace("Employee pension, ", ""))
    answer, sent = books.write("bureau.csv", str(own), code=2)
    assert "Gross less deductions: the file says 3498.00, and its rows come to 3670.00" in answer
    assert sent.total() == 0
    own.write_text(OWN)
    written_once(books, "bureau.csv", str(own))
    assert books.balances() == money(
        Salaries="4300.00", PAYE="-630.00", Pension="-172.00", Current_account="-3498.00"
    )


def test_cis(books):
    books.sandbox.engine.switch_on(books.business, "cis")
    written_once(books, "cis_statement.csv", "cis-statement")
    due = sorted(d["due"] for d in books.documents("purchases", "bills"))
    assert due == [Decimal("595.38"), 1100, 2000]
    assert books.balances() == {
        "CIS labour cost 20%": 1000,
        "CIS labour cost 30%": Decimal("850.55"),
        "CIS labour cost gross": 1500,
        "Materials": 800,
        "CIS creditor": Decimal("-455.17"),
        "Trade creditors": Decimal("-3695.38"),
    }
    for old, new in (
        ("850.55,,850.55,30%,255.17,595.38", "950.55,,950.55,30%,285.17,665.38"),
        (
            '"4,150.55",800.00,"3,350.55",,455.17,"3,695.38"',
            '"4,250.55",800.00,"3,450.55",,485.17,"3,765.38"',
        ),
    ):
        books.change("cis_statement.csv", old, new, "cp1252")
    _, sent = books.write("cis_statement.csv", "cis-statement")
    assert sent == {"purchases": 1}
    assert books.balances()["CIS creditor"] == Decimal("-485.17")


def test_card_expenses(books):
    written_once(books, "card_expenses.csv", "card-expenses")
    bills = books.documents("purchases", "bills")
    assert {d["reference"]: (d["gross"], d["vat"], d["due"]) for d in bills} == {
        "c-001": (Decimal("84.50"), 0, 0),
        "c-002": (36, 6, 0),
        "c-003": (Decimal("12.99"), Decimal("2.17"), 0),
    }
    assert books.balances() == money(
        Travel="84.50",
        Entertaining_staff="30.00",
        Subscriptions="10.82",
        VAT_control="8.17",
        Company_card="-133.49",
    )
    assert books.writes()["purchases"] == 3 + 2  # bills, receipts
    books.change("card_expenses.csv", "Meals\tTeam lunch", "Travel\tTeam lunch", "utf-16")
    _, sent = books.write("card_expenses.csv", "card-expenses")
    assert sent == {"purchases": 1}
    assert books.balances()["Travel"] == Decimal("114.50")


def test_contacts(books):
    answer = written_once(books, "contacts.csv", "contacts", "--set", "stream=both")
    assert answer["streams"]["customers"] == answer["streams"]["suppliers"] == {"written": 3}
    books.change("contacts.csv", "0113 496 0000", "0113 496 0001", "utf-8-sig")
    _, sent = books.write("contacts.csv", "contacts", "--set", "stream=both")
    assert sent == {"customers": 1, "suppliers": 1}


def test_clear_books_own_template(books):
    written_once(books, "clearbooks_sales.csv", "clearbooks-sales")
    assert {d["reference"]: d["gross"] for d in books.documents("sales", "invoices")} == {
        "INV-1001": 120,
        "INV-1002": Decimal("59.99"),
        "INV-1003": 1250,
        "INV-1004": 45,
    }
    books.change("clearbooks_sales.csv", "Books,1,45.00", "Books,1,46.00", "cp1252")
    answer, sent = books.write("clearbooks_sales.csv", "clearbooks-sales", code=2)
    assert "Net: the file says 1236.66, and its rows come to 1237.66; nothing is sent" in answer
    books.change("clearbooks_sales.csv", "1,236.66", "1,237.66", "cp1252")
    _, sent = books.write("clearbooks_sales.csv", "clearbooks-sales")
    assert sent == {"sales": 1}


def test_every_preset_is_tested():
    tested = {
        *BANKS,
        "stripe-payout",
        "paypal",
        "shopify-orders",
        "shopify-daily",
        "payroll",
        "cis-statement",
        "card-expenses",
        "contacts",
        "clearbooks-sales",
    }
    assert tested == set(presets())
