"""The retailer's sales go into the ledger as the file has them, once."""

from __future__ import annotations

from collections import Counter, defaultdict
from decimal import ROUND_HALF_UP, Decimal

import pytest

from examples.compare import CHECKS, agree
from tests.examples.conftest import balances, books, documents, pipeline_of, rows_of, total
from tools.demo.write_back import read_back

PENNY = Decimal("0.01")
EU = {"Belgium", "EIRE", "France", "Germany", "Italy", "Netherlands", "Poland", "Portugal", "Spain"}
CARRIAGE = {"POST", "DOT", "C2"}


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    with pipeline_of("online-sales", tmp_path_factory.mktemp("sales")) as pipeline:
        run = pipeline.run("write")
        yield pipeline, run


@pytest.fixture(scope="module")
def pipeline(ran):
    return ran[0]


@pytest.fixture(scope="module")
def sales():
    """The file's rows of the first day, worked out here by themselves."""
    rows = rows_of("online_retail.csv", "2010-12-02", "InvoiceDate")
    assert len(rows) == 3108
    return rows


@pytest.fixture(scope="module")
def unpriced(sales):
    priced = {row["InvoiceNo"] for row in sales if Decimal(row["UnitPrice"])}
    numbers = {row["InvoiceNo"] for row in sales} - priced
    assert len(numbers) == 10
    return numbers


def net(row):
    return Decimal(row["Quantity"]) * Decimal(row["UnitPrice"])


def vat(row):
    at_home = row["Country"] == "United Kingdom" or (row["Country"] in EU and not row["CustomerID"])
    return (net(row) * Decimal("0.175")).quantize(PENNY, ROUND_HALF_UP) if at_home else Decimal(0)


def test_the_trial_balance_is_that_of_the_file(pipeline, sales):
    ledger = balances(pipeline)
    carriage = sum(net(row) for row in sales if row["StockCode"] in CARRIAGE)
    assert ledger["Other income"] == -carriage
    assert ledger["Revenue"] == carriage - sum(map(net, sales))
    assert ledger["VAT control"] == -sum(map(vat, sales))
    received = total(books(pipeline).payments(limit=10**9), "amount")
    assert ledger["Current account"] + ledger["Card takings"] == received > 0
    assert ledger["Trade debtors"] == sum(net(r) + vat(r) for r in sales) - received
    assert set(ledger) == {
        "Revenue",
        "Other income",
        "VAT control",
        "Trade debtors",
        "Current account",
        "Card takings",
    }


def test_every_document_is_there_once_with_its_lines(pipeline, sales, unpriced):
    wanted = defaultdict(list)
    for row in sales:
        if row["InvoiceNo"] not in unpriced:
            sign = -1 if row["InvoiceNo"].startswith("C") else 1
            wanted[row["InvoiceNo"]].append(
                (Decimal(row["UnitPrice"]), sign * Decimal(row["Quantity"]))
            )
    invoices = documents(pipeline, "sales", "invoices")
    notes = documents(pipeline, "sales", "creditNotes")
    found = Counter(document["reference"] for document in [*invoices, *notes])
    assert found == dict.fromkeys(wanted, 1)
    assert {note["reference"] for note in notes} == {n for n in wanted if n.startswith("C")}
    for document in [*invoices, *notes]:
        assert wanted[document["reference"]] == [
            (Decimal(line["unitPrice"]), Decimal(line["quantity"]))
            for line in document["lineItems"]
        ]


def test_what_has_no_price_is_refused_with_its_reason(ran, unpriced):
    pipeline, run = ran
    assert run.outcomes["sales_invoices"]["rejected"] == len(unpriced)
    refused = pipeline.refused()
    assert {key: set(keys) for key, keys in refused.items()} == {
        ("sales_invoices", "lineItems[0].unitPrice: is required"): unpriced
    }


def test_the_treatment_is_that_of_the_country_and_the_rate_that_of_the_day(pipeline, sales):
    rows = {row["InvoiceNo"]: row for row in sales}
    seen = set()
    for document in documents(pipeline, "sales", "invoices"):
        country = rows[document["reference"]]["Country"]
        if country == "United Kingdom":
            wanted = "UK", "17.50:Standard"
        else:
            wanted = "GEU" if country in EU else "GE", "0.00:Zero"
        assert document["vatTreatment"] == wanted[0]
        assert {line["vatRateKey"] for line in document["lineItems"]} == {wanted[1]}
        seen.add(wanted[0])
    assert seen == {"UK", "GEU", "GE"}


def test_sales_that_name_nobody_are_those_of_one_cash_customer(pipeline, sales, unpriced):
    unnamed = {row["InvoiceNo"] for row in sales if not row["CustomerID"]} - unpriced
    assert unnamed
    cash = [d for d in documents(pipeline, "sales", "invoices") if d["reference"] in unnamed]
    assert {d["reference"] for d in cash} == unnamed
    assert len({d["customerId"] for d in cash}) == 1
    # They are paid at the till, on the day.
    assert {d["status"] for d in cash} == {"paid"}


def test_read_back_through_the_tap_it_agrees(pipeline):
    ledger = read_back(pipeline.stage, [pipeline])
    checks = dict(pipeline.compared(ledger))
    assert tuple(checks) == CHECKS
    assert all(map(agree, checks.values())), checks


def test_a_second_run_sends_nothing(pipeline):
    again = pipeline.run("again")
    assert again.writes == 0
    assert again.outcomes["sales_invoices"]["unchanged"] == 127
    assert not any("written" in outcomes for outcomes in again.outcomes.values())


def test_when_the_file_grows_only_what_is_new_is_written(pipeline):
    pipeline.stage.environment["WAREHOUSE_WHOLE"] = "true"
    grown = pipeline.run("grow")
    assert grown.outcomes == {
        "bank_accounts": {"unchanged": 1},
        "customers": {"unchanged": 99, "written": 157},
        "sales_invoices": {"unchanged": 127, "written": 210, "rejected": 45},
        "sales_credit_notes": {"unchanged": 6, "written": 30},
        "payments": {"unchanged": 78, "written": 135},
        "sales_allocations": {"unchanged": 93, "written": 181},
    }
    checks = dict(pipeline.compared(read_back(pipeline.stage, [pipeline])))
    assert all(map(agree, checks.values())), checks
