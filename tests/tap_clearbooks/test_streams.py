"""All readable streams: catalog, keys, schemas, and real records of each."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal

import jsonschema
import pytest

from clearbooks.contract import load_contract
from clearbooks.pacing import Pacer
from clearbooks_sandbox import AccountingEngine, Options, demo, running
from tap_clearbooks.streams import STREAMS
from tap_clearbooks.tap import TapClearbooks
from tests.clearbooks.paging.at_once import most_at_once
from tests.ledger import ONE, TWO
from tests.tap_clearbooks.conftest import Books, Collector, Output, select

ATTACHMENTS = {"sales_attachments", "purchase_attachments"}


@pytest.fixture(scope="module")
def catalog():
    return TapClearbooks(config={}, setup_mapper=False).catalog_dict["streams"]


def test_every_resource_that_the_api_lists_is_a_stream(catalog):
    readable = {name for name, r in load_contract().resources.items() if r.readable}
    assert {entry["tap_stream_id"] for entry in catalog} == readable == set(STREAMS)
    assert len(readable) == 22


def test_keys_begin_with_the_business_and_are_required(catalog):
    for entry in catalog:
        assert entry["key_properties"][0] == "businessId"
        assert entry["schema"]["required"] == list(entry["key_properties"])
        for name in entry["key_properties"]:
            assert "null" not in entry["schema"]["properties"][name]["type"]


def test_everything_but_the_attachments_is_selected(catalog):
    def selected(entry):
        root = next(m["metadata"] for m in entry["metadata"] if not m["breadcrumb"])
        return root.get("selected", root.get("selected-by-default"))

    assert {e["tap_stream_id"] for e in catalog if not selected(e)} == ATTACHMENTS


def test_types_are_those_of_the_contract(catalog):
    for entry in catalog:
        resource = load_contract().resources[entry["tap_stream_id"]]
        for name, field in entry["schema"]["properties"].items():
            if name in {"businessId", "_sdc_deleted_at"} or name in resource.dimensions:
                continue
            theirs = resource.schema["properties"][name]["type"]
            theirs = theirs if isinstance(theirs, list) else [theirs]
            ours = field["type"] if isinstance(field["type"], list) else [field["type"]]
            assert set(ours) - {"null"} == set(theirs) - {"null"}, (entry["tap_stream_id"], name)


def test_schemas_hold_no_references_enums_or_words_of_openapi(catalog):
    text = str([entry["schema"] for entry in catalog])
    for word in ("$ref", "'enum'", "int32", "'double'", "readOnly", "x-"):
        assert word not in text


@pytest.fixture(scope="module")
def demo_run(tmp_path_factory):
    """One run of every stream over the demo business."""
    engine = AccountingEngine(None)
    demo.build(engine)
    with running(engine, Options()) as server:
        writer = Collector()
        config = Books(server).config(tmp_path_factory.mktemp("tap"), attachments=True)
        tap = TapClearbooks(config=config, catalog=select(STREAMS), message_writer=writer)
        tap.sync_all()
        tap.close()
        return Output([json.loads(x, parse_float=Decimal) for x in writer.data.splitlines()])


@pytest.mark.parametrize("stream", sorted(STREAMS))
def test_records_fit_their_schema_and_their_keys_are_unique(stream, demo_run):
    output = demo_run
    schema = next(m for m in output.of_type("SCHEMA") if m["stream"] == stream)
    records = output.records(stream)
    assert records
    validator = jsonschema.Draft202012Validator(
        schema["schema"], format_checker=jsonschema.FormatChecker()
    )
    for record in records:
        validator.validate(record)
    keys = [tuple(record[name] for name in schema["key_properties"]) for record in records]
    assert len(set(keys)) == len(keys)


def test_numbers_agree_with_the_books(demo_run):
    output = demo_run
    for business in output.records("businesses"):

        def of(stream, business_id=business["id"]):
            return [r for r in output.records(stream) if r["businessId"] == business_id]

        lines, balances = of("transaction_lines"), of("account_balances")
        assert sum(r["amount"] for r in lines) == 0
        for account in {r["accountCodeId"] for r in lines}:
            posted = sum(r["amount"] for r in lines if r["accountCodeId"] == account)
            summed = sum(r["balance"] for r in balances if r["accountCodeId"] == account)
            assert posted == summed


def test_lines_are_those_of_the_transactions_in_order(demo_run):
    output = demo_run
    wanted = [
        (t["businessId"], t["id"], t["accountingDate"], number, x["accountCodeId"], x["amount"])
        for t in output.records("transactions")
        for number, x in enumerate(t["lines"], 1)
    ]
    got = [
        (
            r["businessId"],
            r["transactionId"],
            r["accountingDate"],
            r["lineNumber"],
            r["accountCodeId"],
            r["amount"],
        )
        for r in output.records("transaction_lines")
    ]
    assert got == wanted


def test_every_stream_with_an_id_ascends(demo_run):
    output = demo_run
    for stream in STREAMS:
        records = output.records(stream)
        if stream in ATTACHMENTS or stream == "businesses" or "id" not in records[0]:
            continue
        ids = [(r["businessId"], r["id"]) for r in records]
        assert ids == sorted(ids), stream


def test_vat_rates_of_both_sides_and_every_treatment(demo_run):
    output = demo_run

    def of(stream, key):
        return {(r["businessId"], r["vatType"], r[key]) for r in output.records(stream)}

    treatments, rates = of("vat_treatments", "key"), of("vat_rates", "vatTreatment")
    assert rates == treatments
    assert {side for _, side, _ in rates} == {"sales", "purchases"}


def test_balances_stand_for_whole_periods(demo_run):
    output = demo_run
    for record in output.records("account_balances"):
        start = dt.date.fromisoformat(record["accountingDateFrom"])
        end = dt.date.fromisoformat(record["accountingDateTo"])
        assert start.day == 1
        assert (end + dt.timedelta(days=1)).day == 1
        assert (start.year, start.month) == (end.year, end.month)


def test_attachments_name_their_document(demo_run):
    output = demo_run
    for record in output.records("sales_attachments"):
        assert record["salesType"] in {"invoices", "creditNotes", "quotes"}
        assert record["salesId"] > 0


def test_no_more_requests_are_under_way_than_the_setting_says(books, run_tap, monkeypatch):
    monkeypatch.setattr(
        "clearbooks.client.open_pacer", lambda _: Pacer(None, sleep=lambda _seconds: None)
    )
    for business in (ONE, TWO):
        for n in range(40):
            books.do("createCustomer", {"name": f"Customer {n}"}, business=business)
            books.do("createSupplier", {"name": f"Supplier {n}"}, business=business)
    books.server.options.latency_ms = 40
    # Streams that come next are read ahead, each in a thread of its own.
    out = run_tap(["customers", "suppliers", "account_codes"], page_size=5, max_in_flight=2)
    assert len(out.ids("customers")) == len(out.ids("suppliers")) == 80
    assert most_at_once(books.asked()) == 2


def test_attachments_that_are_selected_need_a_setting_besides(books, run_tap, caplog):
    caplog.set_level("INFO")
    invoice = books.invoice(books.do("createCustomer", {"name": "A"})["id"])
    books.do(
        "createSalesAttachment", b"x", salesType="invoices", salesId=invoice["id"], fileName="a.txt"
    )
    output = run_tap([*ATTACHMENTS, "customers"])
    assert {m["stream"] for m in output.of_type("SCHEMA")} == {"customers"}
    assert not books.asked("/attachments")
    told = [r.getMessage() for r in caplog.records if "set attachments to true" in r.getMessage()]
    assert len(told) == 1
    output = run_tap([*ATTACHMENTS, "customers"], attachments=True)
    assert len(output.records("sales_attachments")) == 1


def test_nobody_is_told_of_attachments_that_are_not_selected(run_tap, caplog):
    caplog.set_level("INFO")
    run_tap(["customers"])
    assert "attachments" not in caplog.text.replace(
        "deselected stream 'sales_attachments'", ""
    ).replace("deselected stream 'purchase_attachments'", "")
