"""Journals, banks, accounts, stock, businesses and attachments."""

from __future__ import annotations

from decimal import Decimal

import pytest

from clearbooks.errors import SettingError
from target_clearbooks.intent import Intent, Waiting, WriteOperation
from target_clearbooks.prepare.aliases import Aliases
from target_clearbooks.settings import REFERENCE_KINDS
from target_clearbooks.writable import WRITABLE


def journal(*lines, **fields):
    return {
        "externalId": "J",
        "accountingDate": "2024-03-31",
        "lines": [{"accountCode": code, "amount": amount} for code, amount in lines],
        **fields,
    }


def test_a_payroll_journal(ledger):
    outcome = ledger.prepare(
        "journals",
        journal(
            ("Salaries", "3750.00"),
            ("PAYE", 1000),
            ("Pension", "250.00"),
            (7502001, -5000.0),
        ),
    )
    assert isinstance(outcome, Intent)
    assert sum(line["amount"] for line in outcome.body["lines"]) == 0
    ledger.create(outcome)


def test_sums_are_decimal(ledger):
    # 0.1 + 0.2 - 0.3 is not 0 in binary.
    assert isinstance(
        ledger.prepare("journals", journal((4001001, 0.1), (4001004, 0.2), (7502001, -0.3))), Intent
    )
    text = ledger.faults("journals", journal((4001001, "10.00"), (7502001, "-9.99")))
    assert "lines: sum to 0.01; a journal sums to 0" in text


def test_faults_of_a_journal(ledger):
    text = ledger.faults("journals", journal((1, 5), ("Nowhere", "x"), accountingDate=None))
    assert "lines[0].accountCodeId: there is no account code 1" in text
    assert "lines[1].amount: 'x' should be a number" in text
    assert "accountingDate: is required" in text
    assert "lines: has 1 items, needs at least 2" in ledger.faults(
        "journals", journal((4001001, 0))
    )
    assert "parts of a penny" in ledger.faults(
        "journals", journal((4001001, "0.001"), (7502001, "-0.001"))
    )
    record = journal((1001001, "-5")) | {"externalId": "J"}
    record["lines"].append("")
    assert "lines: has 1 items, needs at least 2" in ledger.faults("journals", record)


@pytest.mark.parametrize("stream", ["bank_accounts", "bank_feeds"])
def test_sort_codes_have_six_digits_and_account_numbers_eight(ledger, stream):
    def record(code, number):
        return {"externalId": "B", "name": "New", "sortCode": code, "accountNumber": number}

    body = ledger.body(stream, record(40000, Decimal("1234567.0")))
    # As numbers they have lost their zeros in front.
    assert (body["sortCode"], body["accountNumber"]) == ("040000", "01234567")
    body = ledger.body(stream, record("04-00-00", "0123 4567"))
    assert (body["sortCode"], body["accountNumber"]) == ("04-00-00", "0123 4567")
    text = ledger.faults(stream, record("40000", "123456789"))
    assert (
        "sortCode: '40000' should have 6 digits; if zeros in front were lost, it is '040000'"
        in text
    )
    assert "accountNumber: '123456789' should have 8 digits" in text
    assert "sortCode: 'ABCDEF' should have 6 digits" in ledger.faults(stream, record("ABCDEF", 1))


def test_a_feed_needs_an_account(ledger):
    assert "record: needs accountId, or accountNumber with sortCode" in ledger.faults(
        "bank_feeds", {"externalId": "F"}
    )
    assert ledger.body("bank_feeds", {"externalId": "F", "bankAccount": "Current account"}) == {
        "accountId": 1
    }
    text = ledger.faults("bank_feeds", {"externalId": "F", "bankAccount": "Nowhere"})
    assert "there is no bank account 'Nowhere'" in text
    assert "needs" not in text


def test_statements_whole_and_line_by_line(ledger):
    record = {
        "externalId": "S",
        "feed": {"externalId": "F"},
        "statementLines": [
            {
                "transactionId": 1,
                "transactionDate": "2024-01-31T09:00",
                "description": "Card",
                "amount": "-15.99",
            },
        ],
    }
    assert isinstance(ledger.prepare("bank_statements", record), Waiting)
    feed = ledger.create(ledger.prepare("bank_feeds", {"externalId": "F", "accountId": 1}))
    ledger.map.set("bank_feeds", "F", feed["items"][0]["id"])
    outcome = ledger.prepare("bank_statements", record)
    assert outcome.operation is WriteOperation.POST
    assert outcome.depends_on == (("bank_feeds", "F"),)
    assert outcome.body["statementLines"] == [
        {
            "transactionId": "1",
            "transactionDate": "2024-01-31",
            "description": "Card",
            "amount": Decimal("-15.99"),
        }
    ]
    ledger.create(outcome)
    flat = {"feed": {"externalId": "F"}, **record["statementLines"][0]}
    assert ledger.body("bank_statements", flat)["statementLines"] == outcome.body["statementLines"]
    text = ledger.faults(
        "bank_statements", {"transactionId": "1", "amount": "1.001", "feedId": "x"}
    )
    assert "transactionDate: is required" in text
    assert "parts of a penny" in text


def test_a_statement_line_twice(ledger):
    one = {"transactionId": 1, "transactionDate": "2024-01-31", "description": "", "amount": 1}
    text = ledger.faults("bank_statements", {"feedId": "f", "statementLines": [one, one]})
    assert "statementLines[1].transactionId: '1' stands in line 0 too" in text


def test_stock_items_and_accounts(ledger):
    outcome = ledger.prepare(
        "stock_items",
        {
            "externalId": "K",
            "name": "Mug",
            "type": "SALES",
            "salesUnitPrice": "2.55",
            "salesAccountCode": "Revenue",
            "salesVatRate": "20%",
            "salesQuantity": "3",
        },
    )
    assert outcome.body == {
        "name": "Mug",
        "type": "sales",
        "salesUnitPrice": Decimal("2.55"),
        "salesAccountCode": 1001001,
        "salesVatRateKey": "20.00:Standard",
        "salesQuantity": 3,
    }
    ledger.create(outcome)
    text = ledger.faults(
        "stock_items", {"name": "Mug", "type": "gift", "salesAccountCode": 2001001}
    )
    assert "type: 'gift' should be one of purchases, sales, both" in text
    assert "does not take sales" in text
    body = ledger.body(
        "account_codes",
        {
            "externalId": "1",
            "name": "Mugs",
            "heading": "1001",
            "defaultVatRate": "Standard 20%",
            "sales": "yes",
        },
    )
    assert body == {
        "name": "Mugs",
        "heading": 1001,
        "defaultVatRate": "20.00:Standard",
        "sales": True,
    }


def test_an_account_that_proposes_no_vat_rate(ledger):
    record = {"externalId": "1", "name": "Post", "heading": 4004, "defaultVatRate": ""}
    outcome = ledger.prepare("account_codes", record)
    assert outcome.body == {"name": "Post", "heading": 4004, "defaultVatRate": ""}
    made = ledger.create(outcome)
    assert made["defaultVatRate"] == ""
    # A line needs a rate of its own, whatever its account proposes.
    ledger.supplier()
    without = {"description": "Stamps", "quantity": 1, "unitPrice": 1, "accountCode": made["id"]}
    bill = {
        "externalId": "B",
        "date": "2024-03-01",
        "vatTreatment": "UK",
        "supplier": {"name": "Supplies Ltd"},
        "lineItems": [without],
    }
    assert "lineItems[0].vatRateKey: is required" in ledger.faults("bills", bill)


def test_an_update_leaves_out_what_it_does_not_take(ledger):
    record = {"externalId": "B", "name": "Dollars", "currency": "usd"}
    assert ledger.body("bank_accounts", record) == {"name": "Dollars", "currency": "USD"}
    ledger.map.set("bank_accounts", "B", 5)
    assert ledger.body("bank_accounts", record) == {"name": "Dollars"}


def test_businesses_are_updated(ledger):
    outcome = ledger.prepare(
        "businesses", {"id": ledger.business, "name": "New name", "type": "charity"}
    )
    assert (outcome.operation, outcome.remote_id) == (WriteOperation.UPDATE, ledger.business)
    assert outcome.body == {"name": "New name", "type": "Charity"}


def test_every_writable_stream_has_a_way_to_be_prepared(ledger):
    for stream in WRITABLE:
        if "attachments" not in stream:
            assert ledger.prepare(stream, {"bogus": 1}, "k").kind == "invalid"


def test_the_setting_references_is_checked():
    with pytest.raises(SettingError, match="unknown kind 'acountCode'"):
        Aliases({"acountCode": {}})
    with pytest.raises(SettingError, match=r"unknown kind 'invoices\.accountCode'"):
        Aliases({"invoices.accountCode": {}})
    with pytest.raises(SettingError, match="should be an object"):
        Aliases({"accountCode": "Revenue"})
    assert Aliases({kind: {} for kind in REFERENCE_KINDS}).meant("bills", "accountCode", 5) == 5


def test_a_name_that_is_not_filled_in_stands_for_itself():
    aliases = Aliases({"accountCode": {"Postage": "", "Rent": None, "Fees": "Legal fees"}})
    meant = [aliases.meant("bills", "accountCode", name) for name in ("Postage", "Rent", "Fees")]
    assert meant == ["Postage", "Rent", "Legal fees"]


def test_aliases():
    aliases = Aliases(
        {"accountCode": {"4000": "Revenue", "Cost-Centre 1": 5}, "bills.accountCode": {"*": 9}}
    )
    assert aliases.meant("quotes", "accountCode", 4000) == "Revenue"
    assert aliases.meant("quotes", "accountCode", Decimal("4000.0")) == "Revenue"
    assert aliases.meant("bills", "accountCode", "cost centre 1") == 5
    assert aliases.meant("bills", "accountCode", None) == 9
    assert aliases.meant("quotes", "accountCode", None) is None
    assert aliases.meant("bills", "accountCode", "other") == "other"


@pytest.fixture
def filed(ledger):
    """An invoice, known to the map as I1, and a bill under the number 9."""
    ledger.invoice = ledger.sale(ledger.customer())["id"]
    ledger.map.set("sales_invoices", "I1", ledger.invoice)
    ledger.number = ledger.bill(ledger.supplier(), documentNumber="9")["id"]
    return ledger


def test_an_attachment(filed, tmp_path):
    record = {
        "externalId": "F",
        "invoice": {"externalId": "I1"},
        "file_name": "a b.pdf",
        "Content": "aGVsbG8=",
    }
    outcome = filed.prepare("sales_attachments", record)
    assert isinstance(outcome, Intent), outcome
    assert outcome.body == b"hello"
    assert outcome.params == {
        "salesType": "invoices",
        "salesId": filed.invoice,
        "fileName": "a b.pdf",
    }
    assert outcome.depends_on == (("sales_invoices", "I1"),)
    filed.create(outcome)
    (tmp_path / "r.txt").write_bytes(b"x")
    record = {"bill": "9", "path": "r.txt"}
    outcome = filed.prepare("purchase_attachments", record, attachments_dir=str(tmp_path))
    assert outcome.params == {
        "purchaseType": "bills",
        "purchaseId": filed.number,
        "fileName": "r.txt",
    }


def test_faults_of_an_attachment(filed):
    text = filed.faults("sales_attachments", {"fileNam": "x", "content": "?"})
    assert "document: give one of invoice, creditNote, quote, document" in text
    assert "fileName: is required" in text
    assert "fileNam: unknown field; did you mean fileName?" in text
    assert "content: should be base64" in text
    record = {"salesType": "invoices", "salesId": "5", "name": "../x", "content": "aGVsbG8="}
    assert "should be a name without directories" in filed.faults("sales_attachments", record)
    record |= {"salesType": "bills", "name": "x"}
    assert "salesType: 'bills' should be one of" in filed.faults("sales_attachments", record)


@pytest.mark.parametrize("name", ["run.exe", "archive.zip", "noextension", ".pdf", "a.pdf.js"])
def test_a_file_that_clear_books_does_not_take(filed, name):
    record = {"invoice": "I1", "fileName": name, "content": "aGVsbG8="}
    text = filed.faults("sales_attachments", record)
    assert f"fileName: {name!r}: Clear Books takes no files of this kind" in text
    assert "should end in png, gif, jpg, jpeg, tif, tiff, pdf" in text
    assert text.endswith("ods, csv")


@pytest.mark.parametrize("name", ["a.PDF", "b.tif", "Bill 7.final.Csv"])
def test_a_file_that_it_takes(filed, name):
    record = {"invoice": "I1", "fileName": name, "content": "aGVsbG8="}
    assert filed.prepare("sales_attachments", record).params["fileName"] == name


def test_an_attachment_is_deleted(filed):
    filed.map.set("sales_attachments", "F", 3)
    record = {"externalId": "F", "invoice": "I1", "_operation": "delete"}
    outcome = filed.prepare("sales_attachments", record, allow_delete=True)
    assert (outcome.operation, outcome.remote_id) == (WriteOperation.DELETE, 3)
    assert outcome.params == {"salesType": "invoices", "salesId": filed.invoice}


def test_a_rung_that_is_none(ledger):
    with pytest.raises(SettingError, match="match: 'phone' should be one of externalId"):
        ledger.prepare("customers", {"name": "A"}, match=("phone",))


def test_a_feed_without_a_name_needs_an_account_that_is_there(ledger):
    record = {"externalId": "F", "sortCode": "20-30-40", "accountNumber": "12345678"}
    assert "name: there is no bank account" in ledger.faults("bank_feeds", record)
    assert isinstance(ledger.prepare("bank_feeds", record | {"name": "New"}), Intent)
    account = {"name": "Old", "sortCode": "20-30-40", "accountNumber": "12345678"}
    made = ledger.do("createBankAccount", account)
    ledger.lookups.wrote("bank_accounts", made)
    assert isinstance(ledger.prepare("bank_feeds", record), Intent)


def test_what_stands_already_is_adopted(ledger):
    mug = ledger.do("createStockItem", {"name": "Mug", "sku": "M-1", "type": "sales"})["id"]
    code = ledger.do("createAccountCode", {"name": "Mugs", "heading": 1001})["id"]
    bank = ledger.do(
        "createBankAccount",
        {"name": "Savings", "sortCode": "20-30-40", "accountNumber": "12345678"},
    )["id"]
    for stream, record, number, way in (
        ("stock_items", {"name": "Big mug", "sku": "m-1", "type": "sales"}, mug, "sku"),
        ("account_codes", {"name": "MUGS", "heading": 1001}, code, "name+heading"),
        (
            "bank_accounts",
            {"name": "Other", "sortCode": "203040", "accountNumber": "12345678"},
            bank,
            "sortCode+accountNumber",
        ),
    ):
        outcome = ledger.prepare(stream, record, "k")
        assert (outcome.operation, outcome.remote_id, outcome.adopted) == (
            WriteOperation.UPDATE,
            number,
            way,
        )
        ledger.map.set(stream, "another", number)
        assert ledger.prepare(stream, record, "k").operation is WriteOperation.CREATE
    record = {"name": "Mug", "sku": "M-2", "type": "sales"}
    assert ledger.prepare("stock_items", record, "k2").operation is WriteOperation.CREATE
    assert (
        ledger.prepare("account_codes", {"name": "Mugs", "heading": 1002}, "k3").operation
        is WriteOperation.CREATE
    )


def test_two_of_one_name_are_quarantined(ledger):
    for _ in range(2):
        ledger.do("createStockItem", {"name": "Mug", "type": "sales"})
    outcome = ledger.prepare("stock_items", {"name": "mug", "type": "sales"}, "k")
    assert outcome.kind == "blocked"
    assert len(outcome.candidates) == 2


@pytest.mark.parametrize("first", ["made", "named"])
def test_a_name_is_found_whether_or_not_an_item_of_that_list_was_made_before(ledger, first):
    ledger.supplier()
    payment = {
        "externalId": "P",
        "date": "2024-03-05",
        "amount": -5,
        "supplier": "Supplies Ltd",
        "bankAccount": "Current account",
    }
    records = [("bank_accounts", {"externalId": "T", "name": "Till"}), ("payments", payment)]
    for stream, record in records if first == "made" else reversed(records):
        assert isinstance(ledger.prepare(stream, record), Intent)


@pytest.mark.parametrize(
    ("totals", "words"),
    [
        ({"openingBalance": "100.00", "closingBalance": "104.50"}, None),
        ({"openingBalance": "100.00", "closingBalance": "104.50", "count": 2}, None),
        (
            {"openingBalance": 100, "closingBalance": 1554.5},
            "closingBalance: 1554.50 is not openingBalance 100.00 and what the lines come to: 4.50",
        ),
        ({"closingBalance": "104.50"}, "closingBalance: goes with openingBalance"),
        ({"count": 3}, "count: 3 is not the number of lines: 2"),
    ],
)
def test_a_statement_is_checked_against_its_totals(ledger, totals, words):
    lines = [
        {"transactionId": n, "transactionDate": "2024-03-01", "description": "x", "amount": amount}
        for n, amount in (("1", "7.00"), ("2", "-2.50"))
    ]
    record = {"feedId": "f", "statementLines": lines, **totals}
    if words:
        assert words in ledger.faults("bank_statements", record)
    else:
        assert ledger.body("bank_statements", record).keys() == {"feedId", "statementLines"}
