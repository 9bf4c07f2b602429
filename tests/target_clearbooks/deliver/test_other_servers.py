"""Servers that keep, tell or show what they were sent in a way of their own."""

from __future__ import annotations

from decimal import Decimal

import pytest

from clearbooks.errors import NotFoundError, RejectedError
from target_clearbooks.deliver.precheck import WrittenLately
from target_clearbooks.deliver.reconcile import Absent, Reconciler
from target_clearbooks.intent import Intent, WriteOperation
from target_clearbooks.ledger.matching import became, find_matches, is_voided, maybe_altered
from target_clearbooks.ledger.records import records
from target_clearbooks.prepare.vat import _matching, _rate
from tests.target_clearbooks.conftest import (
    FOUR,
    TWO,
    allocation,
    bill,
    customer,
    invoice,
    journal,
    line,
    payment,
    record,
    schema,
    supplier,
)

SPELT = [
    *schema("bank_accounts", "customers", "sales_invoices"),
    record("bank_accounts", "B1", name="Till", sortCode="300000", accountNumber="1111 2222"),
    customer("C1", vatNumber="GB 123 4567 82", companyNumber="123 4567"),
    invoice("I1", reference="PO  12"),
]


@pytest.mark.parametrize("dialect", ["no-external-id", "external-id-ignored"])
def test_what_the_server_spells_its_own_way_is_found_again(run, dialect):
    run.sandbox.dialects.on("tidied", dialect)
    accounts = len(run.listed("listBankAccounts"))
    run.sandbox.faults.add("drop-after:every=2,method=POST")
    for _ in range(4):
        if run(SPELT) == 0:
            break
    run.sandbox.faults.clear()
    assert run(SPELT) == 0
    assert len(run.listed("listBankAccounts")) == accounts + 1
    assert len(run.customers()) == 1
    assert len(run.invoices()) == 1
    assert run.writes()["POST", "bankAccounts"] == 1


@pytest.mark.parametrize("fault", ["drop-after", "drop-before"])
def test_a_revision_in_the_servers_spelling_is_our_own(run, fault):
    """A reply is lost; what has become of the document differs from what was sent by a space."""
    assert run([*TWO, customer(), invoice()]) == 0
    run.sandbox.dialects.on("tidied")
    run.sandbox.faults.plan(fault, method="PUT", path="/accounting/sales/invoices")
    revised = [*TWO, customer(), invoice(reference="PO  12")]
    assert run(revised, settle_seconds=0) == 0
    assert run(revised) == 0
    assert [document["reference"] for document in run.invoices()] == ["PO 12"]
    assert run.writes()["PUT", "sales"] == (2 if fault == "drop-before" else 1)


@pytest.mark.parametrize(
    ("sent", "stands", "ours"),
    [
        ("PO  12", "PO 12", True),
        ("A reference that is too long", "A reference that is ", True),
        ("PO 12", "PO 1", False),
        ("PO 12", "PO 13", False),
        ("PO 12", None, False),
    ],
)
def test_a_revision_by_somebody_else_is_not_our_own(sent, stands, ours):
    price = Decimal("10.00")
    body = {"reference": sent, "lineItems": [{"description": "Pump", "unitPrice": price}]}
    record = {"id": 7, "reference": stands, "lineItems": [{"id": 1, **body["lineItems"][0]}]}
    assert became(record, body) is ours
    record["lineItems"][0]["unitPrice"] += Decimal("0.01")
    assert not became(record, body)


@pytest.mark.parametrize("dialects", [(), ("prefixed-answers",), ("prefixed-treatments",)])
@pytest.mark.parametrize(("sold", "bought"), [("UK", "PUK"), ("SUK", "UK")])
def test_the_letter_in_front_of_a_vat_treatment_makes_no_difference(run, dialects, sold, bought):
    run.sandbox.dialects.on(*dialects)
    messages = [
        *schema("customers", "suppliers", "sales_invoices", "bills"),
        customer(),
        invoice(vatTreatment=sold),
        supplier(),
        bill(vatTreatment=bought),
    ]
    assert run(messages) == 0, run.rejects
    run.sandbox.requests.clear()
    # A store that was lost: the documents are known again, and nothing differs.
    (run.directory / "state.sqlite3").unlink()
    assert run(messages) == 0, run.rejects
    assert not run.writes()
    assert run([*messages[:5], invoice(vatTreatment=sold, reference="New")]) == 0
    [sale] = run.invoices()
    assert sale["reference"] == "New"


def test_amounts_as_text_are_known_again_without_markers(run):
    run.sandbox.dialects.on("string-money")
    messages = [*schema("customers", "payments"), customer(), payment(amount="7.50")]
    run.sandbox.faults.plan("drop-after", method="POST", path="/accounting/payments")
    run(messages, marker="off")
    assert run(messages, marker="off") == 0
    assert len(run.listed("listPayments")) == 1


TOLD = [
    *schema(
        "account_codes",
        "stock_items",
        "bank_accounts",
        "customers",
        "suppliers",
        "sales_invoices",
        "bills",
        "payments",
        "sales_allocations",
        "purchase_allocations",
        "journals",
    ),
    record("account_codes", "AC", name="R&D costs", heading=4004, purchases=True),
    record("stock_items", "SI", name="Nuts & bolts", type="both"),
    record("bank_accounts", "B1", name="Till & float"),
    customer("C1", name="Smith & Söhne"),
    supplier("S1", name="O'Neill Ltd"),
    invoice("I1", reference="Café 7 & Söhne"),
    invoice("I2", reference="5 > 4"),
    bill(),
    payment("P1"),
    payment("P2", "S1", "-120.00", "supplier"),
    allocation("A1"),
    journal("J1", accountingDate="2024-07-01"),
]


@pytest.mark.parametrize("dialects", [("timed-dates",), ("escaped-text", "external-id-ignored")])
def test_no_spelling_of_dates_and_texts_doubles_what_a_lost_reply_left(run, dialects):
    run.sandbox.dialects.on(*dialects)
    run.sandbox.faults.add("drop-after:every=1,method=POST")
    codes = [run(TOLD, max_in_flight=1) for _ in range(2)]
    assert set(codes) <= {0, 4}, run.rejects
    run.sandbox.faults.clear()
    assert run(TOLD) == 0, run.rejects
    posted = {name: n for (method, name), n in run.writes().items() if method == "POST"}
    assert posted == {
        "accountCodes": 1,
        "stockItems": 1,
        "bankAccounts": 1,
        "customers": 1,
        "suppliers": 1,
        "sales": 2,
        "purchases": 1,
        "payments": 2,
        "allocations": 1,
        "journals": 1,
    }
    run.sandbox.requests.clear()
    assert run([*TOLD[:-1], journal("J1", accountingDate="2024-07-01", description="Wages")]) in (
        0,
        3,
    )
    assert not run.writes()


def test_amounts_of_allocations_are_positive_whatever_their_sign():
    rows = records(b'[{"id": 1, "amount": -50.00}, {"id": 2, "amount": "7.5"}]', "listAllocations")
    assert [row["amount"] for row in rows] == [Decimal(50), Decimal("7.5")]


@pytest.mark.parametrize(
    ("there", "found"),
    [
        ({}, True),
        ({"reference": "Caf? 7 & S?hne"}, True),
        ({"reference": "CAFE 7 &amp; SOHNE"}, True),
        ({"documentNumber": "77"}, True),
        # Lists may leave lines out.
        ({"documentNumber": "77", "lineItems": None}, True),
        ({"documentNumber": "77", "lineItems": None, "net": "11.00"}, False),
        ({"documentNumber": "9", "net": "11.00"}, False),
        ({"net": "11.00"}, True),
        ({"reference": "Café 8 & Söhne"}, False),
        ({"customerId": 8}, False),
        ({"date": "2024-05-03"}, False),
    ],
    ids=str,
)
def test_a_document_with_a_reference_of_its_own(there, found):
    body = {
        "customerId": 7,
        "date": "2024-05-02",
        "reference": "Café 7 & Söhne",
        "documentNumber": "INV-0077",
        "lineItems": [{"unitPrice": 10, "quantity": 1}],
    }
    intent = Intent(
        1, "sales_invoices", WriteOperation.CREATE, "I1", body, marker=body["reference"]
    )
    row = {k: v for k, v in ({**body, "id": 9, "net": "10.00"} | there).items() if v is not None}
    assert bool(find_matches([row], intent)) is found


@pytest.mark.parametrize(
    ("reference", "altered"), [(None, True), ("", True), ("PO 9", False), ("CB-BBBBBBBB", False)]
)
def test_a_marker_that_was_left_out_is_left_to_a_person(reference, altered):
    body = {
        "supplierId": 7,
        "date": "2024-05-02",
        "reference": "CB-AAAAAAAA",
        "lineItems": [{"unitPrice": 10, "quantity": 1}],
    }
    intent = Intent(1, "bills", WriteOperation.CREATE, "B1", body, marker="CB-AAAAAAAA")
    row = {**body, "id": 9, "net": "10.00", "reference": reference}
    assert maybe_altered(row, intent) is altered
    assert maybe_altered({**row, "net": "10.50"}, intent) is False


BODY = {
    "contactId": 4,
    "date": "2024-05-02",
    "amount": Decimal("7.5"),
    "bankAccountId": 2,
    "description": "A long narrative of the bank CB-AAAAAAAA",
}
PAYMENT = Intent(1, "payments", WriteOperation.CREATE, "P1", BODY, marker="CB-AAAAAAAA")


@pytest.mark.parametrize(
    ("description", "cut"),
    [
        ("A long narrative of the bank", True),
        ("A long narrative of the bank CB-AA", True),
        ("A long narrative of the bank CB-AAAAAAAA", False),
        ("A long narrative of the bank CB-BBBBBBBB", False),
        ("A long", False),
        ("Somebody else's long narrative", False),
    ],
)
def test_a_marker_that_was_cut_short_is_left_to_a_person(description, cut):
    there = {**BODY, "id": 9, "amount": "7.50", "description": description}
    assert maybe_altered(there, PAYMENT) is cut
    assert maybe_altered({**there, "amount": "7.51"}, PAYMENT) is False


def test_names_of_files_may_lose_their_spaces():
    intent = Intent(
        1,
        "sales_attachments",
        WriteOperation.CREATE,
        "F1",
        b"12345",
        {"salesId": 3, "fileName": "scan 1.pdf"},
    )
    rows = [{"id": 1, "name": "scan_1.pdf", "size": 5}, {"id": 2, "name": "scan2.pdf", "size": 5}]
    assert [row["id"] for row in find_matches(rows, intent)] == [1]


@pytest.mark.parametrize("word", ["voided", "Void", "VOIDED", "deleted"])
def test_words_for_voided(word):
    assert is_voided({"status": word})
    assert not is_voided({"status": "approved"})
    assert not is_voided({})


@pytest.mark.parametrize("rate", ["0.2", "20", "20.00"])
def test_rates_as_percentages_or_fractions(rate):
    legal = [_rate({"key": "20.00:Standard", "rate": rate}), _rate({"key": "0.00:Zero", "rate": 0})]
    assert [found.key for found in _matching(legal, "20%")] == ["20.00:Standard"]
    assert [found.key for found in _matching(legal, "0%")] == ["0.00:Zero"]


def test_a_void_that_was_carried_out_although_the_ledger_still_showed_it(run, monkeypatch):
    streams = schema("customers", "quotes")
    assert run([*streams, customer(), invoice("Q1", stream="quotes")]) == 0
    run.sandbox.faults.plan("drop-after", method="DELETE")
    monkeypatch.setattr(Reconciler, "_changed", lambda *_: Absent())
    void = [*streams, record("quotes", "Q1", _operation="void")]
    assert run(void) == 0
    assert run.writes()["DELETE", "sales"] == 2
    run.sandbox.requests.clear()
    assert run(void) == 0
    assert not run.writes()


def test_a_void_of_what_is_not_there_is_refused_the_first_time(run, monkeypatch):
    assert run([*TWO, customer(), invoice()]) == 0
    [document] = run.invoices()

    def gone(*_args, **_more):
        raise NotFoundError("deleteSalesDocument", 404)

    monkeypatch.setattr("clearbooks.client.Client.write", gone)
    assert run([*TWO, record("sales_invoices", "I1", _operation="void")]) == 3
    assert document["id"]


# Lists that show a write only a while later


def test_an_equal_journal_that_the_list_does_not_show_yet_is_not_taken_for_another(
    run, monkeypatch
):
    monkeypatch.setattr(Reconciler, "snapshot", lambda *_: {"equal": 0})
    messages = [*schema("journals"), journal("J1"), journal("J2")]
    run.sandbox.faults.plan("drop-before", method="POST", path="/accounting/journals", nth=2)
    for _ in range(2):
        run(messages)
    transactions = run.get("listTransactions")
    assert len(transactions) == 2


def test_an_allocation_that_the_list_does_not_show_yet_is_not_made_again(run, monkeypatch):
    monkeypatch.setattr(Reconciler, "allocations", lambda *_: [])
    messages = [*FOUR, customer(), invoice(), payment(), allocation(amount="50.00")]
    assert run([*messages, allocation(amount="70.00")]) == 0
    found = run.listed("listAllocations", invoiceType="sales")
    assert sum(Decimal(str(row["amount"])) for row in found) == 70


def test_after_a_lost_store_a_bank_feed_is_made_only_when_a_person_says_so(run):
    feed = [*schema("bank_feeds"), record("bank_feeds", "F1", bankAccount="Current account")]
    assert run(feed, assume_new=True) == 0
    lost = {"state_store": str(run.directory / "new.sqlite3")}
    assert run(feed, **lost) == 4
    assert "clearbooks map set" in run.rejects[-1]["reasons"][0]
    assert run.writes()["POST", "bankFeeds"] == 1
    assert run(feed, **lost, assume_new=True) == 0
    assert run.writes()["POST", "bankFeeds"] == 2


def test_what_a_run_remembers_of_its_journals_stays_small(run, monkeypatch):
    monkeypatch.setattr("target_clearbooks.deliver.precheck._MOST_KEPT", 2)
    sizes = []
    take_in = WrittenLately.add

    def add(lately, task, others):
        take_in(lately, task, others)
        sizes.append(len(lately._equal))

    monkeypatch.setattr(WrittenLately, "add", add)
    lines = [(("9501001", f"-{n}"), ("9001002", f"{n}")) for n in range(1, 6)]
    assert run([*schema("journals"), *(journal(f"J{n}", *x) for n, x in enumerate(lines))]) == 0
    assert sizes == [1, 2, 2, 2, 2]


def test_a_void_that_is_refused_because_it_was_carried_out(run, monkeypatch):
    assert run([*TWO, customer(), invoice()]) == 0
    run.sandbox.faults.plan("drop-after", method="DELETE")
    run.sandbox.faults.plan("error", method="DELETE", nth=2, status=409)
    monkeypatch.setattr(Reconciler, "_changed", lambda *_: Absent())
    assert run([*TWO, record("sales_invoices", "I1", _operation="void")]) == 0
    assert run.writes()["DELETE", "sales"] == 2
    assert not run.invoices()


def test_a_refusal_without_words_names_what_it_may_be(run, monkeypatch):
    def refuse(*_args, **_more):
        raise RejectedError("createCustomer", 400)

    monkeypatch.setattr("clearbooks.client.Client.write", refuse)
    assert run([*schema("customers"), customer()]) == 3
    [reason] = run.rejects[0]["reasons"]
    assert "externalId: see the setting `match`" in reason


def test_answers_with_nothing_but_an_id_are_completed(run):
    """What follows in the run needs the amounts, names and IDs that the ledger gave."""
    run.sandbox.dialects.on("bare-answers")
    streams = schema("customers", "payments", "sales_invoices", "sales_allocations")
    for amount, net in (("120.00", 100), ("96.00", 80)):
        messages = [
            *streams,
            customer(name="Ada Bell"),
            invoice("I1", "C1", line(net), customer={"name": "Ada Bell"}),
            payment(amount=amount, invoice={"externalId": "I1"}),
        ]
        assert run(messages, on_change="replace") == 0
        (there,) = run.listed("listAllocations", invoiceType="sales")
        assert f"{there['amount']:.2f}" == amount
        assert [row["due"] for row in run.invoices()] == [0]
