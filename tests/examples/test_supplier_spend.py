"""The authority's spending goes into the ledger as the file has it, once."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from decimal import Decimal

import pytest

from examples.compare import CHECKS, agree
from tests.examples.conftest import balances, books, documents, pipeline_of, rows_of, total
from tools.demo.stage import ROOT
from tools.demo.write_back import read_back


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """The first fortnight, then the whole file."""
    with pipeline_of("supplier-spend", tmp_path_factory.mktemp("spend")) as pipeline:
        pipeline.run("write")
        pipeline.stage.environment["WAREHOUSE_WHOLE"] = "true"
        run = pipeline.run("grow")
        yield pipeline, run


@pytest.fixture(scope="module")
def pipeline(ran):
    return ran[0]


@pytest.fixture(scope="module")
def spend():
    """The rows of the file, worked out here by themselves."""
    rows = rows_of("gla_spend.csv", "9999", "Date")
    assert len(rows) == 619
    return rows


def amounts(rows):
    return sum((Decimal(row["Amount"]) for row in rows), start=Decimal(0))


def test_the_trial_balance_is_that_of_the_file(pipeline, spend):
    path = ROOT / "examples" / "supplier-spend" / "accounts.csv"
    with path.open(encoding="utf-8", newline="") as text:
        accounts = {row["code"]: row["account"] for row in csv.DictReader(text)}
    wanted = defaultdict(Decimal)
    for row in spend:
        wanted[accounts[row["AccountCode"]]] += Decimal(row["Amount"])
    paid = total(books(pipeline).payments(limit=10**9), "amount")
    wanted |= {"Current account": paid, "Trade creditors": -paid - amounts(spend)}
    assert balances(pipeline) == wanted


def test_every_row_is_there_once(pipeline, spend):
    bills = documents(pipeline, "purchases", "bills")
    notes = documents(pipeline, "purchases", "creditNotes")
    found = Counter()
    for sign, kind in ((1, bills), (-1, notes)):
        for document in kind:
            number = document["reference"].partition("/")[0]
            for line in document["lineItems"]:
                found[number, document["date"], sign * Decimal(line["unitPrice"])] += 1
    assert found == Counter((r["DocNo"], r["Date"], Decimal(r["Amount"])) for r in spend)
    assert len(notes) == 10
    assert total(bills, "gross") - total(notes, "gross") == amounts(spend)


def test_when_the_file_grows_only_what_is_new_is_written(ran):
    _, run = ran
    assert run.outcomes == {
        "account_codes": {"unchanged": 17, "written": 1},
        "suppliers": {"unchanged": 106, "written": 132},
        "bills": {"unchanged": 200, "written": 409},
        "purchase_credit_notes": {"unchanged": 4, "written": 6},
        "payments": {"unchanged": 131, "written": 313},
        "purchase_allocations": {"unchanged": 203, "written": 413},
    }


def test_nothing_is_refused(ran):
    pipeline, run = ran
    assert pipeline.refused() == {}
    assert not any("rejected" in outcomes for outcomes in run.outcomes.values())


def test_spellings_of_a_supplier_are_one_and_shared_numbers_are_not(pipeline, spend):
    reply = pipeline.stage.sandbox.engine.call(
        "listSuppliers", business_id=pipeline.stage.business, query={"limit": 200, "page": 1}
    )
    more = pipeline.stage.sandbox.engine.call(
        "listSuppliers", business_id=pipeline.stage.business, query={"limit": 200, "page": 2}
    )
    names = [supplier["name"] for supplier in [*reply.json(), *more.json()]]
    spelt = {row["Vendor"] for row in spend}
    assert {"INCENTIVATED LTD", "INCENTIVATED LIMITED"} <= spelt
    assert len([name for name in names if name.startswith("INCENTIVATED")]) == 1
    # One vendor number that stands for five.
    once = {row["Vendor"] for row in spend if row["VendorID"] == "15050001"}
    assert len(once) == 5
    assert once <= set(names)
    # Two vendor numbers of one.
    assert len({r["VendorID"] for r in spend if r["Vendor"] == "LONDON BOROUGH OF REDBRIDGE"}) == 2
    assert names.count("LONDON BOROUGH OF REDBRIDGE") == 1


def test_credit_notes_are_set_against_later_bills_and_the_rest_is_paid(pipeline, spend):
    bills = documents(pipeline, "purchases", "bills")
    assert {bill["status"] for bill in bills} == {"paid"}
    notes = documents(pipeline, "purchases", "creditNotes")
    used = {note["reference"]: note["gross"] - note["due"] for note in notes}
    assert used["1700000561/11183"] == Decimal("1311.23")  # bills of the same day
    assert used["5107270635/11732"] == 0  # no bill came after it
    paid = total(books(pipeline).payments(limit=10**9), "amount")
    assert -paid == amounts(spend) + total(notes, "due")


def test_read_back_through_the_tap_it_agrees(pipeline):
    ledger = read_back(pipeline.stage, [pipeline])
    checks = dict(pipeline.compared(ledger))
    assert tuple(checks) == CHECKS
    assert all(map(agree, checks.values())), checks


def test_a_second_run_sends_nothing(pipeline):
    again = pipeline.run("again")
    assert again.writes == 0
    assert again.outcomes["bills"]["unchanged"] == 609
