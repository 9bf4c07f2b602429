"""The schema of a stream's records: just what the target reads, and just what it requires."""

from __future__ import annotations

import pytest
from jsonschema import Draft7Validator

from clearbooks_sandbox import AccountingEngine
from target_clearbooks.control_fields import CONTROL_FIELDS
from target_clearbooks.expand import carried, expanded
from target_clearbooks.intent import Intent
from target_clearbooks.prepare.record_schema import needs_of, record_schema
from target_clearbooks.prepare.stream_shapes import shape_of
from target_clearbooks.writable import WRITABLE, Kind
from tests.ledger import COST
from tests.target_clearbooks.prepared import Ledger, line

ATTACHMENTS = [name for name, row in WRITABLE.items() if row.kind is Kind.ATTACHMENT]
OTHERS = [name for name in WRITABLE if name not in ATTACHMENTS]
JOURNAL_LINES = [
    {"accountCode": "Revenue", "credit": 5},
    {"bankAccount": "Current account", "debit": 5},
]
STATEMENT = {"transactionId": "1", "transactionDate": "2024-03-01", "description": "x", "amount": 1}


@pytest.fixture(scope="module")
def ledger():
    engine = AccountingEngine()
    made = Ledger(engine, engine.add_business("Test Limited"))
    customer, supplier = made.customer(), made.supplier()
    made.map.set("sales_invoices", "S", made.sale(customer)["id"])
    made.map.set("bills", "B", made.bill(supplier)["id"])
    made.map.set("payments", "P", made.pay(customer, 10))
    made.map.set("payments", "Q", made.pay(supplier, -10))
    made.map.set("bank_feeds", "F", "17")
    yield made
    made.lookups.close()
    engine.close()


def whole(stream):
    """A record with all that is required of a stream, by the friendliest names."""
    document = {"date": "2024-03-01", "vatTreatment": "UK", "lineItems": [line()]}
    sale = {**document, "customer": "Acme Ltd"}
    bought = {"supplier": "Supplies Ltd", "lineItems": [line(account=COST)]}
    return {
        "account_codes": {"name": "Bells", "heading": 1001000},
        "bank_accounts": {"name": "Euro"},
        "customers": {"name": "Bell"},
        "suppliers": {"name": "Bell"},
        "stock_items": {"name": "Bell", "type": "sales"},
        "payments": {
            "date": "2024-03-01",
            "amount": 5,
            "customer": "Acme Ltd",
            "bankAccount": "Current account",
        },
        "sales_allocations": {"invoice": {"externalId": "S"}, "payment": {"externalId": "P"}},
        "purchase_allocations": {"bill": {"externalId": "B"}, "payment": {"externalId": "Q"}},
        "bank_feeds": {"bankAccount": "Current account"},
        "bank_statements": {"feed": {"externalId": "F"}, **STATEMENT},
        "journals": {"accountingDate": "2024-03-01", "lines": JOURNAL_LINES},
        "businesses": {"name": "Test Limited"},
    }.get(stream, sale if WRITABLE[stream].contact == "customerId" else document | bought)


@pytest.mark.parametrize("stream", OTHERS)
def test_it_holds_what_records_are_read_by(stream):
    shape, found = shape_of(stream), record_schema(stream)["properties"]
    read = {name for name, reader in shape.readers.items() if reader is not None}
    assert read | {"externalId", "businessId"} | set(carried(stream)) <= set(found)
    assert not set(CONTROL_FIELDS) & set(found)


@pytest.mark.parametrize("stream", WRITABLE)
def test_no_field_of_it_is_unknown_to_the_target(ledger, stream):
    for name in record_schema(stream)["properties"]:
        is_item = WRITABLE[stream].flat and not shape_of(stream).knows(name)
        single = {"transactionId": "1"} if is_item else {}
        record = {"externalId": "X", **single, name: "2024-03-01"}
        try:
            parts = expanded(stream, record, ())
        except ValueError:
            continue
        for each, part in parts:
            outcome = ledger.prepare(each, part, "X")
            reasons = () if isinstance(outcome, Intent) else getattr(outcome, "reasons", ())
            assert not [r for r in reasons if "unknown field" in r], name


@pytest.mark.parametrize("stream", OTHERS)
def test_what_is_required_is_enough_and_without_any_of_it_a_record_is_refused(ledger, stream):
    record, schema = whole(stream), record_schema(stream)
    assert list(Draft7Validator(schema).iter_errors(record)) == []
    outcome = ledger.prepare(stream, record, "X", assume_new=True)
    assert isinstance(outcome, Intent), outcome
    for need in needs_of(stream):
        given = {name for way in need for name in way} & set(record)
        assert given, need
        less = {name: value for name, value in record.items() if name not in given}
        outcome = ledger.prepare(stream, less, "X", assume_new=True)
        assert not isinstance(outcome, Intent), (need, outcome)


@pytest.mark.parametrize("stream", ATTACHMENTS)
def test_an_attachment_needs_a_document_a_name_and_bytes(ledger, stream):
    noun, key = ("invoice", "S") if stream.startswith("sales") else ("bill", "B")
    record = {noun: {"externalId": key}, "fileName": "a.pdf", "content": "JVBERi0xLjQK"}
    assert isinstance(ledger.prepare(stream, record, "X"), Intent)
    for need in needs_of(stream):
        given = {name for way in need for name in way} & set(record)
        less = {name: value for name, value in record.items() if name not in given}
        assert not isinstance(ledger.prepare(stream, less, "X"), Intent), need
