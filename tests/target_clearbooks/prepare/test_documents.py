"""Documents: references by name, VAT, prices, totals, and every fault in one message."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal

import pytest

from target_clearbooks.intent import Intent, Missing, Rejected, Waiting, WriteOperation
from target_clearbooks.ledger.amounts import pennies
from target_clearbooks.ledger.spelling import fold
from target_clearbooks.prepare.stream_shapes import shape_of
from target_clearbooks.writable import WRITABLE
from tests.ledger import COST, SALES, STANDARD
from tests.target_clearbooks.prepared import bill, invoice, line

ACME = {"name": "Acme Ltd"}


def test_names_become_ids(ledger):
    customer = ledger.customer()
    outcome = ledger.prepare(
        "sales_invoices",
        invoice(
            {"name": "ACME LIMITED"},
            {
                "description": "Thing",
                "unit_price": "12.50",
                "Quantity": "2",
                "account_code": "revenue",
                "vatRate": "20%",
            },
            vatTreatment="Sale in the UK",
            document_number=17,
        ),
    )
    assert isinstance(outcome, Intent)
    assert outcome.operation is WriteOperation.CREATE
    assert outcome.params == {"salesType": "invoices"}
    reference = outcome.body.pop("reference")
    assert reference == outcome.marker
    assert reference.startswith("CB-")
    assert outcome.body == {
        "date": "2024-03-01",
        "vatTreatment": "UK",
        "customerId": customer,
        "documentNumber": "17",
        "lineItems": [
            {
                "description": "Thing",
                "unitPrice": Decimal("12.50"),
                "quantity": Decimal(2),
                "accountCode": SALES,
                "vatRateKey": STANDARD,
            }
        ],
    }
    assert ledger.create(outcome)["gross"] == Decimal("30.00")


def test_a_pennies_text_survives(ledger):
    ledger.customer()
    body = ledger.body("sales_invoices", invoice(ACME, line("12.50")))
    assert str(body["lineItems"][0]["unitPrice"]) == "12.50"
    body = ledger.body("sales_invoices", invoice(ACME, line("0.3000001")))
    assert str(body["lineItems"][0]["unitPrice"]) == "0.3000001"


@pytest.mark.parametrize("gross", [13.940000000000001, "13.939999999999999", "13.9400000099"])
def test_what_a_binary_number_is_off_by_is_rounded(ledger, gross):
    ledger.customer()
    body = ledger.body("sales_invoices", invoice(ACME, line(gross=gross, unitPrice=None)))
    [sent] = body["lineItems"]
    assert pennies(sent["unitPrice"] * sent["quantity"]) + pennies(
        sent.get("vatAmount") or sent["unitPrice"] / 5
    ) == Decimal("13.94")
    body = ledger.body("sales_invoices", invoice(ACME, line(0.1 + 0.2)))
    assert str(body["lineItems"][0]["unitPrice"]) == "0.30"


@pytest.mark.parametrize("gross", ["13.945", "13.94000002"])
def test_no_reason_names_a_field_that_was_not_sent(ledger, gross):
    ledger.customer()
    record = invoice(ACME, line(gross=gross, unitPrice=None))
    assert ledger.faults("sales_invoices", record) == (
        f"lineItems[0].gross: {gross} has parts of a penny"
    )


@pytest.mark.parametrize(
    "value",
    [
        "2024-03-01T10:20:30Z",
        "2024-03-01 23:59:59+01:00",
        dt.date(2024, 3, 1),
        dt.datetime(2024, 3, 1, 12, tzinfo=dt.UTC),
    ],
)
def test_dates_are_cut_to_the_day(ledger, value):
    ledger.customer()
    assert ledger.body("sales_invoices", invoice(ACME, date=value))["date"] == "2024-03-01"


def test_every_fault_comes_in_one_message(ledger):
    ledger.customer()
    record = invoice(
        {"name": "Nobody"},
        line("ten", account="Revnue", rate="17.5%"),
        {"quantity": 1, "unitPrice": 1, "accountCode": SALES, "acountCode": 1},
        date="01/02/2024",
        vatTreatment="Moon",
        exchangeRate=1.2,
        dateDu="2024-01-01",
    )
    outcome = ledger.prepare("sales_invoices", record)
    assert isinstance(outcome, Rejected)
    text = "\n".join(outcome.reasons)
    for part in (
        "customer: no customer matches",
        "lineItems[0].unitPrice: 'ten' should be a number",
        "lineItems[0].accountCode: there is no account code 'Revnue'",
        "no account code 'Revnue'; the nearest name is 'Revenue'; the setting references says",
        "lineItems[1].description: is required",
        "lineItems[1].vatRateKey: is required",
        "lineItems[1].acountCode: unknown field; did you mean accountCode?",
        "date: '01/02/2024' should be a date as YYYY-MM-DD",
        "vatTreatment: the business has no VAT treatment 'Moon' for sales; it has UK,",
        "exchangeRate: goes only with currency",
        "dateDu: unknown field; did you mean dateDue?",
    ):
        assert part in text, text
    # What is given and wrong is not called absent too.
    assert not {r for r in outcome.reasons if r.startswith(("date:", "customerId:"))} - {
        "date: '01/02/2024' should be a date as YYYY-MM-DD"
    }


def test_what_is_required_is_said_with_how_to_name_it(ledger):
    text = ledger.faults("sales_invoices", {"externalId": "1", "lineItems": [line()]})
    assert "customerId: is required; name it by customer or contact" in text
    assert "date: is required" in text
    assert "vatTreatment: is required" in text


@pytest.mark.parametrize(
    ("stream", "words"),
    [
        ("sales_invoices", "a credit note is meant"),
        ("sales_credit_notes", "the amounts of a credit note are positive"),
        ("quotes", "a quote cannot be negative"),
    ],
)
def test_negative_totals(ledger, stream, words):
    ledger.customer()
    text = ledger.faults(stream, invoice(ACME, line(10), line(-25)))
    assert f"lineItems: the total is -18.00: {words}" in text
    assert isinstance(ledger.prepare(stream, invoice(ACME, line(25), line(-10))), Intent)


@pytest.mark.parametrize("stream", ["bills", "expenses"])
def test_a_suppliers_refund_has_a_negative_total(ledger, stream):
    ledger.supplier()
    outcome = ledger.prepare(stream, bill({"name": "Supplies Ltd"}, line(-25, account=COST)))
    assert isinstance(outcome, Intent), outcome
    assert ledger.create(outcome)["gross"] == -30


def test_a_purchase_credit_note_takes_no_due_date(ledger):
    ledger.supplier()
    record = bill({"name": "Supplies Ltd"}, line(account=COST), dateDue="2024-05-01")
    outcome = ledger.prepare("purchase_credit_notes", record)
    assert "dateDue" not in outcome.body
    assert outcome.warnings == ("dateDue: is not sent: a credit note takes none",)
    assert "dateDue" not in ledger.create(outcome)
    assert ledger.prepare("bills", record).body["dateDue"] == "2024-05-01"


def test_currency_and_rate(ledger):
    ledger.customer()
    assert "goes only with currency" in ledger.faults(
        "sales_invoices", invoice(ACME, exchangeRate="1.27")
    )
    assert "should be a code such as EUR" in ledger.faults(
        "sales_invoices", invoice(ACME, currency="Euro")
    )
    assert "should be above 0" in ledger.faults(
        "sales_invoices", invoice(ACME, currency="USD", exchangeRate=-1)
    )
    outcome = ledger.prepare("sales_invoices", invoice(ACME, currency="usd"))
    assert outcome.body["currency"] == "USD"
    assert "the API provides the rate" in outcome.warnings[0]
    outcome = ledger.prepare("sales_invoices", invoice(ACME, currency="USD", exchangeRate=1.27))
    assert (outcome.body["exchangeRate"], outcome.warnings) == (Decimal("1.27"), ())


def test_markers(ledger):
    ledger.customer()
    outcome = ledger.prepare("sales_invoices", invoice(ACME, reference="PO 77"))
    assert (outcome.body["reference"], outcome.marker) == ("PO 77", "PO 77")
    outcome = ledger.prepare("sales_invoices", invoice(ACME), marker="off")
    assert outcome.marker is None
    assert "reference" not in outcome.body
    other = ledger.prepare("sales_invoices", invoice(ACME), key="I2")
    assert other.marker != ledger.prepare("sales_invoices", invoice(ACME), key="I1").marker


def test_what_the_map_holds_is_updated(ledger):
    customer = ledger.customer()
    number = ledger.sale(customer)["id"]
    ledger.map.set("sales_invoices", "I1", number)
    outcome = ledger.prepare("sales_invoices", invoice(ACME))
    assert (outcome.operation, outcome.remote_id) == (WriteOperation.UPDATE, number)
    void = ledger.prepare("sales_invoices", {"externalId": "I1", "_operation": "void"})
    assert (void.operation, void.remote_id, void.body) == (WriteOperation.VOID, number, None)


def test_hash_does_not_depend_on_the_way_a_number_is_written(ledger):
    ledger.customer()
    hashes = {
        ledger.prepare("sales_invoices", invoice(ACME, line(price))).hash
        for price in ("12.5", 12.5, Decimal("12.50"), "12.500")
    }
    assert len(hashes) == 1
    ledger.map.set("sales_invoices", "I1", 5)
    assert ledger.prepare("sales_invoices", invoice(ACME, line("12.50"))).hash in hashes


def test_operations(ledger):
    assert "should be one of upsert, create, update, replace, void, delete" in ledger.faults(
        "sales_invoices", {"externalId": "1", "_operation": "destroy"}
    )
    assert "nothing of sales_invoices is known by the source key '1'" in ledger.faults(
        "sales_invoices", {"externalId": "1", "_operation": "void"}
    )
    ledger.map.set("customers", "1", 5)
    record = {"externalId": "1", "_operation": "void"}
    assert "customers cannot be voided" in ledger.faults("customers", record)
    record["_operation"] = "delete"
    assert "allow_delete" in ledger.faults("customers", record)
    outcome = ledger.prepare("customers", record, allow_delete=True)
    assert (outcome.operation, outcome.remote_id) == (WriteOperation.DELETE, 5)
    ledger.map.set("bank_feeds", "1", 5)
    assert "cannot" in ledger.faults("bank_feeds", {"externalId": "1", "_operation": "void"})
    ledger.map.set("journals", "1", 5)
    outcome = ledger.prepare("journals", {"externalId": "1", "_operation": "void"})
    assert (outcome.operation, outcome.body) == (WriteOperation.VOID, None)


def test_json_text_and_flattened_keys(ledger):
    customer = ledger.customer()
    record = invoice(None, customer__name="Acme Ltd", lineItems=json.dumps([line(5)]))
    body = ledger.body("sales_invoices", {k: v for k, v in record.items() if k != "customer"})
    assert body["customerId"] == customer
    assert body["lineItems"][0]["unitPrice"] == Decimal(5)


def test_a_field_twice(ledger):
    ledger.customer()
    text = ledger.faults(
        "sales_invoices", invoice(ACME, dateDue="2024-04-01", date_due="2024-05-01")
    )
    assert "dateDue: given twice" in text


def test_read_only_fields_of_the_tap_are_no_faults(ledger):
    customer = ledger.customer()
    read = ledger.sale(customer)
    outcome = ledger.prepare(
        "sales_invoices", {**read, "businessId": ledger.business, "bogus": None}
    )
    assert isinstance(outcome, Intent)
    assert outcome.expected == {"gross": 120, "net": 100, "vat": 20}
    assert not {"id", "status", "due", "gross", "formattedDocumentNumber"} & outcome.body.keys()


def test_another_business_is_refused(ledger):
    ledger.customer()
    text = ledger.faults("sales_invoices", invoice(ACME, businessId=ledger.business + 1))
    assert "is not the business that is written" in text


def test_defaults_and_names_of_the_source(ledger):
    cash = ledger.customer("Cash sales")
    record = invoice(None, line(account="4000", rate="T1"), vatTreatment=None)
    body = ledger.body(
        "sales_invoices",
        record,
        references={
            "sales_invoices.customer": {"*": "Cash sales"},
            "accountCode": {"4000": "Revenue"},
            "vatRate": {"T1": "20%"},
            "vatTreatment": {"*": "UK"},
        },
    )
    assert body["customerId"] == cash
    assert body["lineItems"][0]["accountCode"] == SALES
    assert body["lineItems"][0]["vatRateKey"] == STANDARD


def test_contacts_by_id_are_looked_up(ledger):
    customer = ledger.customer()
    record = invoice(None, customerId=str(customer))
    assert ledger.body("sales_invoices", record)["customerId"] == customer
    text = ledger.faults("sales_invoices", invoice(None, customerId=99999))
    assert "there is no customer 99999" in text
    text = ledger.faults("sales_invoices", invoice(ACME, customerId=customer))
    assert "customerId: give one of customer, customerId" in text


def test_a_parent_that_is_not_there_yet(ledger):
    outcome = ledger.prepare("sales_invoices", invoice({"externalId": "C9"}))
    assert isinstance(outcome, Waiting)
    assert outcome.on == (("customers", "C9"), ("customers", '["C9"]'))
    ledger.map.set("customers", "C9", 77)
    outcome = ledger.prepare("sales_invoices", invoice({"externalId": "C9"}))
    assert outcome.body["customerId"] == 77
    assert outcome.depends_on == (("customers", "C9"),)


def test_create_missing(ledger):
    record = invoice({"name": "New Ltd", "email": "a@new.example"})
    outcome = ledger.prepare("sales_invoices", record, create_missing=frozenset({"customers"}))
    assert isinstance(outcome, Missing)
    ((stream, parent),) = outcome.parents
    assert (stream, parent["name"], parent["email"]) == ("customers", "New Ltd", "a@new.example")
    made = ledger.prepare(stream, parent)
    assert made.operation is WriteOperation.CREATE
    assert "externalId" not in made.body
    answer = ledger.create(made)
    ledger.lookups.wrote("customers", answer)
    ledger.map.set("customers", parent["externalId"], answer["id"])
    again = ledger.prepare("sales_invoices", record, create_missing=frozenset({"customers"}))
    assert again.body["customerId"] == answer["id"]


def test_cis_lines_keep_their_accounts_and_vat(ledger):
    ledger.engine.switch_on(ledger.business, "cis")
    ledger.supplier()
    outcome = ledger.prepare(
        "bills",
        bill(
            {"name": "Supplies Ltd"},
            line(800, "CIS labour cost 20%"),
            line(200, "Materials"),
        ),
    )
    assert [item["accountCode"] for item in outcome.body["lineItems"]] == [2002001, 2001003]
    assert ledger.create(outcome)["net"] == Decimal(1000)


def test_a_null_rate_is_sent_by_an_update_alone(ledger):
    ledger.customer()
    record = invoice(ACME, currency="USD", exchangeRate=None)
    assert "exchangeRate" not in ledger.body("sales_invoices", record)
    ledger.map.set("sales_invoices", "I1", 5)
    assert ledger.body("sales_invoices", record)["exchangeRate"] is None
    assert "exchangeRate" not in ledger.body("sales_invoices", invoice(ACME, exchangeRate=None))


def test_a_line_may_have_an_empty_description(ledger):
    ledger.customer()
    body = ledger.body("sales_invoices", invoice(ACME, {**line(), "description": ""}))
    assert body["lineItems"][0]["description"] == ""


def test_lines_that_are_none(ledger):
    ledger.customer()
    assert "lineItems[0]: 'x' should be an object" in ledger.faults(
        "sales_invoices", invoice(ACME, "x")
    )
    assert "lineItems[1]: is empty" in ledger.faults("sales_invoices", invoice(ACME, line(), {}))
    assert "lineItems: a document needs at least one line" in ledger.faults(
        "sales_invoices", {**invoice(ACME), "lineItems": []}
    )
    assert "lineItems: 5 should be a list" in ledger.faults(
        "sales_invoices", {**invoice(ACME), "lineItems": 5}
    )


def test_no_two_fields_are_spelt_alike():
    for stream in WRITABLE:
        if "attachments" not in stream:
            readers = shape_of(stream).readers
            assert len({fold(name) for name in readers}) == len(readers)
